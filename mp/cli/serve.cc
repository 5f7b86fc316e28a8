// `smslab serve`: a whole lab in one process. The one place where the site and its DPs meet.
#include <fmt/format.h>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>
#include <optional>

#include <algorithm>
#include <map>

#include "dp/distribution_point.h"
#include "mp/cli/verbs.h"
#include "mp/mp.h"
#include "proto/base/env.h"
#include "proto/base/ids.h"
#include "proto/base/random.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/codec/json.h"
#include "proto/schema/control.pb.h"
#include "proto/wire/gate.h"
#include "proto/wire/lab_certificate.h"

namespace smslab::cli {
namespace {
struct ServeOptions {
  std::string data = "smslab-data";
  std::string site = "LON", profile = "2007", clock;
  std::string mp = "127.0.0.1:8080", control = "127.0.0.1:8082";
  std::vector<std::string> dps;   // [NAME=]HOST:PORT
  std::string tls_cert, tls_key;  // PEM files; empty: the lab's own
  std::string timeouts = "head=10s,body=60s,progress=30s,idle=60s";
  uint64_t seed = 1;
  bool strict = false;
  std::optional<std::string> inboxes;  // child sites' codes, comma between
};

struct DpWanted {
  std::string name;
  HostPort at;
};

// "T" freezes the clock at T, "T+" starts it there, nothing leaves it to the machine.
Result<LabClock::Start> read_clock(std::string text) {
  if (text.empty()) return LabClock::Start(LabClock::Wall{});
  const bool runs = text.back() == '+';
  if (runs) text.pop_back();
  const auto time = parse_rfc3339(text);
  if (!time)
    return invalid_argument("'" + text + "' is not a time, as 2026-11-21T20:00:00Z (a + behind it lets it run)",
                            "--clock");
  if (runs) return LabClock::Start(LabClock::RunningFrom{*time});
  return LabClock::Start(LabClock::Frozen{*time});
}

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

std::string default_dp_name(const std::string& site, size_t n) { return fmt::format("{}-DCSMS-{:02}", site, n); }

Result<std::vector<DpWanted>> read_dps(std::vector<std::string> texts, const std::string& site) {
  if (texts.empty()) texts.push_back("127.0.0.1:8081");
  std::vector<DpWanted> dps;
  for (const std::string& text : texts) {
    DpWanted dp;
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      dp.name = default_dp_name(site, dps.size() + 1);
    } else {
      ASSIGN_OR_RETURN(dp.name, parse_host_name(text.substr(0, equals), "--dp"));
    }
    ASSIGN_OR_RETURN(dp.at, parse_host_port(equals == std::string::npos ? text : text.substr(equals + 1), "--dp"));
    for (const auto& other : dps) {
      if (other.name == dp.name) return invalid_argument("two distribution points are named " + dp.name, "--dp");
    }
    dps.push_back(std::move(dp));
  }
  return dps;
}

template <class T>
Result<T> with_field(Result<T> result, std::string_view field) {
  if (result.ok() || !result.status().field().empty()) return result;
  return Status(result.status().code(), result.status().message(), std::string(field));
}

constexpr uint64_t kPemBytes = uint64_t{1} << 20;

// What https shows, and what clients must trust: the lab's own CA, or whatever vouches for the certificate given.
Result<std::unique_ptr<wire::Tls>> open_tls(Env& env, const ServeOptions& options) {
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    return invalid_argument("--tls-cert and --tls-key belong together",
                            options.tls_cert.empty() ? "--tls-cert" : "--tls-key");
  }
  if (options.tls_cert.empty()) {
    RETURN_IF_ERROR(write_file(env, options.data + "/tls.pem", wire::lab_ca()));
    return wire::Tls::open(wire::lab_identity());
  }
  wire::TlsIdentity identity;
  ASSIGN_OR_RETURN(identity.certificate, with_field(read_file(env, options.tls_cert, kPemBytes), "--tls-cert"));
  ASSIGN_OR_RETURN(identity.key, with_field(read_file(env, options.tls_key, kPemBytes), "--tls-key"));
  return wire::Tls::open(identity);
}

std::string http_url(const HostPort& at) { return "http://" + format_host_port(at); }

// Everything of a running lab, in the order in which it is built up; taken down in reverse.
class LabServer {
 public:
  LabServer(ServeOptions options, LabClock::Start start, const wire::GateOptions& limits)
      : options_(std::move(options)),
        clock_(system_time_source(), start),
        log_(stderr_log(), LogForm::kConsole, clock_, "smslab"),
        gate_(limits, clock_, log_) {}

