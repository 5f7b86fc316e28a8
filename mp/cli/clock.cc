#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/time_text.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
Status change_clock(const Cli& cli, const v1::ClockChange* change) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::ClockState state;
  RETURN_IF_ERROR(lab.call(change != nullptr ? "POST" : "GET", "/api/v1/clock", change, &state));
  if (cli.json) {
    print_json(state);
  } else {
    fmt::print("{}  {}\n", shown(state.now()), state.frozen() ? "frozen" : "running");
  }
  return ok_status();
}
}  // namespace

void add_clock(CLI::App& app, Cli& cli) {
  CLI::App* clock = app.add_subcommand("clock", "The lab's clock: show, freeze, advance, run");
  clock->require_subcommand(1)->fallthrough();
  add_verb(*clock, cli, "show", "What time it is in the lab", [&cli] { return change_clock(cli, nullptr); });

  auto text = std::make_shared<std::string>();
  add_verb(*clock, cli, "freeze", "Stop the clock at a time",
           [&cli, text]() -> Status {
             const auto time = parse_rfc3339(*text);
             if (!time) return invalid_argument("'" + *text + "' is not a time, as 2026-11-21T20:00:00Z", "T");
             v1::ClockChange change;
             *change.mutable_freeze() =
                 google::protobuf::util::TimeUtil::MillisecondsToTimestamp(time->time_since_epoch().count());
             return change_clock(cli, &change);
           })
      ->add_option("T", *text, "time in UTC, as 2026-11-21T20:00:00Z")
      ->required();
  add_verb(*clock, cli, "advance", "Move the clock forward",
           [&cli, text]() -> Status {
             const auto by = parse_duration(*text);
             if (!by) return invalid_argument("'" + *text + "' is not a duration, as 30m, 12h or 30d", "DURATION");
             v1::ClockChange change;
             change.set_advance_ms(static_cast<uint64_t>(by->count()));
             return change_clock(cli, &change);
           })
      ->add_option("DURATION", *text, "how far, as 30m, 12h or 30d")
      ->required();
  add_verb(*clock, cli, "run", "Let the clock run on from where it is", [&cli] {
    v1::ClockChange change;
    change.set_run(true);
    return change_clock(cli, &change);
  });
}

}  // namespace smslab::cli
