#include "mp/site_record.h"

#include <algorithm>

#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
const store::Key kKey{"site"};
}  // namespace

Result<v1::SiteRecord> site_record(const store::ReadTxn& txn) {
  auto record = store::kSite.get(txn, kKey);
  if (record.status().code() == Code::kNotFound) return v1::SiteRecord();
  return record;
}

Status change_site_record(store::WriteTxn& txn, const std::function<Status(v1::SiteRecord*)>& act) {
  ASSIGN_OR_RETURN(v1::SiteRecord record, site_record(txn));
  RETURN_IF_ERROR(act(&record));
  return store::kSite.put(txn, kKey, record);
}

Status members_changed(store::WriteTxn& txn) {
  return change_site_record(txn, [](v1::SiteRecord* record) {
    record->set_members_version(record->members_version() + 1);
    return ok_status();
  });
}

Status policy_changed(store::WriteTxn& txn, const Site& site) {
  return change_site_record(txn, [&](v1::SiteRecord* record) {
    LabTime cookie = site.clock.now();
    if (record->has_policy_cookie()) {
      cookie = std::max(cookie, from_timestamp(record->policy_cookie()) + LabDuration(1));
    }
    *record->mutable_policy_cookie() = to_timestamp(cookie);
    return ok_status();
  });
}

Result<uint64_t> next_status_id(store::WriteTxn& txn) {
  uint64_t id = 0;
  RETURN_IF_ERROR(change_site_record(txn, [&](v1::SiteRecord* record) {
    id = record->last_status_id() + 1;
    record->set_last_status_id(id);
    return ok_status();
  }));
  return id;
}

Result<uint64_t> next_rule_id(store::WriteTxn& txn) {
  uint64_t id = 0;
  RETURN_IF_ERROR(change_site_record(txn, [&](v1::SiteRecord* record) {
    id = std::max<uint64_t>(record->next_rule_id(), 1);
    record->set_next_rule_id(id + 1);
    return ok_status();
  }));
  return id;
}

Status give_back_rule_id(store::WriteTxn& txn, uint64_t id) {
  return change_site_record(txn, [&](v1::SiteRecord* record) {
    if (record->next_rule_id() == id + 1) record->set_next_rule_id(id);
    return ok_status();
  });
}

}  // namespace smslab::mp
