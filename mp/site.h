// Site: what every part of the management point and of the site behind it stands on. No behaviour of its own.
//
// Passed by reference to plain functions (packages.h, policy.h, location.h, ...) and owned by Mp (mp.h). Constant after
// construction but for what the store holds; thread-safe.
#pragma once

#include <memory>
#include <string>

#include "mp/changes.h"
#include "mp/client_activity.h"
#include "mp/package_queue.h"
#include "mp/policy_set.h"
#include "mp/profile.h"
#include "mp/site_log.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/random.h"
#include "proto/ccm/shared_document.h"
#include "proto/fault/rules.h"
#include "store/journal.h"
#include "store/store.h"

namespace smslab::store {
class Journal;
}

namespace smslab::mp {

class Inboxes;

struct SiteOptions {
  std::string site = "LON";                     // site code
  std::string server = "LON-DCSMS-01";          // the site server's and MP's computer name: <site>-DCSMS-01
  std::string user = "CONTOSO\\administrator";  // who the audit messages name
  bool strict = false;                          // signatures are checked; a bad one gets an empty 200
  bool own_certificate = false;                 // https shows one that was given, not the lab's
};

struct Site {
  SiteOptions options;
  const Profile& profile;
  store::Store& store;
  LabClock& clock;
  Random random;
  Log log;                                            // console
  std::shared_ptr<SiteLogs> logs = SiteLogs::none();  // distmgr.log and the others
  std::shared_ptr<const Inboxes> inboxes = nullptr;   // when the lab shows them
  // Told of every commit that a long poll may wait for, and given the packages that wait for the distribution manager.
  std::shared_ptr<Changes> changes = std::make_shared<Changes>();
  std::shared_ptr<PackageQueue> queue = std::make_shared<PackageQueue>();
  std::shared_ptr<ccm::SharedDocuments> locations = std::make_shared<ccm::SharedDocuments>();
  std::shared_ptr<ClientActivity> activity = std::make_shared<ClientActivity>();
  // The faults in force on replies and connections, those of the DPs in this process too.
  std::shared_ptr<fault::Rules> rules = std::make_shared<fault::Rules>(0);
  std::shared_ptr<store::Journal> journal = nullptr;                      // of this process's client plane
  std::shared_ptr<PolicySets> policies = std::make_shared<PolicySets>();  // what the client plane says of policy
};

}  // namespace smslab::mp