  Status start() {
    ASSIGN_OR_RETURN(options_.site, parse_site_code(options_.site, "--site"));
    ASSIGN_OR_RETURN(const auto dps, read_dps(options_.dps, options_.site));
    ASSIGN_OR_RETURN(const HostPort mp_at, parse_host_port(options_.mp, "--mp"));
    ASSIGN_OR_RETURN(const HostPort control_at, parse_host_port(options_.control, "--control"));
    RETURN_IF_ERROR(env_.make_folders(options_.data + "/logs"));
    ASSIGN_OR_RETURN(tls_, open_tls(env_, options_));

    mp::MpOptions mp_options;
    mp_options.site.site = options_.site;
    mp_options.site.server = default_dp_name(options_.site, 1);
    mp_options.site.strict = options_.strict;
    mp_options.profile = options_.profile;
    mp_options.folder = options_.data + "/site";
    mp_options.logs = options_.data + "/logs";
    mp_options.seed = options_.seed;
    mp_options.inboxes = options_.inboxes.has_value();
    for (const auto child : split(options_.inboxes.value_or(""), ',')) {
      if (child.empty()) continue;  // the option alone
      ASSIGN_OR_RETURN(mp_options.child_sites.emplace_back(), parse_site_code(child, "--inboxes"));
    }
    ASSIGN_OR_RETURN(mp_, mp::Mp::open(mp_options, env_, clock_, log_));
    for (const DpWanted& dp : dps) RETURN_IF_ERROR(add_dp(dp));
    ASSIGN_OR_RETURN(const HostPort mp_bound, listen(mp_at, mp_->router(), "--mp"));
    mp_->set_mp_url(http_url(mp_bound));
    ASSIGN_OR_RETURN(const HostPort control_bound, with_field(mp_->start_control(control_at), "--control"));
    RETURN_IF_ERROR(gate_.start());
    mp_->start();

    ready_.set_smslab("ready");
    ready_.set_site(options_.site);
    ready_.set_mp(http_url(mp_bound));
    ready_.set_control(http_url(control_bound));
    ready_.set_data(options_.data);
    ready_.set_pid(::getpid());
    return write_file(env_, ready_path(), ready_line() + "\n");
  }

  // The one line that programs wait for.
  std::string ready_line() const { return codec::to_json(ready_); }

  void stop() {
    (void)env_.remove_file(ready_path());
    gate_.stop();
    mp_->stop();
    for (auto& dp : dps_) dp->stop_control();
  }

 private:
  Result<HostPort> listen(const HostPort& at, const wire::Router& router, std::string_view field) {
    return with_field(gate_.listen(at, router, tls_.get()), field);
  }
  std::string ready_path() const { return options_.data + "/ready.json"; }

  Status add_dp(const DpWanted& wanted) {
    const std::string token = secret_token();
    ASSIGN_OR_RETURN(auto dp, dp::DistributionPoint::open({wanted.name, options_.data + "/dp/" + wanted.name, token},
                                                          env_, clock_, log_));
    ASSIGN_OR_RETURN(const HostPort bound, listen(wanted.at, dp->router(), "--dp"));
    ASSIGN_OR_RETURN(const HostPort control, dp->start_control({"127.0.0.1", 0}));
    mp_->announce({wanted.name, http_url(bound), http_url(control), token});
    (*ready_.mutable_dps())[wanted.name] = http_url(bound);
    (*ready_.mutable_dp_controls())[wanted.name] = http_url(control);
    dps_.push_back(std::move(dp));
    return ok_status();
  }

  ServeOptions options_;
  Env& env_ = posix_env();
  LabClock clock_;
  Log log_;
  std::unique_ptr<mp::Mp> mp_;
  std::vector<std::unique_ptr<dp::DistributionPoint>> dps_;
  std::unique_ptr<wire::Tls> tls_;
  wire::Gate gate_;  // after the roles: it uses their routers until it stops
  v1::Ready ready_;
};

// Ten thousand clients hold ten thousand descriptors; the usual soft limit is 1,024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Status serve(ServeOptions options) {
  raise_descriptor_limit();
  // Signals are taken by sigwait alone; every thread inherits the mask.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  ASSIGN_OR_RETURN(const auto start, read_clock(options.clock));
  ASSIGN_OR_RETURN(const auto limits, read_timeouts(options.timeouts));
  LabServer lab(std::move(options), start, limits);
  RETURN_IF_ERROR(lab.start());
  fmt::print("{}\n", lab.ready_line());
  std::fflush(stdout);
  int signal = 0;
  ::sigwait(&signals, &signal);
  lab.stop();
  return ok_status();
}
}  // namespace

void add_serve(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* verb =
      app.add_subcommand("serve", "Run a whole lab: a site with its management point and distribution points");
  verb->callback([&cli, options] {
    cli.action = [&cli, options] {
      if (!cli.finder.data.empty()) options->data = cli.finder.data;  // `smslab --data DIR serve` means the same
      return serve(*options);
    };
  });
  verb->add_option("--data", options->data, "data folder")->capture_default_str();
  verb->add_option("--site", options->site, "site code")->capture_default_str();
  verb->add_option("--profile", options->profile, "era: 2007 or 2003")->capture_default_str();
  verb->add_option("--mp", options->mp, "management point: HOST:PORT, port 0 picks a free one")->capture_default_str();
  verb->add_option("--dp", options->dps, "distribution points: [NAME=]HOST:PORT (default 127.0.0.1:8081)");
  verb->add_option("--control", options->control, "control plane: HOST:PORT")->capture_default_str();
  verb->add_option(
      "--tls-cert", options->tls_cert,
      "certificate (PEM, with its chain) for https, which shares the ports of http (default: the lab's own; "
      "clients trust <data>/tls.pem)");
  verb->add_option("--tls-key", options->tls_key, "its key (PEM)");
  verb->add_option("--clock", options->clock,
                   "ISO time to freeze the lab's clock at; with a + behind it, to start it at");
  verb->add_option("--seed", options->seed, "seed of everything that looks random")->capture_default_str();
  verb->add_option("--timeouts", options->timeouts,
                   "how long a client may take: for a whole head, for a whole body, to take any byte of a reply, and "
                   "between requests")
      ->capture_default_str();
  verb->add_option_function<std::string>(
          "--inboxes", [options](const std::string& sites) { options->inboxes = sites; },
          "write the files that a site server's inboxes would show to <data>/site/inboxes; with child sites' codes, "
          "comma between, the replication files for those too")
      ->expected(0, 1);
  verb->add_flag("--strict", options->strict, "check clients' signatures");
}

}  // namespace smslab::cli
