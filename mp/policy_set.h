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
  // The Full reply with the site's settings and these adverts' policies; the client's ID is to be filled in, escaped.
  std::shared_ptr<const ccm::SharedDocument> assignments(const Which& which) const;

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
  const Policy& policy(size_t n) const;  // 0: the settings; then the adverts

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
