// `smslab serve`: a whole lab in one process, and others beside it. `smslab mp`: the site alone, for DPs that announce
// themselves.
#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "mp/cli/scenario_file.h"
#include "mp/cli/scenario_look.h"
#include "mp/cli/verbs.h"
#include "mp/host/api_labs.h"
#include "mp/host/control_access.h"
#include "mp/host/dp_wanted.h"
#include "mp/host/host.h"
#include "mp/host/lab_site.h"
#include "mp/host/labs.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"

namespace smslab::cli {
namespace {
constexpr std::string_view kNothingChanged = "; nothing was changed";

struct SiteRoleOptions {
  host::HostOptions host;
  std::string site, profile;  // empty: the scenario's, else LON and 2007
  std::string scenario;       // a file; empty: none
  std::string mp = "127.0.0.1:8080", control = "127.0.0.1:8082";
  bool own_dps = false;                  // in this process
  std::vector<std::string> dps;          // [NAME=]HOST:PORT
  std::vector<std::string> token_files;  // of DPs in processes of their own
  uint64_t seed = 1;
  host::ControlAccess access;
  bool strict = false;
  bool journal = true;
  std::optional<std::string> inboxes;  // child sites' codes, comma between
};

// The default lab, and the labs beside it; built up in this order, taken down in reverse.
class SiteRole : public host::Role {
 public:
  SiteRole(host::Host& host, SiteRoleOptions options)
      : host_(host),
        options_(std::move(options)),
        labs_(host, {.journal = options_.journal, .own_certificate = own_certificate(), .waiting = waiting_}),
        lab_(host, host.clock(), host.timers(), host.log(), host.data()) {}

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
    ASSIGN_OR_RETURN(mp_options.control_token, host::control_token(host_.env(), options_.access, control_at));
    mp_options.control_names = options_.access.names;
    RETURN_IF_ERROR(lab_.open(std::move(mp_options), options_.journal, dps, "--dp",
                              [](const std::string&, dp::DistributionPoint& dp) -> Result<std::string> {
                                ASSIGN_OR_RETURN(const HostPort at, dp.start_control({"127.0.0.1", 0}));
                                return host::http_url(at);
                              }));
    RETURN_IF_ERROR(make_scenario());
    RETURN_IF_ERROR(lab_.serve(mp_at, "--mp"));
    lab_.mp().nest([this](const std::vector<std::string>& path) { return labs_.nested(path); });
    ASSIGN_OR_RETURN(const HostPort control_bound, host::with_field(lab_.mp().start_control(control_at), "--control"));
    labs_.set_control(host::http_url(control_bound));
    RETURN_IF_ERROR(host_.serve());
    RETURN_IF_ERROR(labs_.recall());
    lab_.mp().start();

    lab_.tell(&host_.ready());
    host_.ready().set_control(host::http_url(control_bound));
    return ok_status();
  }

  void stop() override {
    labs_.let_go();
    lab_.stop();
    labs_.stop();
  }

 private:
  bool own_certificate() const { return !options_.host.tls_cert.empty(); }

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
    options.site.strict = options_.strict;
    options.site.own_certificate = own_certificate();
    options.profile = options_.profile;
    options.seed = options_.seed;
    options.start = scenario_.scenario();
    options.inboxes = options_.inboxes.has_value();
    options.more = host::lab_routes(labs_);
    options.waiting = waiting_;
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

  Result<std::vector<host::DpWanted>> wanted_dps() const {
    if (!options_.own_dps) return std::vector<host::DpWanted>();
    if (!options_.dps.empty() || options_.scenario.empty()) return host::read_dps(options_.dps, options_.site);
    std::vector<Status> problems;
    std::vector<host::DpWanted> dps = host::dps_of(scenario_.scenario(), options_.site, &problems);
    if (!problems.empty()) return scenario_.tell(problems, kNothingChanged);
    return dps;
  }

  Status make_scenario() {
    if (options_.scenario.empty()) return ok_status();
    mp::Problems problems;
    const auto made = lab_.make(scenario_.scenario(), &problems);
    if (!problems.empty()) return scenario_.tell(problems, kNothingChanged);
    if (made.ok() && !*made) {
      host_.log().info(host_.data() + " holds a site already; " + options_.scenario + " is not applied again");
    }
    return made.status();
  }

  host::Host& host_;
  SiteRoleOptions options_;
  ScenarioFile scenario_;
  const std::shared_ptr<std::atomic<int>> waiting_ = std::make_shared<std::atomic<int>>(0);
  host::Labs labs_;
  host::LabSite lab_;
};

CLI::App* add_site_verb(CLI::App& app, Cli& cli, const std::string& name, const std::string& description,
                        const std::shared_ptr<SiteRoleOptions>& options) {
  CLI::App* verb = app.add_subcommand(name, description);
  verb->callback([&cli, options] {
    cli.action = [&cli, options] {
      // `smslab --data DIR serve` means the same.
      if (!cli.finder.data.empty()) options->host.data = cli.finder.data;
      return host::run_role(options->host,
                            [&](host::Host& host) { return std::make_unique<SiteRole>(host, *options); });
    };
  });
  host::add_host_options(*verb, &options->host);
  verb->add_option("--site", options->site, "site code (default: the scenario's, else LON)");
  verb->add_option("--profile", options->profile, "era: 2007 or 2003 (default: the scenario's, else 2007)");
  verb->add_option("--scenario", options->scenario,
                   "YAML file of the site to begin with; a data folder that holds a site already goes on as it is");
  verb->add_option("--mp", options->mp, "management point: HOST:PORT, port 0 picks a free one")->capture_default_str();
  verb->add_option("--control", options->control, "control plane: HOST:PORT")->capture_default_str();
  host::add_control_access_options(*verb, &options->access);
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
