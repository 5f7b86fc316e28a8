// distmgr.log: what the distribution manager writes there, each line once its change is durable (facts: semantics 8.2
// to 8.4, lines of SMS 2.0 and 2003).
#pragma once

#include <string>

#include "mp/site.h"
#include "proto/schema/site.pb.h"
#include "store/index.h"

namespace smslab::mp {

// The threads of distmgr.log are logical numbers, so that two runs write the same file.
constexpr uint32_t kDistmgrThread = 0xAC8;
constexpr uint32_t kPackageThread = 0xE1C;

void log_distmgr(const Site& site, std::string_view text, uint32_t thread = kPackageThread);  // at once
void log_distmgr(store::WriteTxn& txn, const Site& site, std::string text);                   // once committed
// The STATMSG line of a message.
void log_status(store::WriteTxn& txn, const Site& site, const v1::StatusMessage& message);

}  // namespace smslab::mp
