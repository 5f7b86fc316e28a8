// `smslab reset`: back to the scenario that the lab was started with.
#include <fmt/format.h>

#include "mp/cli/print.h"
#include "mp/cli/settled.h"
#include "mp/cli/verbs.h"
#include "proto/schema/scenario.pb.h"

namespace smslab::cli {
namespace {
struct Wanted {
  bool wait = false;
  std::string timeout = "1h";
};

Status reset(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::Scenario now;
  std::vector<Status> problems;
  const Status done = lab.call("POST", "/api/v1/reset", nullptr, &now, &problems);
  for (const Status& problem : problems) fmt::print(stderr, "{} [{}]\n", problem.message(), problem.field());
  RETURN_IF_ERROR(done);
  if (wanted.wait) {
    for (const auto& package : now.packages()) {
      RETURN_IF_ERROR(wait_settled(lab, package.id(), wanted.timeout).status());
    }
  }
  if (cli.json) {
    print_json(now);
  } else {
    fmt::print("{}\n", shown(now));
  }
  return ok_status();
}
}  // namespace

void add_reset(CLI::App& app, Cli& cli) {
  auto wanted = std::make_shared<Wanted>();
  CLI::App* verb =
      add_verb(app, cli, "reset", "Back to the scenario given at start, or to an empty site: records, contents, clock",
               [&cli, wanted] { return reset(cli, *wanted); });
  auto* wait = verb->add_flag("--wait", wanted->wait, "wait for the distribution points' final states");
  verb->add_option("--timeout", wanted->timeout, "with --wait: give up after this time")->needs(wait);
}

}  // namespace smslab::cli
