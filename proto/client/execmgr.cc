#include "proto/client/execmgr.h"

#include <fmt/format.h>

#include <algorithm>

#include "proto/base/text.h"
#include "proto/base/time_text.h"

namespace smslab::client {
namespace {
Event event_of(std::string_view class_name, const AdvertPolicy& advert) {
  return advert_event(class_name, advert.advert, advert.package, advert.program);
}

LabTime lab_time(const google::protobuf::Timestamp& time) {
  return LabTime(std::chrono::seconds(time.seconds())) + std::chrono::milliseconds(time.nanos() / 1'000'000);
}

// The last time at which a recurring assignment fell due; nullopt: it has not yet, or there is none.
std::optional<LabTime> last_due(const AdvertPolicy& advert, LabTime now) {
  std::optional<LabTime> last;
  for (const Recurring& recurring : advert.recurring) {
    if (now < recurring.start) continue;
    const LabDuration every = recurring.every;
    const LabTime due = recurring.start + every * ((now - recurring.start) / every);
    if (!last || due > *last) last = due;
  }
  return last;
}

google::protobuf::Timestamp timestamp(LabTime time) {
  const auto ms = time.time_since_epoch().count();
  google::protobuf::Timestamp out;
  out.set_seconds(ms / 1000);
  out.set_nanos(static_cast<int32_t>(ms % 1000) * 1'000'000);
  return out;
}
}  // namespace

ExecMgr::ExecMgr(Host& host, ClientState& state, ContentAccess& cas, Events& events, ExecOptions options)
    : host_(host),
      state_(state),
      cas_(cas),
      events_(events),
      options_(std::move(options)),
      log_(host.log(Component::kExecMgr)) {}

void ExecMgr::settings_missing() {
  log_.error("Software Distribution Site Settings for the client are missing from WMI.");
}

Status ExecMgr::announce(const std::vector<AdvertPolicy>& adverts) {
  for (const auto& advert : adverts) {
    if (advert.dependent) continue;
    for (auto& stored : *state_.record().mutable_policies()) {
      if (stored.announced() || !iequals(stored.id(), advert.policy_id)) continue;
      events_.raise(Component::kExecMgr, event_of("SoftDistProgramOfferReceivedEvent", advert));
      host_.tell("advert", fmt::format("{} received: {} of {}", advert.advert, advert.program, advert.package));
      stored.set_announced(true);
      RETURN_IF_ERROR(state_.save());
    }
  }
  return ok_status();
}

std::string ExecMgr::disabled(const AdvertPolicy& advert) { return advert.disabled ? "the program is disabled" : ""; }

std::string ExecMgr::not_due(const AdvertPolicy& advert) const {
  const LabTime now = host_.clock.now();
  if (advert.disabled) return disabled(advert);
  if (advert.active && now < *advert.active) return "starts at " + format_rfc3339(*advert.active);
  if (advert.expires && now >= *advert.expires) return "expired at " + format_rfc3339(*advert.expires);
  if (!advert.mandatory) return "optional: no mandatory assignment";
  if (advert.scheduled && now < *advert.scheduled) return "mandatory at " + format_rfc3339(*advert.scheduled);
  if (const auto due = last_due(advert, now)) {
    const v1::Execution* last = state_.find_execution(advert.package, advert.program);
    if (last != nullptr && lab_time(last->time()) >= *due) return "has run since " + format_rfc3339(*due);
  }
  return {};
}

std::string ExecMgr::rerun_refusal(const AdvertPolicy& advert) const {
  const v1::Execution* last = state_.find_execution(advert.package, advert.program);
  if (last == nullptr) return {};
  switch (advert.rerun) {
    case Rerun::kAlways: return {};
    case Rerun::kNever: return "SoftDistProgramHasRunBefore";
    case Rerun::kIfFail: return last->succeeded() ? "SoftDistProgramHasRunBeforeWithoutFailing" : "";
    case Rerun::kIfSuccess: return last->succeeded() ? "" : "SoftDistProgramHasRunBeforeWithoutSucceeding";
  }
  return {};
}

Status ExecMgr::remember(const AdvertPolicy& advert, bool succeeded) {
  v1::Execution execution;
  execution.set_package(advert.package);
  execution.set_program(advert.program);
  execution.set_succeeded(succeeded);
  *execution.mutable_time() = timestamp(host_.clock.now());
  state_.set_execution(std::move(execution));
  return state_.save();
}

void ExecMgr::content_failed(const AdvertPolicy& advert, const Outcome& outcome) {
  const bool mismatch = outcome.code == ErrorCode::kHashMismatch;
  log_.error(fmt::format("OnContentAvailable program {} NOT available, {}", advert.program, to_text(outcome.code)));
  log_.error(fmt::format("Fatal error {} encountered for program {}. This program will not retry.",
                         to_text(ErrorCode::kExecMgrFatal), advert.program));
  events_.raise(Component::kExecMgr,
                event_of(mismatch ? "SoftDistAdvertHashMismatchEvent" : "SoftDistAdvertDownloadFailedEvent", advert));
}

void ExecMgr::no_room(const AdvertPolicy& advert, ContentState state, v1::AdvertRun* run) {
  const bool never = state == ContentState::kTooLarge;
  Event event =
      event_of(never ? "SoftDistErrorInsufficientCacheSizeEvent" : "SoftDistWarningInsufficientCacheEvent", advert);
  event.properties.emplace_back("CacheSize", std::to_string(cas_.cache_mb()));
  event.properties.emplace_back("CacheAvailable", std::to_string(cas_.free_kb() / 1024));
  event.properties.emplace_back("PackageSize", std::to_string((advert.size_kb + 1023) / 1024));
  events_.raise(Component::kExecMgr, event);
  run->set_result(never ? v1::AdvertRun::FAILED : v1::AdvertRun::RETRYING);
  run->set_reason(never ? "the package is larger than the cache; that is not tried again"
                        : "the cache is full of content younger than 24 hours: an agent would try again every 4 hours, "
                          "18 times");
  host_.tell("content", advert.package + "." + advert.package_version + ": " + run->reason());
}

Result<std::vector<v1::AdvertRun>> ExecMgr::run_all(const std::vector<AdvertPolicy>& adverts,
                                                    const AgentSettings& settings) {
  std::vector<v1::AdvertRun> runs;
  for (const auto& advert : adverts) {
    if (!advert.dependent) RETURN_IF_ERROR(run(advert, adverts, 0, settings, &runs));
  }
  return runs;
}

Status ExecMgr::run(const AdvertPolicy& advert, const std::vector<AdvertPolicy>& all, size_t depth,
                    const AgentSettings& settings, std::vector<v1::AdvertRun>* runs) {
  v1::AdvertRun run;
  run.set_advert(advert.advert);
  run.set_package(advert.package);
  run.set_version(advert.package_version);
  run.set_program(advert.program);
  // A program that runs for another has no time of its own, and whether it runs again is the other's to say.
  if (const std::string why = advert.dependent ? disabled(advert) : not_due(advert); !why.empty()) {
    log_.info(fmt::format("Program {} of advertisement {} is not due: {}", advert.program, advert.advert, why));
    run.set_reason(why);
    host_.tell("advert", advert.advert + " is not due: " + why);
    runs->push_back(std::move(run));
    return ok_status();
  }
  if (const std::string event = advert.dependent ? "" : rerun_refusal(advert); !event.empty()) {
    log_.info(fmt::format("Program {} of advertisement {} will not run again", advert.program, advert.advert));
    events_.raise(Component::kExecMgr, event_of(event, advert));
    run.set_result(v1::AdvertRun::WILL_NOT_RERUN);
    run.set_reason("has run before; its rerun behaviour forbids another run");
    host_.tell("advert", advert.advert + " will not run again: " + run.reason());
    runs->push_back(std::move(run));
    return ok_status();
  }
  std::string why;
  ASSIGN_OR_RETURN(const bool may_run, run_first(advert, all, depth, settings, runs, &why));
  if (!may_run) {
    log_.error(fmt::format("Program {} of advertisement {} cannot run: {}", advert.program, advert.advert, why));
    run.set_result(v1::AdvertRun::FAILED);
    run.set_reason(why);
    host_.tell("advert", advert.advert + " cannot run: " + why);
    runs->push_back(std::move(run));
    return ok_status();
  }
  ASSIGN_OR_RETURN(run, run_due(advert, settings, std::move(run)));
  runs->push_back(std::move(run));
  return ok_status();
}

Result<bool> ExecMgr::run_first(const AdvertPolicy& advert, const std::vector<AdvertPolicy>& all, size_t depth,
                                const AgentSettings& settings, std::vector<v1::AdvertRun>* runs, std::string* why) {
  if (advert.first_program.empty()) return true;
  const std::string name = advert.first_package + ";;" + advert.first_program;
  const v1::Execution* before = state_.find_execution(advert.first_package, advert.first_program);
  if (!advert.first_always && before != nullptr && before->succeeded()) return true;
  const auto first = std::find_if(all.begin(), all.end(), [&](const AdvertPolicy& each) {
    return each.dependent && each.advert == advert.advert && each.package == advert.first_package &&
           iequals(each.program, advert.first_program);
  });
  if (first == all.end()) {
    *why = "there is no policy for " + name + ", which must run first";
    return false;
  }
  if (depth > all.size()) {  // only a circle is longer than the policies are many
    *why = "programs wait for each other: " + name;
    return false;
  }
  RETURN_IF_ERROR(run(*first, all, depth + 1, settings, runs));
  const auto result = runs->back().result();
  if (result == v1::AdvertRun::SUCCEEDED || result == v1::AdvertRun::DOWNLOADED) return true;
  *why = name + " must run first and did not succeed";
  return false;
}

Result<v1::AdvertRun> ExecMgr::run_due(const AdvertPolicy& advert, const AgentSettings& settings, v1::AdvertRun run) {
  ContentResult content{
      .state = ContentState::kAvailable, .outcome = {}, .folder = "C:\\WINDOWS\\system32\\", .report = {}};
  if (advert.content != ContentMode::kNone) {
    log_.info(
        fmt::format("Requesting content from CAS for package {} version {}", advert.package, advert.package_version));
    const ContentRequest request{.package = advert.package,
                                 .version = advert.package_version,
                                 .size_kb = advert.size_kb,
                                 .hash = advert.package_hash};
    content = advert.content == ContentMode::kDownload ? cas_.download(request) : cas_.locate(request);
    *run.mutable_content() = content.report;
  }
  const std::string id = advert.package + "." + advert.package_version;
  if (content.state == ContentState::kNoLocation) {
    events_.raise(Component::kExecMgr, event_of("SoftDistWaitingContentEvent", advert));
    run.set_result(v1::AdvertRun::WAITING_FOR_CONTENT);
    run.set_reason("no distribution point has content " + id);
    host_.tell("content", run.reason());
    return run;
  }
  if (content.state == ContentState::kStalled) {
    run.set_result(v1::AdvertRun::WAITING_FOR_CONTENT);
    run.set_reason(to_text(content.outcome.code) + " " + content.outcome.why + "; the download hangs");
    host_.tell("content", id + " hangs: " + run.reason());
    return run;
  }
  if (content.state == ContentState::kTooLarge || content.state == ContentState::kCacheFull) {
    no_room(advert, content.state, &run);
    return run;
  }
  if (content.state == ContentState::kFailed) {
    content_failed(advert, content.outcome);
    run.set_result(v1::AdvertRun::FAILED);
    run.set_reason(to_text(content.outcome.code) + " " + content.outcome.why);
    host_.tell("content", id + " failed: " + run.reason());
    return run;
  }
  if (content.report.from_cache()) {
    host_.tell("content", id + " was found in cache");
  } else if (advert.content == ContentMode::kDownload) {
    host_.tell("content",
               fmt::format("{} from {}: {} files, {} bytes received, hash {}", id, content.report.location(),
                           content.report.files(), content.report.received_bytes(), content.report.actual_hash()));
  }
  if (options_.download_only) {
    run.set_result(v1::AdvertRun::DOWNLOADED);
    return run;
  }

  Event started = event_of("SoftDistProgramStartedEvent", advert);
  const std::string command_line = resolved_command_line(advert.command_line);
  const std::string directory = resolved_working_directory(advert.working_directory, content.folder);
  started.properties.emplace_back("CommandLine", command_line);
  started.properties.emplace_back("WorkingDirectory", directory);
  started.properties.emplace_back("UserContext", "NT AUTHORITY\\SYSTEM");
  events_.raise(Component::kExecMgr, started);
  host_.tell("program", fmt::format("{} in {}", command_line, directory));

  if (options_.end.minutes > advert.max_minutes && advert.max_minutes != 0) {
    // It goes on; only nobody watches it any more.
    events_.raise(Component::kExecMgr, event_of("SoftDistProgramExceededTime", advert));
    run.set_result(v1::AdvertRun::FAILED);
    run.set_reason(fmt::format("ran longer than the {} minutes that it may", advert.max_minutes));
    host_.tell("result", fmt::format("{}: {}", advert.advert, run.reason()));
    RETURN_IF_ERROR(remember(advert, false));
    return run;
  }
  const ProgramResult result = run_program(options_.end, settings);
  if (!result.event.empty()) {
    Event ended = event_of(result.event, advert);
    ended.properties.insert(ended.properties.end(), result.properties.begin(), result.properties.end());
    events_.raise(Component::kExecMgr, ended);
  }
  switch (result.verdict) {
    case ProgramVerdict::kSucceeded: run.set_result(v1::AdvertRun::SUCCEEDED); break;
    case ProgramVerdict::kFailed: run.set_result(v1::AdvertRun::FAILED); break;
    case ProgramVerdict::kRetry: run.set_result(v1::AdvertRun::RETRYING); break;
  }
  run.set_reason(result.reason);
  host_.tell("result", fmt::format("{}: {}", advert.advert, result.reason));
  RETURN_IF_ERROR(remember(advert, result.verdict == ProgramVerdict::kSucceeded));
  return run;
}

}  // namespace smslab::client
