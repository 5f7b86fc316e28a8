#include "mp/host/host.h"

#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <new>
#include <utility>

#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/codec/json.h"
#include "proto/wire/lab_certificate.h"

namespace smslab::host {
namespace {
constexpr uint64_t kPemBytes = uint64_t{1} << 20;

// "head=500ms,idle=5s": how long a client may take; what is not named stays.
Result<wire::GateOptions> read_timeouts(const std::string& text) {
  static const std::map<std::string_view, std::chrono::milliseconds wire::GateOptions::*> kNames = {
      {"head", &wire::GateOptions::head_timeout},
      {"body", &wire::GateOptions::body_timeout},
      {"progress", &wire::GateOptions::progress_timeout},
      {"idle", &wire::GateOptions::idle_timeout},
  };
  wire::GateOptions options;
  for (const std::string_view part : split(text, ',')) {
    const size_t equals = std::min(part.find('='), part.size());
    const auto name = kNames.find(part.substr(0, equals));
    const auto time = equals < part.size() ? parse_duration(part.substr(equals + 1)) : std::nullopt;
    if (name == kNames.end() || !time || *time <= LabDuration::zero()) {
      return invalid_argument(
          "'" + std::string(part) + "' is not one of head, body, progress, idle with a time, as head=10s",
          "--timeouts");
    }
    options.*name->second = *time;
  }
  return options;
}

// What https shows, and what clients must trust: the lab's own CA, or whatever vouches for the certificate given.
Result<std::unique_ptr<wire::Tls>> open_tls(Env& env, const HostOptions& options) {
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    return invalid_argument("--tls-cert and --tls-key belong together",
                            options.tls_cert.empty() ? "--tls-cert" : "--tls-key");
  }
  if (options.tls_cert.empty()) {
    // It never changes: a start has no need of room on the disk for it.
    const std::string path = options.data + "/tls.pem";
    const auto there = read_file(env, path, kPemBytes);
    if (!there.ok() || *there != wire::lab_ca()) RETURN_IF_ERROR(write_file(env, path, wire::lab_ca()));
    return wire::Tls::of_lab();
  }
  wire::TlsIdentity identity;
  ASSIGN_OR_RETURN(identity.certificate, with_field(read_file(env, options.tls_cert, kPemBytes), "--tls-cert"));
  ASSIGN_OR_RETURN(identity.key, with_field(read_file(env, options.tls_key, kPemBytes), "--tls-key"));
  return wire::Tls::open(identity);
}

// Ten thousand clients hold ten thousand descriptors; the usual soft limit is 1,024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// An index asks for megabytes that it hardly ever uses. Given from the heap they would be cleared, and so be there, for
// each of the hundreds of indexes that a process with many labs has.
void keep_large_memory_apart() { ::mallopt(M_MMAP_THRESHOLD, 512 * 1024); }

// Not every library survives an allocation that throws in its middle (protobuf's maps do not), and nothing is served
// yet: the store is as after a kill.
void end_without_memory() {
  constexpr std::string_view kText = "smslab: out of memory while starting; give it more (ulimit -v)\n";
  [[maybe_unused]] const ssize_t put = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(1);
}

// Indexes and the journal are mapped: what their files have no more, or a disk cannot read, comes as a signal.
void say_why_and_die(int signal) {
  constexpr std::string_view kText =
      "smslab: a mapped file of the data folder cannot be read (SIGBUS): it is damaged or was cut short; see what "
      "smslab fsck says of the folder\n";
  [[maybe_unused]] const ssize_t put = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::raise(signal);  // the handler is gone: as it would have been without it
}

void explain_unreadable_files() {
  struct sigaction action {};
  action.sa_handler = say_why_and_die;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGBUS, &action, nullptr);
}

Status start(Role& role) {
  const std::new_handler before = std::set_new_handler(end_without_memory);
  Status status;
  try {
    status = role.start();
  } catch (const std::exception& error) {  // of libraries: no thread
    status = Status(Code::kUnavailable, std::string("cannot start a thread; give it more memory (ulimit -v) or more "
                                                    "processes (ulimit -u): ") +
                                            error.what());
  }
  std::set_new_handler(before);
  return status;
}
}  // namespace

