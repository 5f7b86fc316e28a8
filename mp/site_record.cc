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

Status policy_changed(store::WriteTxn& txn, const Site& site) {
  ASSIGN_OR_RETURN(v1::SiteRecord record, site_record(txn));
  LabTime cookie = site.clock.now();
  if (record.has_policy_cookie()) {
    cookie = std::max(cookie, from_timestamp(record.policy_cookie()) + LabDuration(1));
  }
  *record.mutable_policy_cookie() = to_timestamp(cookie);
  return store::kSite.put(txn, kKey, record);
}

Result<uint64_t> next_status_id(store::WriteTxn& txn) {
  ASSIGN_OR_RETURN(v1::SiteRecord record, site_record(txn));
  const uint64_t id = record.last_status_id() + 1;
  record.set_last_status_id(id);
  RETURN_IF_ERROR(store::kSite.put(txn, kKey, record));
  return id;
}

Result<uint64_t> next_rule_id(store::WriteTxn& txn) {
  ASSIGN_OR_RETURN(v1::SiteRecord record, site_record(txn));
  const uint64_t id = std::max<uint64_t>(record.next_rule_id(), 1);
  record.set_next_rule_id(id + 1);
  RETURN_IF_ERROR(store::kSite.put(txn, kKey, record));
  return id;
}

Status give_back_rule_id(store::WriteTxn& txn, uint64_t id) {
  ASSIGN_OR_RETURN(v1::SiteRecord record, site_record(txn));
  if (record.next_rule_id() != id + 1) return ok_status();
  record.set_next_rule_id(id);
  return store::kSite.put(txn, kKey, record);
}

}  // namespace smslab::mp
