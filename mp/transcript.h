// The transcript: what each client asked and was answered, in an order that is the client's own. Two runs of the same
// scenario, seed and lab times are equal, byte for byte, whatever ports, processes and threads there were.
//
//   ASSIGN_OR_RETURN(const std::string text, transcript(site));
//
// One block a client, in the order of their names; requests that nobody's name is known for go by their address. Within
// it a line a request in the order in which it asked: its number, lab time, where, connection, request, status, how it
// ended, bytes, digest, rules. A reply that names the lab's own addresses (a listing's or a location's) has neither
// bytes nor digest here: with free ports it differs by those alone. Any thread; reads the whole journal.
#pragma once

#include <string>

#include "mp/site.h"

namespace smslab::mp {

// kFailedPrecondition when no journal is kept. Waits a moment for records that are about to be finished.
Result<std::string> transcript(const Site& site);

}  // namespace smslab::mp
