#include "mp/settings.h"

#include <algorithm>
#include <vector>

#include "mp/adverts.h"
#include "mp/commit.h"
#include "mp/site_record.h"
#include "proto/schema/timestamp.h"

namespace smslab::mp {
namespace {
Status check_range(uint32_t value, uint32_t most, const std::string& field) {
  if (value >= 1 && value <= most) return ok_status();
  return invalid_argument(field + " is none of 1 to " + std::to_string(most), field);
}

// Ranges of semantics 4.3.
Status check_settings(const v1::SiteSettings& change) {
  if (!change.boundaries().empty()) {
    return invalid_argument("boundaries are made and deleted one by one", "boundaries");
  }
  if (change.has_retries()) RETURN_IF_ERROR(check_range(change.retries(), 1000, "retries"));
  if (change.has_retry_interval_minutes()) {
    RETURN_IF_ERROR(check_range(change.retry_interval_minutes(), 1440, "retryIntervalMinutes"));
  }
  return ok_status();
}

bool other_agent_policy(const v1::SiteSettings& a, const v1::SiteSettings& b) {
  return a.agent_enabled() != b.agent_enabled() || a.compress_policy() != b.compress_policy();
}
}  // namespace

v1::SiteSettings with_defaults(const v1::SiteRecord& record) {
  v1::SiteSettings settings;
  settings.set_retries(100);
  settings.set_retry_interval_minutes(30);
  settings.set_client_settings(true);
  settings.set_agent_enabled(true);
  settings.set_approve_clients(true);
  settings.set_compress_policy(false);
  settings.MergeFrom(record.settings());
  return settings;
}

Result<v1::SiteSettings> site_settings(const store::ReadTxn& txn) {
  ASSIGN_OR_RETURN(const v1::SiteRecord record, site_record(txn));
  return with_defaults(record);
}

LabDuration retry_interval(const v1::SiteSettings& settings) {
  return std::chrono::minutes(settings.retry_interval_minutes());
}

Result<v1::SiteSettings> record_settings(store::WriteTxn& txn, const Site& site, const v1::SiteSettings& change) {
  RETURN_IF_ERROR(check_settings(change));
  ASSIGN_OR_RETURN(const v1::SiteSettings before, site_settings(txn));
  v1::SiteSettings now = before;
  now.MergeFrom(change);
  RETURN_IF_ERROR(change_site_record(txn, [&](v1::SiteRecord* record) {
    record->mutable_settings()->MergeFrom(change);
    if (other_agent_policy(before, now)) {
      record->set_settings_version(std::max(record->settings_version(), 1U) + 1);
      *record->mutable_settings_changed() = to_timestamp(site.clock.now());
    }
    return ok_status();
  }));
  if (before.compress_policy() != now.compress_policy()) RETURN_IF_ERROR(raise_all_adverts(txn, site));
  if (other_agent_policy(before, now) || before.client_settings() != now.client_settings()) {
    RETURN_IF_ERROR(policy_changed(txn, site));
  }
  return now;
}

Result<v1::SiteSettings> set_site(Site& site, const v1::SiteSettings& change) {
  return commit_result(site, [&](store::WriteTxn& txn) { return record_settings(txn, site, change); });
}

}  // namespace smslab::mp
