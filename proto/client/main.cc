// The `smslab-client` command. Wiring only.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "proto/base/command.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/client/agent.h"
#include "proto/codec/json.h"

namespace {
using namespace smslab;

constexpr std::string_view kFailed = "Failed:";

Result<LabClock::Start> parse_clock(const std::string& text) {
  if (text.empty()) return LabClock::Start(LabClock::Wall{});
  const bool runs = text.ends_with('+');
  const auto at = parse_rfc3339(std::string_view(text).substr(0, text.size() - (runs ? 1 : 0)));
  if (!at) return invalid_argument("'" + text + "' is not a time like 2026-11-21T20:00:00Z", "--clock");
  return runs ? LabClock::Start(LabClock::RunningFrom{*at}) : LabClock::Start(LabClock::Frozen{*at});
}

Result<std::optional<client::StatusMif>> parse_mif(const std::string& text) {
  if (text.empty()) return std::optional<client::StatusMif>();
  if (iequals(text, "Success")) return std::optional(client::StatusMif{.success = true, .description = {}});
  if (istarts_with(text, kFailed)) {
    return std::optional(client::StatusMif{.success = false, .description = text.substr(kFailed.size())});
  }
  return invalid_argument("'" + text + "' is not Success or Failed:TEXT", "--mif");
}

int wrong_usage(const Status& status) {
  fmt::print(stderr, "smslab-client: {}: {}\n", status.field(), status.message());
  return 2;
}
}  // namespace

int main(int argc, char** argv) {
  CLI::App app("smslab-client: an emulated SMS Advanced Client", "smslab-client");
  app.set_version_flag("--version", SMSLAB_VERSION);
  app.require_subcommand(1);
  CLI::App* run = app.add_subcommand("run", "lives one day of the client and ends");
  client::AgentOptions options;
  std::string clock_text, mif_text;
  bool no_bits = false, json = false;
  run->add_option("--mp", options.mp, "URL of the management point")->required();
  run->add_option("--name", options.name, "computer name")->required();
  run->add_option("--site", options.site, "assigned site")->capture_default_str();
  run->add_option("--dir", options.folder, "state, cache and logs; default ./smslab-client-<name>");
  run->add_option("--smsid", options.smsid, "identity to propose when registering");
  run->add_option("--bind", options.bind, "local address to connect from");
  run->add_option("--seed", options.seed, "of GUIDs, process and thread numbers")->capture_default_str();
  run->add_option("--clock", clock_text, "the client's clock: T stands still, T+ runs from T; default: the machine's");
  run->add_option("--exit-code", options.end.exit_code, "of the programs that run")
      ->check(CLI::Range(int64_t{INT32_MIN}, int64_t{UINT32_MAX}))
      ->capture_default_str();
  run->add_option("--mif", mif_text, "status MIF that programs leave: Success or Failed:TEXT; default: none");
  run->add_option("--run-time", options.end.minutes, "minutes that programs run");
  run->add_option("--cache-size", options.cache.size_mb, "of the cache, in MB; default: without limit");
  run->add_option("--cache-path", options.cache.path, "the cache's folder, as the emulated computer names it");
  run->add_flag("--no-bits", no_bits, "the BITS service is disabled");
  run->add_flag("--download-only", options.download_only, "brings content into the cache and runs nothing");
  run->add_flag("--json", json, "prints the run as JSON");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;  // 0: --help and --version
  }
  options.transfer.bits = !no_bits;
  const auto start = parse_clock(clock_text);
  if (!start.ok()) return wrong_usage(start.status());
  auto mif = parse_mif(mif_text);
  if (!mif.ok()) return wrong_usage(mif.status());
  options.end.mif = *std::move(mif);
  if (const Status checked = client::check_options(&options); !checked.ok()) return wrong_usage(checked);

  const LabClock clock(system_time_source(), *start);
  return run_command("smslab-client", [&]() -> Status {
    const v1::ClientRun day =
        client::run_client(options, posix_env(), clock, [&](std::string_view step, std::string_view text) {
          if (!json) fmt::print("{:<9}{}\n", step, text);
        });
    if (json) fmt::print("{}\n", codec::to_json(day));
    return day.error().empty() ? ok_status() : internal_error(day.error());
  });
}
