// The log files of a site, in the server form of SMS (facts: semantics 8, protocol 8.3): one a component.
//
//   log_line(txn, site, SiteLogFile::kOffermgr, "...", thread);                  // once the change is durable
//   site.logs->queue(SiteLogFile::kPolicy, site.clock.now(), "...");             // from the client plane
//
// distmgr.log, offermgr.log and offersum.log are written at once, by the threads that do the site's work. What clients
// ask for goes to MP_*.log by way of a queue and a thread: a request waits for no disk. When the disk is slower than
// the requests the queue loses lines, and the file says how many. Lines are one line: control characters become '?'.
// Thread numbers are logical, so that two runs write the same file. A file that has passed kRollAt is NAME.lo_ from
// then on. Thread-safe.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mutex.h"
#include "proto/schema/site.pb.h"
#include "store/index.h"

namespace smslab::mp {

struct Site;

enum class SiteLogFile {
  kDistmgr,
  kOffermgr,
  kOffersum,
  kGetAuth,
  kRegistration,
  kPolicy,
  kGetPolicy,
  kLocation,
  kStatus,
  kRelay,
  kHinv,
  kSinv,
  kDdr,
};
constexpr size_t kSiteLogFiles = 13;

class SiteLogs {
 public:
  using Sinks = std::array<std::shared_ptr<LogSink>, kSiteLogFiles>;  // null: not written

  static std::shared_ptr<SiteLogs> none();
  // <folder>/distmgr.log and the others; the folder is there.
  static Result<std::shared_ptr<SiteLogs>> open(const std::string& folder, const Clock& clock);
  explicit SiteLogs(Sinks sinks, size_t queue_bytes = size_t{16} << 20);
  ~SiteLogs();  // writes what is queued

  void write(SiteLogFile file, LabTime time, std::string text, uint32_t thread = kMpThread);
  void queue(SiteLogFile file, LabTime time, std::string text);
  bool writes(SiteLogFile file) const { return sinks_[static_cast<size_t>(file)] != nullptr; }
  void flush();  // returns when all that was queued before is written

  static constexpr uint32_t kMpThread = 0x5DC;
  static constexpr uint64_t kRollAt = uint64_t{2} << 20;  // assumed

 private:
  struct Line {
    SiteLogFile file;
    LabTime time;
    std::string text;
  };
  using Lost = std::array<uint64_t, kSiteLogFiles>;
  void run();
  void write_batch(const std::vector<Line>& lines, const Lost& lost);

  const Sinks sinks_;
  const size_t queue_bytes_;
  Mutex mu_;
  CondVar wake_, written_;
  std::vector<Line> waiting_ GUARDED_BY(mu_);
  size_t waiting_bytes_ GUARDED_BY(mu_) = 0;
  Lost lost_ GUARDED_BY(mu_) = {};
  bool writing_ GUARDED_BY(mu_) = false;
  bool hurry_ GUARDED_BY(mu_) = false;
  bool stopping_ GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: starts when all else is there
};

// At once, and once the change is durable.
void log_line(const Site& site, SiteLogFile file, std::string text, uint32_t thread);
void log_line(store::WriteTxn& txn, const Site& site, SiteLogFile file, std::string text, uint32_t thread);
// What the components write when a status message is sent: its STATMSG line, or a line of their own.
void log_message(store::WriteTxn& txn, const Site& site, const v1::StatusMessage& message);

// A peer's text must not break a line, nor fill the file.
std::string one_line(std::string text, size_t limit);

}  // namespace smslab::mp
