#include <fmt/format.h>

#include "mp/cli/fault_verbs.h"
#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/env.h"
#include "proto/base/uri.h"
#include "proto/codec/json.h"
#include "proto/fault/damage.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
// "0x80091007, CAS.log: Download failed ...": whatever of it is told.
std::string symptom_of(const v1::ClientSymptom& client) {
  std::string text = client.error();
  if (!client.line().empty()) text += (text.empty() ? "" : ", ") + client.log() + ": " + client.line();
  if (!client.event().empty()) text += (text.empty() ? "" : ", ") + client.event();
  return text;
}

std::string hits_of(const v1::FaultRule& rule) {
  if (fault::at_rest(rule) || rule.has_down())
    return "-";  // nobody counts what lies there, or whom a shut door keeps out
  const v1::FaultCounts& counts = rule.counts();
  return fmt::format("{} of {}", counts.hit(), counts.matched());
}

Status show_rule(const Cli& cli, const v1::FaultRule& rule) {
  if (cli.json) {
    print_json(rule);
  } else {
    print_rule(rule);
  }
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
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::FaultRule added;
  RETURN_IF_ERROR(lab.call("POST", "/api/v1/faults", &rule, &added));
  return show_rule(cli, added);
}

Status list_rules(const Cli& cli) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::FaultList list;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/faults", nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& rule : list.faults()) {
    rows.push_back(
        {rule.id(), rule.healed() ? "healed" : "active", effect_of(rule), hits_of(rule), target_of(rule.match())});
  }
  print_table({"ID", "STATE", "EFFECT", "HITS", "WHERE"}, rows);
  return ok_status();
}

// `id` empty: all.
Status clear(const Cli& cli, const std::string& id) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  if (!id.empty()) return lab.call("DELETE", "/api/v1/faults/" + percent_encode_component(id), nullptr, nullptr);
  v1::FaultList list;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/faults", nullptr, &list));
  RETURN_IF_ERROR(lab.call("DELETE", "/api/v1/faults", nullptr, nullptr));
  if (!cli.json) fmt::print("{} fault{} taken back\n", list.faults_size(), list.faults_size() == 1 ? "" : "s");
  return ok_status();
}
}  // namespace

std::string target_of(const v1::FaultMatch& match) {
  std::string package = match.package();
  if (match.version() != 0) package += "." + std::to_string(match.version());
  const std::string role =
      match.role() == v1::FaultMatch::ANY_ROLE || !match.dp().empty() ? "" : v1::FaultMatch::Role_Name(match.role());
  std::string text;
  std::string range;
  if (match.has_range()) {
    const std::string last = match.range().has_last() ? std::to_string(match.range().last()) : "";
    range = fmt::format("bytes {}-{}", match.range().first(), last);
  }
  for (const auto& part : {role, match.dp(), match.route(), match.method(), package, match.file(), range,
                           match.client(), match.smsid(), match.address()}) {
    if (part.empty()) continue;
    text += (text.empty() ? "" : " ") + part;
  }
  return text.empty() ? "anything" : text;
}

std::string effect_of(const v1::FaultRule& rule) {
  const auto* effect = rule.GetReflection()->GetOneofFieldDescriptor(rule, v1::FaultRule::descriptor()->oneof_decl(0));
  return effect == nullptr ? "" : effect->name();
}

void print_rule(const v1::FaultRule& rule) {
  print_fields(
      {{"fault", rule.id()},
       {"effect", effect_of(rule)},
       {"where", target_of(rule.match())},
       {"first wrong offset", rule.foretold().has_file() ? std::to_string(rule.foretold().first_wrong_offset()) : ""},
       {"file SHA-1", rule.foretold().file().sha1()},
       {"file SHA-256", rule.foretold().file().sha256()},
       {"package SHA-1", rule.foretold().package().sha1()},
       {"package SHA-256", rule.foretold().package().sha256()},
       {"a client shows", symptom_of(rule.foretold().client())},
       {"status", rule.foretold().status() != 0 ? std::to_string(rule.foretold().status()) : ""},
       {"bytes of the file", rule.foretold().bytes() != 0 ? std::to_string(rule.foretold().bytes()) : ""},
       {"hits", hits_of(rule) == "-" ? "" : hits_of(rule)},
       {"last client", rule.counts().last_client()},
       {"healed", rule.healed() ? "yes" : ""}});
}

void add_fault(CLI::App& app, Cli& cli) {
  CLI::App* fault = app.add_subcommand("fault", "Faults: add, list, show, clear, plan, preset");
  fault->require_subcommand(1)->fallthrough();
  auto text = std::make_shared<std::string>();
  add_verb(*fault, cli, "add", "Add a fault; prints what clients will see",
           [&cli, text] { return add_rule(cli, *text); })
      ->add_option("RULE", *text, "JSON, or @FILE that holds it")
      ->required();
  add_verb(*fault, cli, "list", "All faults", [&cli] { return list_rules(cli); });
  add_verb(*fault, cli, "show", "One fault and what it foretold",
           [&cli, text]() -> Status {
             ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
             v1::FaultRule rule;
             RETURN_IF_ERROR(lab.call("GET", "/api/v1/faults/" + percent_encode_component(*text), nullptr, &rule));
             return show_rule(cli, rule);
           })
      ->add_option("ID", *text, "the fault's number")
      ->required();
  add_verb(*fault, cli, "clear", "Take back one fault, or all", [&cli, text] {
    return clear(cli, *text);
  })->add_option("ID", *text, "the fault's number; without it, all");
  add_fault_plan(*fault, cli);
  add_fault_preset(*fault, cli);
}

}  // namespace smslab::cli
