// `smslab fault plan`: of a lab, of a data folder that no lab serves, or of rules alone.
#include "mp/fault_plan.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "mp/cli/fault_verbs.h"
#include "mp/cli/print.h"
#include "proto/base/env.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/codec/json.h"
#include "proto/schema/timestamp.h"

namespace smslab::cli {
namespace {
constexpr size_t kMaxRules = size_t{16} << 20;
constexpr std::string_view kDefaultData = "smslab-data";

struct PlanOptions {
  v1::FaultPlanQuestion question;
  std::vector<std::string> rules;  // JSON or files
  std::string role, clock;
  uint64_t seed = 0;
  bool seeded = false;
};

// One rule, a list of them, or what `fault list --json` prints.
Status read_rules(const std::string& argument, v1::FaultPlanQuestion* question) {
  std::string text = argument;
  const std::string_view first = trim(argument);
  if (!first.starts_with('{') && !first.starts_with('[')) {
    const std::string path = argument.substr(argument.starts_with('@') ? 1 : 0);
    ASSIGN_OR_RETURN(text, read_file(posix_env(), path, kMaxRules));
  }
  v1::FaultList list;
  if (trim(text).starts_with('[')) {
    RETURN_IF_ERROR(codec::from_json(R"({"faults":)" + text + "}", &list).prefixed("--rules"));
  } else if (!codec::from_json(text, &list).ok()) {
    list.Clear();
    RETURN_IF_ERROR(codec::from_json(text, list.add_faults()).prefixed("--rules"));
  }
  question->mutable_rules()->MergeFrom(list.faults());
  return ok_status();
}

Status complete(const PlanOptions& options, v1::FaultPlanQuestion* question) {
  for (const std::string& rules : options.rules) RETURN_IF_ERROR(read_rules(rules, question));
  if (options.seeded) question->set_seed(options.seed);
  if (!options.clock.empty()) {
    const auto time = parse_rfc3339(options.clock);
    if (!time) return invalid_argument("'" + options.clock + "' is not a time, as 2026-11-21T20:00:00Z", "--clock");
    *question->mutable_time() = to_timestamp(*time);
  }
  if (iequals(options.role, "MP")) question->mutable_asks()->set_role(v1::FaultMatch::MP);
  if (iequals(options.role, "DP")) question->mutable_asks()->set_role(v1::FaultMatch::DP);
  return ok_status();
}

// A lab's records are read whether it runs or not.
Result<v1::FaultPlan> plan_of_records(const Cli& cli, const v1::FaultPlanQuestion& question) {
  const LabTime now = LabClock(system_time_source(), LabClock::Wall{}).now();
  ASSIGN_OR_RETURN(const std::string data, cli.finder.data_folder());
  const std::string folder = data + "/site";
  std::unique_ptr<store::Index> index;
  if (data != kDefaultData && !posix_env().info(folder).ok()) {
    return not_found(data + " holds no lab", "--data");
  }
  if (posix_env().info(folder).ok()) {
    ASSIGN_OR_RETURN(index, store::Index::open(folder + "/index", "default", store::Index::Mode::kReadOnly));
  }
  if (index == nullptr) return mp::plan_faults(nullptr, question, now);
  const store::ReadTxn txn = index->read();
  return mp::plan_faults(&txn, question, now);
}

// The lab's own rules, unless the question brings some. Where no lab answers, and none was named, its records do.
Result<v1::FaultPlan> ask(const Cli& cli, const v1::FaultPlanQuestion& question) {
  if (!question.rules().empty() && cli.finder.control.empty()) {
    return mp::plan_faults(nullptr, question, LabClock(system_time_source(), LabClock::Wall{}).now());
  }
  auto lab = LabClient::find(cli.finder);
  if (!lab.ok()) return plan_of_records(cli, question);
  v1::FaultPlan plan;
  const Status asked = lab->call("POST", "/api/v1/faults/plan", &question, &plan);
  if (asked.ok()) return plan;
  const bool nobody = asked.code() == Code::kUnavailable && asked.message().starts_with("POST http://");
  if (!nobody || !cli.finder.control.empty()) return asked;
  return plan_of_records(cli, question);
}

std::string shown(const v1::PlannedAttempt& attempt) {
  std::string text;
  for (const auto& hit : attempt.hits()) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", hit.effect(), hit.rule());
  }
  return text.empty() ? "as ever" : text;
}

void print_plan(const v1::FaultPlan& plan) {
  std::vector<Row> rows;
  for (const auto& resource : plan.resources()) {
    const v1::FaultMatch& asked = resource.asked();
    const std::string where = asked.dp().empty() ? v1::FaultMatch::Role_Name(asked.role()) : asked.dp();
    for (const auto& attempt : resource.attempts()) {
      rows.push_back(
          {where, asked.route(), asked.method(), asked.file(), std::to_string(attempt.nth()), shown(attempt)});
    }
  }
  fmt::print("seed {}\n", plan.seed());
  print_table({"WHERE", "ROUTE", "METHOD", "FILE", "NTH", "WHAT HAPPENS"}, rows);
}

Status plan(const Cli& cli, const PlanOptions& options) {
  v1::FaultPlanQuestion question = options.question;
  RETURN_IF_ERROR(complete(options, &question));
  ASSIGN_OR_RETURN(const v1::FaultPlan answer, ask(cli, question));
  if (cli.json) {
    print_json(answer);
  } else {
    print_plan(answer);
  }
  return ok_status();
}
}  // namespace

