// `smslab serve`: a whole lab in one process. `smslab mp`: the site alone, for DPs that announce themselves. The one
// place where the site and its DPs meet.
#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "dp/distribution_point.h"
#include "mp/cli/control_access.h"
#include "mp/cli/dp_wanted.h"
#include "mp/cli/host.h"
#include "mp/cli/scenario_file.h"
#include "mp/cli/scenario_look.h"
#include "mp/cli/verbs.h"
#include "mp/mp.h"
#include "proto/base/ids.h"
#include "proto/base/random.h"
#include "proto/base/text.h"

namespace smslab::cli {
namespace {
constexpr std::string_view kNothingChanged = "; nothing was changed";

struct SiteRoleOptions {
  HostOptions host;
  std::string site, profile;  // empty: the scenario's, else LON and 2007
  std::string scenario;       // a file; empty: none
  std::string mp = "127.0.0.1:8080", control = "127.0.0.1:8082";
  bool own_dps = false;                  // in this process
  std::vector<std::string> dps;          // [NAME=]HOST:PORT
  std::vector<std::string> token_files;  // of DPs in processes of their own
  uint64_t seed = 1;
  ControlAccess access;
  bool strict = false;
  bool journal = true;
  std::optional<std::string> inboxes;  // child sites' codes, comma between
};

// The site, and the DPs of its own process; built up in this order, taken down in reverse.
class SiteRole : public Role {
 public:
  SiteRole(Host& host, SiteRoleOptions options) : host_(host), options_(std::move(options)) {}

  Status start() override {
    if (!options_.scenario.empty()) RETURN_IF_ERROR(read_scenario());
    const auto first_of = [](const std::string& a, const std::string& b, const char* otherwise) {
      return !a.empty() ? a : !b.empty() ? b : otherwise;
    };
    options_.site = first_of(options_.site, scenario_.scenario().site(), "LON");
    options_.profile = first_of(options_.profile, scenario_.scenario().profile(), "2007");
    ASSIGN_OR_RETURN(options_.site, parse_site_code(options_.site, "--site"));
    ASSIGN_OR_RETURN(const auto dps, wanted_dps());
    ASSIGN_OR_RETURN(const HostPort mp_at, parse_host_port(options_.mp, "--mp"));
    ASSIGN_OR_RETURN(const HostPort control_at, parse_host_port(options_.control, "--control"));
    ASSIGN_OR_RETURN(mp::MpOptions mp_options, site_options());
    ASSIGN_OR_RETURN(mp_options.control_token, control_token(host_.env(), options_.access, control_at));
    mp_options.control_names = options_.access.names;
    ASSIGN_OR_RETURN(mp_, mp::Mp::open(std::move(mp_options), host_.env(), host_.clock(), host_.log()));
    for (const DpWanted& dp : dps) RETURN_IF_ERROR(add_dp(dp));
    RETURN_IF_ERROR(make_scenario());
    ASSIGN_OR_RETURN(const HostPort mp_bound, listen({.role = v1::FaultMatch::MP}, mp_at, mp_->router(), "--mp"));
    mp_->set_mp_url(http_url(mp_bound));
    ASSIGN_OR_RETURN(const HostPort control_bound, with_field(mp_->start_control(control_at), "--control"));
    RETURN_IF_ERROR(host_.serve());
    mp_->start();

    host_.ready().set_site(options_.site);
    host_.ready().set_mp(http_url(mp_bound));
    host_.ready().set_control(http_url(control_bound));
    return ok_status();
  }

  void stop() override {
    if (mp_) mp_->stop();
    for (auto& dp : dps_) dp->stop_control();
  }

 private:
  Status read_scenario() {
    RETURN_IF_ERROR(scenario_.read(options_.scenario));
    if (scenario_.well_formed()) return ok_status();
    v1::Scenario scenario = scenario_.scenario();
    std::vector<Status> problems;
    RETURN_IF_ERROR(look_at(&scenario, &problems));
    return scenario_.tell(problems, kNothingChanged);
  }

  Result<mp::MpOptions> site_options() {
    mp::MpOptions options;
    options.site.site = options_.site;
    options.site.server = default_dp_name(options_.site, 1);
    options.site.strict = options_.strict;
    options.site.own_certificate = !options_.host.tls_cert.empty();
    options.profile = options_.profile;
    options.folder = host_.data() + "/site";
    options.logs = host_.data() + "/logs";
    if (options_.journal) options.journal = host_.data() + "/journal";
    options.seed = options_.seed;
    options.start = scenario_.scenario();
    options.inboxes = options_.inboxes.has_value();
    const std::string children = options_.inboxes.value_or("");
    for (const auto child : split(children, ',')) {
      if (child.empty()) continue;  // the option alone
      ASSIGN_OR_RETURN(options.child_sites.emplace_back(), parse_site_code(child, "--inboxes"));
    }
    for (const auto& file : options_.token_files) {
      ASSIGN_OR_RETURN(auto secret, control::DpSecret::read(host_.env(), file, "--token-file"));
      options.secrets.push_back(std::move(secret));
    }
    return options;
  }

  Result<std::vector<DpWanted>> wanted_dps() const {
    if (!options_.own_dps) return std::vector<DpWanted>();
    if (!options_.dps.empty() || options_.scenario.empty()) return read_dps(options_.dps, options_.site);
    std::vector<Status> problems;
    std::vector<DpWanted> dps = dps_of(scenario_.scenario(), options_.site, &problems);
    if (!problems.empty()) return scenario_.tell(problems, kNothingChanged);
    return dps;
  }

