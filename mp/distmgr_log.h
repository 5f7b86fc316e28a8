// distmgr.log: what the distribution manager writes there beside its messages (facts: semantics 8.3, 8.4, lines of SMS
// 2.0 and 2003).
#pragma once

#include <string>
#include <utility>

#include "mp/site_log.h"

namespace smslab::mp {

// The threads of distmgr.log are logical numbers, so that two runs write the same file.
constexpr uint32_t kDistmgrThread = 0xAC8;
constexpr uint32_t kPackageThread = 0xE1C;

// At once.
inline void log_distmgr(const Site& site, std::string text, uint32_t thread = kPackageThread) {
  log_line(site, SiteLogFile::kDistmgr, std::move(text), thread);
}
// Once committed.
inline void log_distmgr(store::WriteTxn& txn, const Site& site, std::string text) {
  log_line(txn, site, SiteLogFile::kDistmgr, std::move(text), kPackageThread);
}

}  // namespace smslab::mp
