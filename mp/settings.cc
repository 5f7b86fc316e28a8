#include "mp/settings.h"

#include "mp/site_record.h"

namespace smslab::mp {

Result<v1::SiteSettings> site_settings(const store::ReadTxn& txn) {
  v1::SiteSettings settings;
  settings.set_retries(100);
  settings.set_retry_interval_minutes(30);
  settings.set_client_settings(true);
  settings.set_agent_enabled(true);
  settings.set_approve_clients(true);
  ASSIGN_OR_RETURN(const v1::SiteRecord record, site_record(txn));
  settings.MergeFrom(record.settings());
  return settings;
}

LabDuration retry_interval(const v1::SiteSettings& settings) {
  return std::chrono::minutes(settings.retry_interval_minutes());
}

}  // namespace smslab::mp
