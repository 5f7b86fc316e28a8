// `smslab dp --name NAME ...`: one distribution point in a process of its own.
#include "mp/cli/serve_dp.h"

#include <memory>
#include <utility>

#include "dp/announcer.h"
#include "dp/distribution_point.h"
#include "mp/host/host.h"
#include "proto/base/ids.h"

namespace smslab::cli {
namespace {
// The site and its clients are told these addresses.
Result<HostPort> read_address(const std::string& text, const std::string& field) {
  ASSIGN_OR_RETURN(HostPort at, parse_host_port(text, field));
  if (at.host == "0.0.0.0" || at.host == "::") {
    return invalid_argument("'" + text + "' stands for all addresses; name the one that the site is to be told", field);
  }
  return at;
}

class DpRole : public host::Role {
 public:
  DpRole(host::Host& host, DpRoleOptions options) : host_(host), options_(std::move(options)) {}

  Status start() override {
    ASSIGN_OR_RETURN(const std::string name, parse_host_name(options_.name, "--name"));
    ASSIGN_OR_RETURN(const HostPort at, read_address(options_.dp, "--dp"));
    ASSIGN_OR_RETURN(const HostPort control_at, read_address(options_.control, "--control"));
    RETURN_IF_ERROR(parse_url(options_.site_server, "--site-server").status());
    ASSIGN_OR_RETURN(const auto secret, control::DpSecret::read(host_.env(), options_.token_file, "--token-file"));
    RETURN_IF_ERROR(check_folder(name));
    ASSIGN_OR_RETURN(dp_, dp::DistributionPoint::open({.name = name,
                                                       .folder = host_.data() + "/dp/" + name,
                                                       .token = secret.token(name),
                                                       .site = {},
                                                       .room_for = {}},
                                                      host_.env(), host_.clock(), host_.log()));
    ASSIGN_OR_RETURN(const HostPort bound, host_.listen(at, dp_->router(), "--dp"));
    ASSIGN_OR_RETURN(const HostPort control, host::with_field(dp_->start_control(control_at), "--control"));
    RETURN_IF_ERROR(host_.serve());

    v1::DpAnnouncement announcement;
    announcement.set_name(name);
    announcement.set_url(host::http_url(bound));
    announcement.set_control_url(host::http_url(control));
    announcer_ =
        std::make_unique<dp::Announcer>(*dp_, secret, announcement, options_.site_server, host_.clock(), host_.log());
    const Status told = announcer_->announce();
    // A site that is not there yet is waited for; one that refuses is somebody's mistake.
    if (!told.ok() && told.code() != Code::kUnavailable) return told.prefixed("the site refuses " + name);
    announcer_->start();

    ASSIGN_OR_RETURN(*host_.ready().mutable_site(), dp_->site());
    host_.ready().set_control(options_.site_server);
    (*host_.ready().mutable_dps())[name] = announcement.url();
    (*host_.ready().mutable_dp_controls())[name] = announcement.control_url();
    return ok_status();
  }

  void stop() override {
    if (announcer_) announcer_->stop();
    if (dp_) dp_->stop_control();
  }

 private:
  // A folder with another DP's content was not meant.
  Status check_folder(const std::string& name) const {
    const auto there = host_.env().list(host_.data() + "/dp");
    if (!there.ok() || there->empty()) return ok_status();
    for (const FolderEntry& entry : *there) {
      if (entry.name == name) return ok_status();
    }
    return failed_precondition(host_.data() + " is the data of distribution point " + there->front().name +
                                   "; start with --name " + there->front().name + " or another --data",
                               "--name");
  }

  host::Host& host_;
  const DpRoleOptions options_;
  std::unique_ptr<dp::DistributionPoint> dp_;
  std::unique_ptr<dp::Announcer> announcer_;
};
}  // namespace

void add_dp_role_options(CLI::App& verb, DpRoleOptions* options) {
  host::add_host_options(verb, &options->host);
  verb.add_option("--name", options->name, "run the distribution point of this name");
  verb.add_option("--dp", options->dp, "client plane: HOST:PORT, port 0 picks a free one")->capture_default_str();
  verb.add_option("--control", options->control, "where the site reaches it: HOST:PORT")->capture_default_str();
  verb.add_option("--site-server", options->site_server, "URL of the site's control plane");
  verb.add_option("--token-file", options->token_file, "file with the secret that the site has too");
}

Status serve_dp(const DpRoleOptions& options) {
  return host::run_role(options.host, [&](host::Host& host) { return std::make_unique<DpRole>(host, options); });
}

}  // namespace smslab::cli
