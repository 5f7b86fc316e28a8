// PolicySet: what policy says at one state of the site, worked out once and told to every client that asks.
//
//   ASSIGN_OR_RETURN(const auto set, site.policies->current(site, txn));
//   std::shared_ptr<const ccm::SharedDocument> reply = set->assignments(set->reaching("WRK-LON-001", true));
//   const Policy* policy = set->find("LON20000-LON00001-4A48FD56");
//
// A set belongs to a policy cookie, which changes with whatever policy is made of (site_record.h); a registration is no
// such change, for clients that the site knows are in All Systems without being listed. Bodies are made when they are
// first wanted. Thread-safe; what it gives lives as long as the set.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mp/dependencies.h"
#include "mp/memberships.h"
#include "proto/base/mutex.h"
#include "proto/base/status.h"
#include "proto/ccm/shared_document.h"
#include "proto/schema/client_messages.pb.h"
#include "proto/schema/site.pb.h"
#include "proto/wire/entity.h"
#include "store/store.h"

namespace smslab::mp {

struct Site;

// One policy as clients get it.
struct Policy {
  std::string id;
  uint32_t version = 1;
  std::string md5, sha1, sha256;               // of the body, upper-case hex
  std::shared_ptr<const wire::Entity> entity;  // the body
};

// What a fault makes of one policy: its package before the body is made of it, and the body's bytes then.
struct PolicyChange {
  std::optional<v1::Package> package = {};
  std::function<void(std::string* bytes)> bytes = nullptr;
};

class PolicySet {
 public:
  using Which = std::vector<uint32_t>;  // policies of adverts, in order of advert IDs, each once

  // What the transaction sees. An advert whose collection, package or program is gone reaches nobody.
  static Result<std::shared_ptr<const PolicySet>> read(const Site& site, const store::ReadTxn& txn,
                                                       const v1::SiteRecord& record,
                                                       std::shared_ptr<const Memberships> memberships);

  LabTime time() const { return time_; }  // of the last change; before the first one, a constant
  const std::string& cookie() const { return cookie_; }
  // Those whose collection has it; `known`: it is in All Systems.
  Which reaching(std::string_view computer, bool known) const;
  const Policy* find(std::string_view id) const;  // any letter case; nullptr
  // Places: 0 is that of the settings, and n + 1 of what Which has as n.
  std::optional<size_t> place_of(std::string_view id) const;  // any letter case
  size_t size() const { return sources_.size() + 1; }
  bool has_settings() const { return settings_.client_settings(); }
  const Policy& policy(size_t place) const;
  const v1::Package* package_of(size_t place) const;  // nullptr: the settings
  // A policy as it would be otherwise; made anew each time.
  Policy changed(size_t place, const PolicyChange& change) const;
  // The Full reply with the site's settings and these adverts' policies; the client's ID is to be filled in, escaped.
  std::shared_ptr<const ccm::SharedDocument> assignments(const Which& which) const;
  // The same as a message, with other policies in some places.
  v1::ReplyAssignments reply(const Which& which, std::string_view client_id,
                             const std::map<size_t, Policy>& instead = {}) const;

 private:
  struct Source {
    std::shared_ptr<const v1::Advert> advert;
    ChainLink link;
    bool dependent = false;
  };
  struct Made {
    std::once_flag once;
    Policy policy;
  };
  explicit PolicySet(const Site& site) : site_(site) {}
  Status read_adverts(const store::ReadTxn& txn);
  Policy make(size_t place, const v1::Package* package, const std::function<void(std::string*)>& change) const;

  const Site& site_;
  LabTime time_;
  std::string cookie_;
  std::vector<Source> sources_;
  v1::SiteSettings settings_;
  uint32_t settings_version_ = 1;
  std::optional<LabTime> settings_changed_;
  std::shared_ptr<const Memberships> memberships_;
  std::unordered_map<std::string, size_t> by_id_;  // lower case
  std::vector<Which> by_collection_;               // by its place
  mutable std::deque<Made> made_;
  mutable Mutex mu_;
  static constexpr size_t kReplies = 1024;  // kept; when there are more, all are dropped
  mutable std::map<Which, std::shared_ptr<const ccm::SharedDocument>> replies_ GUARDED_BY(mu_);
};

// The set that holds now; one is kept.
class PolicySets {
 public:
  Result<std::shared_ptr<const PolicySet>> current(const Site& site, const store::ReadTxn& txn);

 private:
  Mutex mu_;
  std::shared_ptr<const PolicySet> kept_ GUARDED_BY(mu_);
  std::shared_ptr<const Memberships> memberships_ GUARDED_BY(mu_);
};

}  // namespace smslab::mp
