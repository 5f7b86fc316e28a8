// The journal as its readers ask for it: the same words as a fault's match, and more (docs/journal.md).
//
//   ASSIGN_OR_RETURN(const JournalAsk ask, read_journal_ask(request));
//   ASSIGN_OR_RETURN(v1::JournalCount count, count_journal(site, ask));
//
// Functions of the site and a question; any thread. A reader waits up to a tenth of a second for records that are about
// to be finished: what a client has got, its machine has mostly acknowledged a moment later.
#pragma once

#include <chrono>
#include <string>

#include "mp/site.h"
#include "proto/control/server.h"
#include "proto/schema/journal.pb.h"
#include "store/journal_query.h"

namespace smslab::mp {

struct JournalAsk {
  store::JournalWanted wanted;
  uint64_t after = 0;  // sequence
  size_t limit = 10'000;
};

// The keys of journal_query_keys(). kInvalidArgument with the key, for a value that can fit nothing.
Result<JournalAsk> read_journal_ask(const control::ControlRequest& request);
std::vector<control::QueryParameter> journal_query_keys();

// All of these: kFailedPrecondition when no journal is kept.
Result<v1::JournalList> list_journal(const Site& site, const JournalAsk& ask);
Result<v1::JournalCount> count_journal(const Site& site, const JournalAsk& ask);
// Until so many that match are over, or the time has passed: the number then, of those alone.
Result<v1::JournalCount> wait_journal(const Site& site, JournalAsk ask, uint64_t wanted,
                                      std::chrono::milliseconds time);
Status clear_journal(const Site& site);

}  // namespace smslab::mp
