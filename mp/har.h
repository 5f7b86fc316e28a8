// HTTP Archive 1.2 of journal records, for the viewers that browsers and proxies have. A journal holds neither header
// fields nor bodies: their lists are empty, sizes and times are true.
#pragma once

#include "proto/schema/journal.pb.h"

namespace smslab::mp {

v1::Har har_of(const v1::JournalList& list);

}  // namespace smslab::mp
