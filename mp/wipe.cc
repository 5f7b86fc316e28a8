#include "mp/wipe.h"

#include "mp/dp_records.h"
#include "mp/inboxes.h"
#include "mp/site_record.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
template <class... Tables>
Status erase_tables(store::WriteTxn& txn, const Tables&... tables) {
  Status status;
  (void)((status = tables.erase_all(txn), status.ok()) && ...);
  return status;
}

Status erase_records(store::WriteTxn& txn) {
  using namespace store;
  return erase_tables(txn, kManifests, kPackages, kCollections, kCollectionById, kAdverts, kClients, kClientBySmsid,
                      kClientByKey, kClientActivity, kClientEvents, kClientReports, kStatusMessages, kStatusByPackage,
                      kStatusByAdvert, kStatusByClient, kAdvertClients, kAdvertSummaries, kComponentStatus, kFaults);
}

// The files of what is gone go with it; what has an ID again has them again.
Status let_inboxes_follow(store::WriteTxn& txn, const Site& site) {
  if (!site.inboxes) return ok_status();
  RETURN_IF_ERROR(store::kPackages.each(txn, {}, [&](const store::Key&, const v1::Package& package) {
    site.inboxes->follow(txn, site, package.id(), {});
    return true;
  }));
  return store::kAdverts.each(txn, {}, [&](const store::Key&, const v1::Advert& advert) {
    site.inboxes->follow(txn, site, {}, advert.id());
    return true;
  });
}

Status renew_site_record(store::WriteTxn& txn) {
  return change_site_record(txn, [](v1::SiteRecord* record) {
    v1::SiteRecord fresh;
    fresh.set_site(record->site());
    fresh.set_profile(record->profile());
    if (record->has_policy_cookie()) *fresh.mutable_policy_cookie() = record->policy_cookie();
    fresh.set_members_version(record->members_version() + 1);
    fresh.set_status_sequence(record->status_sequence() + 1);
    *record = fresh;
    return ok_status();
  });
}

Status forget_dp_settings(store::WriteTxn& txn, DpDirectory& dps) {
  for (const DpAddress& dp : dps.all()) {
    ASSIGN_OR_RETURN(v1::DpRecord record, dp_record(txn, dp.name));
    record.clear_protected_();
    record.clear_boundaries();
    DpAddress now = dp;
    now.is_protected = false;
    now.boundaries.clear();
    txn.after_commit([&dps, now] { dps.add(now); });
    const store::Key key{dp.name};
    RETURN_IF_ERROR(dp.remote ? store::kDps.put(txn, key, record) : store::kDps.erase(txn, key));
  }
  return ok_status();
}
}  // namespace

Result<std::vector<v1::Manifest>> wipe_site(store::WriteTxn& txn, Site& site, DpDirectory& dps) {
  std::vector<v1::Manifest> gone;
  RETURN_IF_ERROR(store::kManifests.each(txn, {}, [&](const store::Key&, const v1::Manifest& manifest) {
    gone.push_back(manifest);
    return true;
  }));
  RETURN_IF_ERROR(let_inboxes_follow(txn, site));
  RETURN_IF_ERROR(erase_records(txn));
  RETURN_IF_ERROR(renew_site_record(txn));
  RETURN_IF_ERROR(forget_dp_settings(txn, dps));
  site.activity->forget(txn);
  const LabClock::State before = site.clock.restart();
  txn.on_abort([&clock = site.clock, before] { clock.restore(before); });
  txn.after_commit([rules = site.rules] { rules->clear(); });
  txn.after_commit([changes = site.changes] { changes->notify(); });
  RETURN_IF_ERROR(policy_changed(txn, site));
  return gone;
}

Status drop_contents(store::WriteTxn& txn, Site& site, const std::vector<v1::Manifest>& gone) {
  for (const v1::Manifest& manifest : gone) RETURN_IF_ERROR(site.store.blobs().drop(txn, manifest));
  return ok_status();
}

}  // namespace smslab::mp
