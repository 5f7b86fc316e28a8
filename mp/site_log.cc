#include "mp/site_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mp/distmgr_log.h"
#include "mp/site.h"
#include "proto/base/time_text.h"
#include "proto/schema/timestamp.h"

namespace smslab::mp {
namespace {
constexpr size_t kPieceBytes = size_t{64} << 10;  // of a batch, to a file, which rolls between pieces
constexpr size_t kLineLimit = 4096;
constexpr auto kGather = std::chrono::milliseconds(20);  // lines of a busy site are written together
constexpr uint32_t kOfferThread = 0x9C4;
constexpr uint32_t kProcess = 1948;  // a logical number, as the threads
constexpr size_t kStrings = 10;

// Names of files: semantics 8.5 and protocol 8.3; those of MP_Policy to MP_Ddr, which 8.5 only sums up, and the
// components of all MP_* lines are assumed.
struct FileRow {
  SiteLogFile file;
  std::string_view name, component;
};
constexpr std::array<FileRow, kSiteLogFiles> kFiles = {{
    {SiteLogFile::kDistmgr, "distmgr", "SMS_DISTRIBUTION_MANAGER"},
    {SiteLogFile::kOffermgr, "offermgr", "SMS_OFFER_MANAGER"},
    {SiteLogFile::kOffersum, "offersum", "SMS_OFFER_STATUS_SUMMARIZER"},
    {SiteLogFile::kGetAuth, "MP_GetAuth", "MP_GetAuth"},
    {SiteLogFile::kRegistration, "MP_RegistrationManager", "MP_RegistrationManager"},
    {SiteLogFile::kPolicy, "MP_Policy", "MP_Policy"},
    {SiteLogFile::kGetPolicy, "MP_GetPolicy", "MP_GetPolicy"},
    {SiteLogFile::kLocation, "MP_Location", "MP_Location"},
    {SiteLogFile::kStatus, "MP_Status", "MP_Status"},
    {SiteLogFile::kRelay, "MP_Relay", "MP_Relay"},
    {SiteLogFile::kHinv, "MP_Hinv", "MP_Hinv"},
    {SiteLogFile::kSinv, "MP_Sinv", "MP_Sinv"},
    {SiteLogFile::kDdr, "MP_Ddr", "MP_Ddr"},
}};

std::string record(SiteLogFile file, LabTime time, std::string text, uint32_t thread) {
  return format_record(LogForm::kServer, time, LogLevel::kInfo, kFiles[static_cast<size_t>(file)].component, thread, {},
                       one_line(std::move(text), kLineLimit));
}

// ---- STATMSG (semantics 8.2)
char severity_letter(v1::StatusMessage::Severity severity) {
  switch (severity) {
    case v1::StatusMessage::WARNING: return 'W';
    case v1::StatusMessage::ERROR: return 'E';
    default: return 'I';
  }
}

// A line shows M for a milestone; D and A for the other types are assumed (8.2 names M only).
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

std::string statmsg_line(const v1::StatusMessage& m, uint32_t thread) {
  std::string line = fmt::format(
      "STATMSG: ID={} SEV={} LEV={} SOURCE=\"SMS Server\" COMP=\"{}\" SYS={} SITE={} PID={} TID={} GMTDATE={}",
      m.message_id(), severity_letter(m.severity()), level_letter(m.type()), m.component(), m.system(), m.site(),
      kProcess, thread, gmt_date(from_timestamp(m.time())));
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

// The offer manager's own lines are not known (8.5): these are assumed. Empty: no message of an advert.
std::string offer_line(const v1::StatusMessage& m) {
  std::string_view what;
  switch (m.message_id()) {
    case 30006: what = "~Processing new advertisement {}, writing {}.OFR"; break;
    case 30007: what = "~Processing changed advertisement {}, writing {}.OFR"; break;
    case 30008: what = "~Processing deleted advertisement {}, removing {}.OFR"; break;
    default: return {};
  }
  const std::string& advert = m.attributes().at(401);
  return fmt::format(fmt::runtime(what), advert, advert);
}
}  // namespace

std::string one_line(std::string text, size_t limit) {
  if (text.size() > limit) text.resize(limit);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '?');
  return text;
}

std::shared_ptr<SiteLogs> SiteLogs::none() { return std::make_shared<SiteLogs>(Sinks{}); }

Result<std::shared_ptr<SiteLogs>> SiteLogs::open(const std::string& folder, const Clock& clock) {
  Sinks sinks;
  for (const FileRow& row : kFiles) {
    const auto lost = [&clock, file = row.file](uint64_t lines) {
      return record(file, clock.now(), fmt::format("{} lines are lost here: the disk had no room", lines), kMpThread);
    };
    ASSIGN_OR_RETURN(sinks[static_cast<size_t>(row.file)],
                     open_log_file(folder + "/" + std::string(row.name) + ".log", "\r\n", kRollAt, lost));
  }
  return std::make_shared<SiteLogs>(std::move(sinks));
}

SiteLogs::SiteLogs(Sinks sinks, size_t queue_bytes) : sinks_(std::move(sinks)), queue_bytes_(queue_bytes) {
  if (std::ranges::any_of(sinks_, [](const auto& sink) { return sink != nullptr; })) {
    thread_ = std::thread([this] { run(); });
  }
}

SiteLogs::~SiteLogs() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void SiteLogs::write(SiteLogFile file, LabTime time, std::string text, uint32_t thread) {
  if (writes(file)) sinks_[static_cast<size_t>(file)]->write(record(file, time, std::move(text), thread));
}

void SiteLogs::queue(SiteLogFile file, LabTime time, std::string text) {
  if (!writes(file)) return;
  const size_t bytes = sizeof(Line) + text.size();
  const MutexLock lock(mu_);
  if (waiting_bytes_ + bytes > queue_bytes_) {
    lost_[static_cast<size_t>(file)]++;
    return;
  }
  if (waiting_.empty()) wake_.notify_all();
  waiting_bytes_ += bytes;
  waiting_.push_back({file, time, std::move(text)});
}

void SiteLogs::flush() {
  MutexLock lock(mu_);
  while (!waiting_.empty() || writing_) {
    hurry_ = true;
    wake_.notify_all();
    written_.wait(lock);
  }
}

void SiteLogs::run() {
  const TimeSource time = system_time_source();
  while (true) {
    std::vector<Line> lines;
    Lost lost = {};
    {
      MutexLock lock(mu_);
      while (waiting_.empty() && !stopping_) wake_.wait(lock);
      if (waiting_.empty()) return;
      const SteadyTime gathered = time.steady() + kGather;
      while (!hurry_ && !stopping_ && wake_.wait_until(lock, gathered)) {
      }
      hurry_ = false;
      lines.swap(waiting_);
      std::swap(lost, lost_);
      waiting_bytes_ = 0;
      writing_ = true;
    }
    write_batch(lines, lost);
    const MutexLock lock(mu_);
    writing_ = false;
    written_.notify_all();
  }
}

void SiteLogs::write_batch(const std::vector<Line>& lines, const Lost& lost) {
  std::array<std::string, kSiteLogFiles> texts;
  const auto add = [&](size_t file, const std::string& line) {
    if (texts[file].size() >= kPieceBytes) {
      sinks_[file]->write(texts[file]);
      texts[file].clear();
    }
    if (!texts[file].empty()) texts[file] += "\r\n";
    texts[file] += line;
  };
  for (const Line& line : lines) {
    add(static_cast<size_t>(line.file), record(line.file, line.time, line.text, kMpThread));
  }
  for (size_t file = 0; file < kSiteLogFiles; file++) {
    if (lost[file] > 0) {
      add(file, record(kFiles[file].file, lines.back().time,
                       fmt::format("{} lines are lost here: they came faster than they could be written", lost[file]),
                       kMpThread));
    }
    if (!texts[file].empty()) sinks_[file]->write(texts[file]);
  }
}

void log_line(const Site& site, SiteLogFile file, std::string text, uint32_t thread) {
  site.logs->write(file, site.clock.now(), std::move(text), thread);
}

void log_line(store::WriteTxn& txn, const Site& site, SiteLogFile file, std::string text, uint32_t thread) {
  if (!site.logs->writes(file)) return;
  txn.after_commit([logs = site.logs, file, now = site.clock.now(), text = std::move(text), thread] {
    logs->write(file, now, text, thread);
  });
}

void log_message(store::WriteTxn& txn, const Site& site, const v1::StatusMessage& message) {
  if (message.component() == kFiles[static_cast<size_t>(SiteLogFile::kDistmgr)].component) {
    log_line(txn, site, SiteLogFile::kDistmgr, statmsg_line(message, kPackageThread), kPackageThread);
  } else if (message.component() == kFiles[static_cast<size_t>(SiteLogFile::kOffermgr)].component) {
    log_line(txn, site, SiteLogFile::kOffermgr, statmsg_line(message, kOfferThread), kOfferThread);
  } else if (message.component() == kFiles[static_cast<size_t>(SiteLogFile::kOffersum)].component) {
    log_line(txn, site, SiteLogFile::kOffersum, "Warn>: " + message.text(), kOfferThread);  // semantics 5.1
  } else if (std::string line = offer_line(message); !line.empty()) {
    log_line(txn, site, SiteLogFile::kOffermgr, std::move(line), kOfferThread);
  }
}

}  // namespace smslab::mp
