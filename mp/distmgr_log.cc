#include "mp/distmgr_log.h"

#include <fmt/format.h>

#include <utility>

#include "proto/base/time_text.h"
#include "proto/schema/timestamp.h"

namespace smslab::mp {
namespace {
constexpr std::string_view kComponent = "SMS_DISTRIBUTION_MANAGER";
constexpr uint32_t kProcess = 1948;  // a logical number, as the threads
constexpr size_t kStrings = 10;

char severity_letter(v1::StatusMessage::Severity severity) {
  switch (severity) {
    case v1::StatusMessage::WARNING: return 'W';
    case v1::StatusMessage::ERROR: return 'E';
    default: return 'I';
  }
}

// A line shows M for a milestone; D and A for the other types are assumed (5.1 names M only).
char level_letter(v1::StatusMessage::Type type) {
  switch (type) {
    case v1::StatusMessage::MILESTONE: return 'M';
    case v1::StatusMessage::AUDIT: return 'A';
    default: return 'D';
  }
}

// "Mon Jun 07 23:23:16.472 2004"
std::string gmt_date(LabTime time) {
  const std::string rfc = format_rfc1123(time);  // "Mon, 07 Jun 2004 23:23:16 GMT"
  return rfc.substr(0, 3) + " " + rfc.substr(8, 3) + " " + rfc.substr(5, 2) + " " + format_log_time(time) + " " +
         rfc.substr(12, 4);
}

std::string statmsg_line(const v1::StatusMessage& m) {
  std::string line = fmt::format(
      "STATMSG: ID={} SEV={} LEV={} SOURCE=\"SMS Server\" COMP=\"{}\" SYS={} SITE={} PID={} TID={} GMTDATE={}",
      m.message_id(), severity_letter(m.severity()), level_letter(m.type()), m.component(), m.system(), m.site(),
      kProcess, kPackageThread, gmt_date(from_timestamp(m.time())));
  for (size_t i = 0; i < kStrings; i++) {
    const int n = static_cast<int>(i);
    line += fmt::format(" ISTR{}=\"{}\"", i, n < m.insertion_strings_size() ? m.insertion_strings(n) : "");
  }
  line += fmt::format(" NUMATTRS={}", m.attributes().size());
  size_t n = 0;
  for (const uint32_t id : {400U, 401U, 403U, 404U}) {
    const auto found = m.attributes().find(id);
    if (found == m.attributes().end()) continue;
    line += fmt::format(" AID{}={} AVAL{}=\"{}\"", n, id, n, found->second);
    n++;
  }
  return line;
}

Log distmgr(std::shared_ptr<LogSink> sink, const Clock& clock, uint32_t thread) {
  return {std::move(sink), LogForm::kServer, clock, std::string(kComponent), thread};
}
}  // namespace

void log_distmgr(const Site& site, std::string_view text, uint32_t thread) {
  distmgr(site.distmgr_log, site.clock, thread).info(text);
}

void log_distmgr(store::WriteTxn& txn, const Site& site, std::string text) {
  txn.after_commit(
      [log = distmgr(site.distmgr_log, site.clock, kPackageThread), text = std::move(text)] { log.info(text); });
}

void log_status(store::WriteTxn& txn, const Site& site, const v1::StatusMessage& message) {
  log_distmgr(txn, site, statmsg_line(message));
}

}  // namespace smslab::mp
