#include "proto/client/agent.h"

#include <fmt/format.h>

#include <algorithm>

#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/base/utf16.h"
#include "proto/client/client_state.h"
#include "proto/client/content_access.h"
#include "proto/client/execmgr.h"
#include "proto/client/policy_agent.h"
#include "proto/client/registration.h"

namespace smslab::client {
namespace {
constexpr size_t kMaxMifDescription = 128;  // string(128) in the MIF

Status check_mif(const StatusMif& mif) {
  const bool plain = valid_utf8(mif.description) && std::none_of(mif.description.begin(), mif.description.end(),
                                                                 [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (!plain || utf16_units(mif.description) > kMaxMifDescription) {
    return invalid_argument("a MIF description is at most 128 printable characters", "--mif");
  }
  return ok_status();
}

// A first registration, or one in place of an identity that the MP does not know or does not want any more.
Result<Registration> register_anew(const AgentOptions& options, Host& host, ClientState& state, MpSession& session,
                                   ccm::SigningKey* key) {
  constexpr const char* kRequest = "Registration";
  ASSIGN_OR_RETURN(Registration made, ask_registration(host, session, *key, kRequest, options.smsid));
  if (made.result == Registered::kNewIdentity) {
    ASSIGN_OR_RETURN(*key, state.new_signing_key(options.name, host.clock.now()));
    ASSIGN_OR_RETURN(made, ask_registration(host, session, *key, kRequest, options.smsid));
  }
  if (made.result == Registered::kYes || made.result == Registered::kNotKnown) return made;
  return failed_precondition("the MP refused to register " + host.name);
}

// Who this client is: what it was, if the MP still knows it so; what the MP makes it; or, at a site without
// registration, what it makes itself.
Status identify(const AgentOptions& options, Host& host, ClientState& state, MpSession& session, ccm::SigningKey* key,
                v1::ClientRun* run) {
  v1::ClientState& record = state.record();
  if (!record.smsid().empty() && (options.smsid.empty() || options.smsid == record.smsid())) {
    ASSIGN_OR_RETURN(const Registration still, ask_registration(host, session, *key, "Confirmation", record.smsid()));
    if (still.result == Registered::kYes || still.result == Registered::kNotKnown) {
      host.smsid = record.smsid();
      return ok_status();
    }
    host.tell("client", "the MP does not accept " + record.smsid() + "; registering anew");
  }
  ASSIGN_OR_RETURN(const Registration made, register_anew(options, host, state, session, key));
  run->set_registered(made.result == Registered::kYes);
  std::string smsid = made.smsid.empty() ? options.smsid : made.smsid;
  if (smsid.empty()) {
    const std::string guid = host.guid("smsid");
    smsid = "GUID:" + guid.substr(1, guid.size() - 2);
  }
  host.smsid = smsid;
  record.set_smsid(smsid);
  record.clear_server_cookie();
  return state.save();
}

void note_failure(const std::string& why, v1::ClientRun* run) {
  if (run->error().empty()) run->set_error(why);
}

Status distribute(PolicyAgent& policies, ExecMgr& execmgr, Host& host, v1::ClientRun* run) {
  std::vector<AdvertPolicy> adverts;
  std::optional<AgentSettings> settings;
  const std::vector<PolicyBody> bodies = policies.policies();
  run->set_policies(static_cast<uint32_t>(bodies.size()));
  for (const PolicyBody& body : bodies) {
    if (auto found = settings_of(body)) settings = std::move(found);
    auto advert = advert_of(body);
    if (!advert.ok()) {
      note_failure("policy " + body.id + " cannot be carried out: " + advert.status().message(), run);
    } else if (*advert) {
      adverts.push_back(**std::move(advert));
    }
  }
  host.tell("policy", fmt::format("{} in force, {} of them advertisements", bodies.size(), adverts.size()));
  if (!settings) {
    execmgr.settings_missing();
    note_failure("no client agent policy: software distribution is not enabled on this client", run);
    return ok_status();
  }
  if (!settings->enabled) {
    host.tell("policy", "software distribution is switched off for this client");
    return ok_status();
  }
  RETURN_IF_ERROR(execmgr.announce(adverts));
  ASSIGN_OR_RETURN(const std::vector<v1::AdvertRun> results, execmgr.run_all(adverts, *settings));
  for (const v1::AdvertRun& result : results) {
    switch (result.result()) {
      case v1::AdvertRun::FAILED:
      case v1::AdvertRun::RETRYING:
      case v1::AdvertRun::WAITING_FOR_CONTENT:
        note_failure(fmt::format("advertisement {} ({} of {}.{}): {}", result.advert(), result.program(),
                                 result.package(), result.version(), result.reason()),
                     run);
        break;
      default: break;
    }
    *run->add_adverts() = result;
  }
  return ok_status();
}

Status live_the_day(const AgentOptions& options, Env& env, const Clock& clock, const Story& story, v1::ClientRun* run) {
  ASSIGN_OR_RETURN(const Url mp, parse_url(options.mp, "--mp"));
  ASSIGN_OR_RETURN(const auto state, ClientState::open(env, options.folder));
  state->record().set_runs(state->record().runs() + 1);
  RETURN_IF_ERROR(state->save());
  ASSIGN_OR_RETURN(const auto host, Host::open({.name = options.name,
                                                .site = options.site,
                                                .folder = options.folder,
                                                .bind = options.bind,
                                                .seed = options.seed,
                                                .run = state->record().runs()},
                                               env, clock, story));
  ASSIGN_OR_RETURN(auto key, state->signing_key(options.name, clock.now()));

  MpSession session(*host, mp, key);
  LocationServices locations(*host, session);
  DataTransfer dts(*host, options.transfer);
  ContentTransfer ctm(*host, locations, dts);
  Events events(*host, session, run);
  ContentAccess cas(*host, *state, locations, ctm, events, options.cache);
  PolicyAgent policies(*host, *state, session, dts);
  ExecMgr execmgr(*host, *state, cas, events, {.end = options.end, .download_only = options.download_only});

  RETURN_IF_ERROR(locations.find_management_point());
  RETURN_IF_ERROR(identify(options, *host, *state, session, &key, run));
  run->set_smsid(host->smsid);
  host->tell("client", fmt::format("{} {}{}", host->name, host->smsid, run->registered() ? ", registered now" : ""));
  RETURN_IF_ERROR(send_heartbeat(*host, session));
  if (const Status refreshed = policies.refresh(); !refreshed.ok()) note_failure(refreshed.message(), run);
  RETURN_IF_ERROR(distribute(policies, execmgr, *host, run));
  const auto lost = std::count_if(run->messages().begin(), run->messages().end(),
                                  [](const auto& message) { return !message.delivered(); });
  if (lost > 0) note_failure(fmt::format("{} status messages could not be delivered", lost), run);
  return ok_status();
}
}  // namespace

Status check_options(AgentOptions* options) {
  ASSIGN_OR_RETURN(const Url mp, parse_url(options->mp, "--mp"));
  if (mp.scheme != "http" || mp.target != "/") {
    return invalid_argument("'" + options->mp + "' is not of the form http://HOST:PORT", "--mp");
  }
  ASSIGN_OR_RETURN(options->name, parse_host_name(options->name, "--name"));
  ASSIGN_OR_RETURN(options->site, parse_site_code(options->site, "--site"));
  if (!options->smsid.empty()) {
    ASSIGN_OR_RETURN(options->smsid, parse_smsid(options->smsid, "--smsid"));
  }
  if (options->end.mif) RETURN_IF_ERROR(check_mif(*options->end.mif));
  if (options->folder.empty()) options->folder = "./smslab-client-" + options->name;
  return ok_status();
}

v1::ClientRun run_client(AgentOptions options, Env& env, const Clock& clock, const Story& story) {
  v1::ClientRun run;
  Status ended = check_options(&options);
  run.set_client(options.name);
  run.set_site(options.site);
  run.set_mp(options.mp);
  if (ended.ok()) ended = live_the_day(options, env, clock, story, &run);
  if (!ended.ok()) run.set_error(ended.message());
  return run;
}

}  // namespace smslab::client
