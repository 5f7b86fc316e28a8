#include "mp/dp_admission.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "mp/dp_link.h"
#include "mp/dp_records.h"
#include "proto/base/ids.h"
#include "proto/base/uri.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using control::DpSecret;
using Secrets = std::vector<DpSecret>;

Status no_entry(const std::string& why) { return {Code::kUnauthenticated, why, "proof"}; }

Result<const DpSecret*> secret_of(const Secrets& secrets, const v1::DpAnnouncement& announcement) {
  if (secrets.empty()) return no_entry("this site takes no distribution points in; start it with --token-file");
  const auto found = std::find_if(secrets.begin(), secrets.end(),
                                  [&](const DpSecret& secret) { return secret.vouches_for(announcement); });
  if (found == secrets.end()) {
    return no_entry("the site does not know this distribution point's secret; give both the same --token-file");
  }
  return &*found;
}

Status check_url(const std::string& url, const std::string& field) {
  ASSIGN_OR_RETURN(const Url parsed, parse_url(url, field));
  if (parsed.scheme == "http" && parsed.target == "/") return ok_status();
  return invalid_argument("'" + url + "' is not of the form http://HOST:PORT", field);
}

Status check(const Site& site, const v1::DpAnnouncement& announcement) {
  ASSIGN_OR_RETURN(const std::string name, parse_host_name(announcement.name(), "name"));
  if (name != announcement.name()) return invalid_argument("the name is not in upper case", "name");
  RETURN_IF_ERROR(check_url(announcement.url(), "url"));
  RETURN_IF_ERROR(check_url(announcement.control_url(), "controlUrl"));
  if (announcement.site().empty() || announcement.site() == site.options.site) return ok_status();
  return failed_precondition("the folder of " + name + " holds the content of site " + announcement.site() +
                                 ", and this is site " + site.options.site + "; give the DP another --data",
                             "site");
}

// Whoever holds one of the site's secrets can be one DP, but not take the name of a DP that holds another.
bool anothers(const v1::DpRecord& known, const Secrets& secrets, const DpSecret& secret) {
  if (!known.remote() || known.token() == secret.token(known.name())) return false;
  return std::any_of(secrets.begin(), secrets.end(),
                     [&](const DpSecret& each) { return known.token() == each.token(known.name()); });
}
constexpr std::chrono::seconds kPatience{2};  // for the DP that has the name

// Another process has the name and answers; one that answers where this one listens is this one.
Status check_name_is_free(const Site& site, const DpDirectory& dps, const v1::DpAnnouncement& announcement) {
  const auto known = dps.find(announcement.name());
  if (known == nullptr || !known->remote) return ok_status();
  if (known->session == announcement.session() || known->control_url == announcement.control_url()) return ok_status();
  if (!DpLink(*known, kPatience).contents().ok()) return ok_status();
  site.log.warning("a second distribution point " + known->name + " announces itself at " + announcement.url() +
                   "; the one at " + known->url + " answers and keeps the name");
  return already_exists("the distribution point " + known->name + " of this site runs at " + known->url +
                            " and answers; stop that one, or start this one with another --name",
                        "name");
}
}  // namespace

Result<v1::DpWelcome> admit_dp(Site& site, DpDirectory& dps, CatchUp& catch_up, const Secrets& secrets,
                               const v1::DpAnnouncement& announcement) {
  ASSIGN_OR_RETURN(const DpSecret* secret, secret_of(secrets, announcement));
  RETURN_IF_ERROR(check(site, announcement));
  RETURN_IF_ERROR(check_name_is_free(site, dps, announcement));
  RETURN_IF_ERROR(site.store.commit([&](store::WriteTxn& txn) -> Status {
    const std::string& name = announcement.name();
    if (const auto known = dps.find(name); known != nullptr && !known->remote) {
      return failed_precondition("the site runs " + name + " in its own process; choose another --name", "name");
    }
    ASSIGN_OR_RETURN(v1::DpRecord record, dp_record(txn, name));
    if (anothers(record, secrets, *secret)) return no_entry(name + " is a distribution point with another secret");
    const std::string before = record.SerializeAsString();
    const bool away = !record.remote() || record.session() != announcement.session();
    record.set_url(announcement.url());
    record.set_control_url(announcement.control_url());
    record.set_token(secret->token(name));
    record.set_remote(true);
    record.set_session(announcement.session());
    if (record.SerializeAsString() == before) return ok_status();
    txn.after_commit([&, address = address_of(record), away] {
      dps.add(address);
      if (away) catch_up.returned(address.name);
      site.log.info(address.name + " has announced itself at " + address.url);
    });
    return store::kDps.put(txn, {name}, record);
  }));
  v1::DpWelcome welcome;
  welcome.set_site(site.options.site);
  welcome.set_proof(secret->prove(welcome, announcement));
  return welcome;
}

}  // namespace smslab::mp
