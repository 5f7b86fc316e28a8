// `smslab serve`: a whole lab in one process. `smslab mp`: the site alone, for DPs that announce themselves. The one
// place where the site and its DPs meet.
#include <fmt/format.h>

#include <utility>
#include <vector>

#include "dp/distribution_point.h"
#include "mp/cli/host.h"
#include "mp/cli/verbs.h"
#include "mp/mp.h"
#include "proto/base/ids.h"
#include "proto/base/random.h"

namespace smslab::cli {
namespace {
struct SiteRoleOptions {
  HostOptions host;
  std::string site = "LON", profile = "2007";
  std::string mp = "127.0.0.1:8080", control = "127.0.0.1:8082";
  std::vector<std::string> dps;          // [NAME=]HOST:PORT
  std::vector<std::string> token_files;  // of DPs in processes of their own
  uint64_t seed = 1;
  bool strict = false;
};

struct DpWanted {
  std::string name;
  HostPort at;
};

std::string default_dp_name(const std::string& site, size_t n) { return fmt::format("{}-DCSMS-{:02}", site, n); }

Result<std::vector<DpWanted>> read_dps(const std::vector<std::string>& texts, const std::string& site) {
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

// The site, and the DPs of its own process; built up in this order, taken down in reverse.
class SiteRole : public Role {
 public:
  SiteRole(Host& host, SiteRoleOptions options) : host_(host), options_(std::move(options)) {}

  Status start() override {
    ASSIGN_OR_RETURN(options_.site, parse_site_code(options_.site, "--site"));
    ASSIGN_OR_RETURN(const auto dps, read_dps(options_.dps, options_.site));
    ASSIGN_OR_RETURN(const HostPort mp_at, parse_host_port(options_.mp, "--mp"));
    ASSIGN_OR_RETURN(const HostPort control_at, parse_host_port(options_.control, "--control"));
    ASSIGN_OR_RETURN(mp::MpOptions mp_options, site_options());
    ASSIGN_OR_RETURN(mp_, mp::Mp::open(std::move(mp_options), host_.env(), host_.clock(), host_.log()));
    for (const DpWanted& dp : dps) RETURN_IF_ERROR(add_dp(dp));
    ASSIGN_OR_RETURN(const HostPort mp_bound, host_.listen(mp_at, mp_->router(), "--mp"));
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
  Result<mp::MpOptions> site_options() {
    mp::MpOptions options;
    options.site.site = options_.site;
    options.site.server = default_dp_name(options_.site, 1);
    options.site.strict = options_.strict;
    options.profile = options_.profile;
    options.folder = host_.data() + "/site";
    options.logs = host_.data() + "/logs";
    options.seed = options_.seed;
    for (const auto& file : options_.token_files) {
      ASSIGN_OR_RETURN(auto secret, control::DpSecret::read(host_.env(), file, "--token-file"));
      options.secrets.push_back(std::move(secret));
    }
    return options;
  }

  Status add_dp(const DpWanted& wanted) {
    const std::string token = secret_token();
    ASSIGN_OR_RETURN(
        auto dp,
        dp::DistributionPoint::open(
            {.name = wanted.name, .folder = host_.data() + "/dp/" + wanted.name, .token = token, .site = options_.site},
            host_.env(), host_.clock(), host_.log()));
    ASSIGN_OR_RETURN(const HostPort bound, host_.listen(wanted.at, dp->router(), "--dp"));
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
  std::unique_ptr<mp::Mp> mp_;
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
  verb->add_option("--site", options->site, "site code")->capture_default_str();
  verb->add_option("--profile", options->profile, "era: 2007 or 2003")->capture_default_str();
  verb->add_option("--mp", options->mp, "management point: HOST:PORT, port 0 picks a free one")->capture_default_str();
  verb->add_option("--control", options->control, "control plane: HOST:PORT")->capture_default_str();
  verb->add_option("--token-file", options->token_files,
                   "file with the secret of distribution points that run as `smslab dp` and announce themselves");
  verb->add_option("--seed", options->seed, "seed of everything that looks random")->capture_default_str();
  verb->add_flag("--strict", options->strict, "check clients' signatures");
  return verb;
}
}  // namespace

void add_serve(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<SiteRoleOptions>();
  options->dps = {"127.0.0.1:8081"};
  add_site_verb(app, cli, "serve", "Run a whole lab: a site with its management point and distribution points", options)
      ->add_option("--dp", options->dps, "distribution points: [NAME=]HOST:PORT")
      ->capture_default_str();
  add_site_verb(app, cli, "mp", "Run the site alone; its distribution points run as `smslab dp`",
                std::make_shared<SiteRoleOptions>());
}

}  // namespace smslab::cli