Result<LabClock::Start> read_clock(std::string text, std::string_view field) {
  if (text.empty()) return LabClock::Start(LabClock::Wall{});
  const bool runs = text.back() == '+';
  if (runs) text.pop_back();
  const auto time = parse_rfc3339(text);
  if (!time)
    return invalid_argument("'" + text + "' is not a time, as 2026-11-21T20:00:00Z (a + behind it lets it run)",
                            std::string(field));
  if (runs) return LabClock::Start(LabClock::RunningFrom{*time});
  return LabClock::Start(LabClock::Frozen{*time});
}

void add_host_options(CLI::App& verb, HostOptions* options) {
  verb.add_option("--data", options->data, "data folder")->capture_default_str();
  verb.add_option(
      "--tls-cert", options->tls_cert,
      "certificate (PEM, with its chain) for https, which shares the ports of http (default: the lab's own; "
      "clients trust <data>/tls.pem)");
  verb.add_option("--tls-key", options->tls_key, "its key (PEM)");
  verb.add_option("--clock", options->clock,
                  "ISO time to freeze the lab's clock at; with a + behind it, to start it at");
  verb.add_option("--timeouts", options->timeouts,
                  "how long a client may take: for a whole head, for a whole body, to take any byte of a reply, and "
                  "between requests")
      ->capture_default_str();
  verb.add_option("--workers", options->workers, "threads that serve clients")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
}

Result<std::unique_ptr<Host>> Host::open(const HostOptions& options) {
  ASSIGN_OR_RETURN(const auto start, read_clock(options.clock, "--clock"));
  ASSIGN_OR_RETURN(auto limits, read_timeouts(options.timeouts));
  limits.workers = options.workers;
  auto host = std::unique_ptr<Host>(new Host(options, start, limits));
  RETURN_IF_ERROR(host->env_.make_folders(options.data));
  ASSIGN_OR_RETURN(host->tls_, open_tls(host->env_, options));
  return host;
}

Host::Host(HostOptions options, LabClock::Start start, const wire::GateOptions& limits)
    : options_(std::move(options)),
      clock_(system_time_source(), start),
      log_(stderr_log(), LogForm::kConsole, clock_, "smslab"),
      gate_(limits, clock_, log_) {}

Result<HostPort> Host::listen(const HostPort& at, const wire::Router& router, std::string_view field,
                              wire::Behind behind) {
  behind.tls = tls_.get();
  return with_field(gate_.listen(at, router, behind), field);
}

Status Host::announce_ready() {
  ready_.set_smslab("ready");
  ready_.set_data(options_.data);
  ready_.set_pid(::getpid());
  const std::string line = codec::to_json(ready_);
  // What a killed one left speaks of a server that is gone, and on a full disk it leaves its room.
  (void)env_.remove_file(options_.data + "/ready.json");
  const Status written = write_file(env_, options_.data + "/ready.json", line + "\n");
  told_ready_ = written.ok();
  if (!written.ok())
    log_.error("the verbs cannot find this lab by its folder, but by --control: " + written.to_string());
  fmt::print("{}\n", line);
  std::fflush(stdout);
  return ok_status();
}

void Host::stop() {
  // Not another server's, which may be why this one did not start.
  if (told_ready_) (void)env_.remove_file(options_.data + "/ready.json");
  gate_.stop();
}

Status run_role(const HostOptions& options, const std::function<std::unique_ptr<Role>(Host&)>& make) {
  raise_descriptor_limit();
  keep_large_memory_apart();
  explain_unreadable_files();
  // Signals are taken by sigwait alone; every thread inherits the mask.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  ASSIGN_OR_RETURN(const auto host, Host::open(options));
  const auto role = make(*host);
  Status status = start(*role);
  if (status.ok()) status = host->announce_ready();
  if (status.ok()) {
    int signal = 0;
    ::sigwait(&signals, &signal);
  }
  host->stop();
  role->stop();
  return status;
}

std::string http_url(const HostPort& at) { return "http://" + format_host_port(at); }

}  // namespace smslab::host