void add_fault_plan(CLI::App& fault, Cli& cli) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* verb = add_verb(fault, cli, "plan", "What will befall a client, attempt by attempt; needs no lab",
                            [&cli, options] { return plan(cli, *options); });
  v1::FaultMatch& asks = *options->question.mutable_asks();
  const auto text = [&](const std::string& flag, const std::string& what, auto set) {
    return verb->add_option_function<std::string>(
        flag, [&asks, set](const std::string& value) { set(asks, value); }, what);
  };
  text("--client", "who asks", [](auto& m, const std::string& value) { m.set_client(value); });
  text("--address", "from where", [](auto& m, const std::string& value) { m.set_address(value); });
  text("--smsid", "the client's ID", [](auto& m, const std::string& value) { m.set_smsid(value); });
  text("--package", "package", [](auto& m, const std::string& value) { m.set_package(value); });
  text("--file", "one file of it", [](auto& m, const std::string& value) { m.set_file(value); });
  text("--dp", "distribution point", [](auto& m, const std::string& value) { m.set_dp(value); });
  text("--route", "kind of request; without it, all that a client asks for",
       [](auto& m, const std::string& value) { m.set_route(value); });
  text("--method", "method", [](auto& m, const std::string& value) { m.set_method(value); });
  verb->add_option_function<uint32_t>(
      "--version", [&asks](const uint32_t& version) { asks.set_version(version); }, "of the package; the current one");
  verb->add_option("--role", options->role, "MP or DP")->check(CLI::IsMember({"MP", "DP"}, CLI::ignore_case));
  verb->add_option_function<uint32_t>(
          "--attempts", [options](const uint32_t& n) { options->question.set_attempts(n); }, "how often")
      ->check(CLI::Range(1, 10'000));
  verb->add_option_function<uint64_t>(
      "--seed",
      [options](const uint64_t& seed) {
        options->seed = seed;
        options->seeded = true;
      },
      "the lab's seed");
  verb->add_option("--rules", options->rules, "rules instead of the lab's: JSON, or a file of it; may be repeated")
      ->allow_extra_args(false);  // else '[{..},{..}]' is taken for a list, and split
  verb->add_option("--clock", options->clock, "when; now when absent");
}

}  // namespace smslab::cli
