#include <fmt/format.h>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/env.h"
#include "proto/base/uri.h"
#include "proto/codec/json.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
std::string target_of(const v1::FaultRule& rule) {
  std::string text = rule.match().dp() + " " + rule.match().package();
  if (rule.match().version() != 0) text += "." + std::to_string(rule.match().version());
  return text + " " + rule.match().file();
}

Status show_rule(const Cli& cli, const v1::FaultRule& rule) {
  if (cli.json) {
    print_json(rule);
    return ok_status();
  }
  print_fields({{"fault", rule.id()},
                {"where", target_of(rule)},
                {"first wrong offset", std::to_string(rule.foretold().first_wrong_offset())},
                {"file SHA-1", rule.foretold().file().sha1()},
                {"file SHA-256", rule.foretold().file().sha256()},
                {"package SHA-1", rule.foretold().package().sha1()},
                {"package SHA-256", rule.foretold().package().sha256()},
                {"healed", rule.healed() ? "yes" : ""}});
  return ok_status();
}

// JSON on the command line, or @FILE.
Status add_rule(const Cli& cli, const std::string& argument) {
  std::string text = argument;
  if (argument.starts_with('@')) {
    ASSIGN_OR_RETURN(text, read_file(posix_env(), argument.substr(1), 1 << 20));
  }
  v1::FaultRule rule;
  RETURN_IF_ERROR(codec::from_json(text, &rule));
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::FaultRule added;
  RETURN_IF_ERROR(lab.call("POST", "/api/v1/faults", &rule, &added));
  return show_rule(cli, added);
}

Status list_rules(const Cli& cli) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::FaultList list;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/faults", nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& rule : list.faults()) {
    rows.push_back({rule.id(), rule.healed() ? "healed" : "active", "corrupt", target_of(rule)});
  }
  print_table({"ID", "STATE", "EFFECT", "WHERE"}, rows);
  return ok_status();
}
}  // namespace

void add_fault(CLI::App& app, Cli& cli) {
  CLI::App* fault = app.add_subcommand("fault", "Faults: add, list, show, clear");
  fault->require_subcommand(1)->fallthrough();
  auto text = std::make_shared<std::string>();
  add_verb(*fault, cli, "add", "Add a fault; prints what clients will see",
           [&cli, text] { return add_rule(cli, *text); })
      ->add_option("RULE", *text, "JSON, or @FILE that holds it")
      ->required();
  add_verb(*fault, cli, "list", "All faults", [&cli] { return list_rules(cli); });
  add_verb(*fault, cli, "show", "One fault and what it foretold",
           [&cli, text]() -> Status {
             ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
             v1::FaultRule rule;
             RETURN_IF_ERROR(lab.call("GET", "/api/v1/faults/" + percent_encode_component(*text), nullptr, &rule));
             return show_rule(cli, rule);
           })
      ->add_option("ID", *text, "the fault's number")
      ->required();
  add_verb(*fault, cli, "clear", "Take back one fault, or all", [&cli, text]() -> Status {
    ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
    return lab.call("DELETE", "/api/v1/faults" + (text->empty() ? "" : "/" + percent_encode_component(*text)), nullptr,
                    nullptr);
  })->add_option("ID", *text, "the fault's number; without it, all");
}

}  // namespace smslab::cli
