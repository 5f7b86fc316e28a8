#include <fmt/format.h>

#include <optional>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/schema/site.pb.h"

namespace smslab::cli {
namespace {
struct Wanted {
  std::optional<uint32_t> retries, interval;
  std::optional<std::string> client_settings, agent, approve, compress;
};

std::string on_off(bool on) { return on ? "on" : "off"; }

Status show_site(const Cli& cli, const v1::SiteSettings& settings) {
  if (cli.json) {
    print_json(settings);
    return ok_status();
  }
  std::string boundaries;
  for (const auto& each : settings.boundaries()) boundaries += (boundaries.empty() ? "" : ", ") + each.name();
  print_fields({{"retries", fmt::format("{}, every {} minutes", settings.retries(), settings.retry_interval_minutes())},
                {"client settings", on_off(settings.client_settings())},
                {"agent", on_off(settings.agent_enabled())},
                {"approve clients", on_off(settings.approve_clients())},
                {"compress policy", on_off(settings.compress_policy())},
                {"boundaries", boundaries.empty() ? "none: every client is local" : boundaries}});
  return ok_status();
}

v1::SiteSettings change_of(const Wanted& wanted) {
  v1::SiteSettings change;
  if (wanted.retries) change.set_retries(*wanted.retries);
  if (wanted.interval) change.set_retry_interval_minutes(*wanted.interval);
  if (wanted.client_settings) change.set_client_settings(*wanted.client_settings == "on");
  if (wanted.agent) change.set_agent_enabled(*wanted.agent == "on");
  if (wanted.approve) change.set_approve_clients(*wanted.approve == "on");
  if (wanted.compress) change.set_compress_policy(*wanted.compress == "on");
  return change;
}
}  // namespace

void add_site(CLI::App& app, Cli& cli) {
  CLI::App* site = app.add_subcommand("site", "Settings of the whole site: show, set");
  site->require_subcommand(1)->fallthrough();
  auto wanted = std::make_shared<Wanted>();
  add_verb(*site, cli, "show", "The site's settings", [&cli]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    v1::SiteSettings settings;
    RETURN_IF_ERROR(lab.call("GET", "/api/v1/site", nullptr, &settings));
    return show_site(cli, settings);
  });
  CLI::App* set = add_verb(*site, cli, "set", "Change them", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    const v1::SiteSettings change = change_of(*wanted);
    v1::SiteSettings settings;
    RETURN_IF_ERROR(lab.call("PATCH", "/api/v1/site", &change, &settings));
    return show_site(cli, settings);
  });
  const auto switched = [set](const std::string& option, std::optional<std::string>* into,
                              const std::string& description) {
    set->add_option(option, *into, description)->check(CLI::IsMember({"on", "off"}));
  };
  set->add_option("--retries", wanted->retries, "of a distribution that fails (100)");
  set->add_option("--retry-interval", wanted->interval, "minutes between them (30)");
  switched("--client-settings", &wanted->client_settings, "the agent's configuration is among the policies (on)");
  switched("--agent", &wanted->agent, "software distribution is enabled on clients (on)");
  switched("--approve-clients", &wanted->approve, "registrations are approved at once (on)");
  switched("--compress-policy", &wanted->compress, "policy bodies are sent as PolicyXML, compressed (off)");
}

}  // namespace smslab::cli