  // A site that has something already goes on as it is: what was made of the scenario may have changed since.
  Status make_scenario() {
    if (options_.scenario.empty()) return ok_status();
    ASSIGN_OR_RETURN(const bool empty, mp_->is_empty());
    if (!empty) {
      host_.log().info(host_.data() + " holds a site already; " + options_.scenario + " is not applied again");
      return ok_status();
    }
    mp::Problems problems;
    const Status made = mp_->apply_scenario(scenario_.scenario(), &problems);
    return problems.empty() ? made : scenario_.tell(problems, kNothingChanged);
  }

  // A listener with everything that a fault can do to it, and a journal of what happens there.
  Result<HostPort> listen(const fault::Place& place, const HostPort& at, const wire::Router& router,
                          std::string_view field) {
    wire::Injector* injector = injectors_.emplace_back(mp_->injector(place, host_.timers())).get();
    wire::Recorder* recorder = recorders_.emplace_back(mp_->recorder(place)).get();
    ASSIGN_OR_RETURN(HostPort bound, host_.listen(at, router, field, injector, recorder));
    doors_.push_back(
        mp_->watch_door(place, host_.timers(), [this, bound](bool shut) { return host_.set_shut(bound, shut); }));
    return bound;
  }

  // What a fault leaves of a DP's disk.
  dp::RoomFor room_for(const std::string& dp) {
    return [this, dp](const std::string& package, uint32_t version) -> std::optional<dp::Room> {
      const auto fault = mp_->no_space(dp, package, version);
      if (!fault) return std::nullopt;
      return dp::Room{.bytes = fault->bytes(), .known = !fault->has_bytes()};
    };
  }

  Status add_dp(const DpWanted& wanted) {
    const std::string token = secret_token();
    ASSIGN_OR_RETURN(auto dp, dp::DistributionPoint::open({.name = wanted.name,
                                                           .folder = host_.data() + "/dp/" + wanted.name,
                                                           .token = token,
                                                           .site = options_.site,
                                                           .room_for = room_for(wanted.name)},
                                                          host_.env(), host_.clock(), host_.log()));
    ASSIGN_OR_RETURN(const HostPort bound,
                     listen({.role = v1::FaultMatch::DP, .dp = wanted.name}, wanted.at, dp->router(), "--dp"));
    ASSIGN_OR_RETURN(const HostPort control, dp->start_control({"127.0.0.1", 0}));
    RETURN_IF_ERROR(
        mp_->add_dp({.name = wanted.name, .url = http_url(bound), .control_url = http_url(control), .token = token}));
    (*host_.ready().mutable_dps())[wanted.name] = http_url(bound);
    (*host_.ready().mutable_dp_controls())[wanted.name] = http_url(control);
    dps_.push_back(std::move(dp));
    return ok_status();
  }

  Host& host_;
  SiteRoleOptions options_;
  ScenarioFile scenario_;
  std::unique_ptr<mp::Mp> mp_;
  std::vector<std::unique_ptr<wire::Injector>> injectors_;
  std::vector<std::unique_ptr<wire::Recorder>> recorders_;
  std::vector<std::unique_ptr<fault::DoorWatch>> doors_;
  std::vector<std::unique_ptr<dp::DistributionPoint>> dps_;
};

CLI::App* add_site_verb(CLI::App& app, Cli& cli, const std::string& name, const std::string& description,
                        const std::shared_ptr<SiteRoleOptions>& options) {
  CLI::App* verb = app.add_subcommand(name, description);
  verb->callback([&cli, options] {
    cli.action = [&cli, options] {
      // `smslab --data DIR serve` means the same.
      if (!cli.finder.data.empty()) options->host.data = cli.finder.data;
      return run_role(options->host, [&](Host& host) { return std::make_unique<SiteRole>(host, *options); });
    };
  });
  add_host_options(*verb, &options->host);
  verb->add_option("--site", options->site, "site code (default: the scenario's, else LON)");
  verb->add_option("--profile", options->profile, "era: 2007 or 2003 (default: the scenario's, else 2007)");
  verb->add_option("--scenario", options->scenario,
                   "YAML file of the site to begin with; a data folder that holds a site already goes on as it is");
  verb->add_option("--mp", options->mp, "management point: HOST:PORT, port 0 picks a free one")->capture_default_str();
  verb->add_option("--control", options->control, "control plane: HOST:PORT")->capture_default_str();
  add_control_access_options(*verb, &options->access);
  verb->add_option("--token-file", options->token_files,
                   "file with the secret of distribution points that run as `smslab dp` and announce themselves");
  verb->add_option("--seed", options->seed, "seed of everything that looks random")->capture_default_str();
  verb->add_option_function<std::string>(
          "--inboxes", [options](const std::string& sites) { options->inboxes = sites; },
          "write the files that a site server's inboxes would show to <data>/site/inboxes; with child sites' codes, "
          "comma between, the replication files for those too")
      ->expected(0, 1);
  verb->add_flag("!--no-journal", options->journal, "keep no journal of requests");
  verb->add_flag("--strict", options->strict, "check clients' signatures");
  return verb;
}
}  // namespace

void add_serve(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<SiteRoleOptions>();
  options->own_dps = true;
  add_site_verb(app, cli, "serve", "Run a whole lab: a site with its management point and distribution points", options)
      ->add_option("--dp", options->dps,
                   "distribution points: [NAME=]HOST:PORT (default: the scenario's, else 127.0.0.1:8081)");
  add_site_verb(app, cli, "mp", "Run the site alone; its distribution points run as `smslab dp`",
                std::make_shared<SiteRoleOptions>());
}

}  // namespace smslab::cli
