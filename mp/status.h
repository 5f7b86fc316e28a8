// Status messages: writing them, and what is counted from them (facts: semantics 5 and 6).
//
//   RETURN_IF_ERROR(emit(txn, site, {.id = 2330, .strings = {"LON00001", nal}, .package = "LON00001", .nal = nal}));
//
// A message is written in the same change as what it tells of, so that a crash leaves both or neither. Ids come from
// one sequence for the whole site, in the order of commits. emit() runs on the committer's thread, as part of a change;
// what it costs does not depend on how many clients or messages there are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mp/site.h"
#include "mp/status_catalogue.h"
#include "proto/schema/site.pb.h"
#include "store/index.h"

namespace smslab::mp {

struct Emission {
  uint32_t id = 0;
  std::vector<std::string> strings = {};
  // Attributes 400, 401, 404, 403; empty: none.
  std::string package = {}, advert = {}, nal = {}, user = {};
  std::string client = {};           // computer name, when a client reports; `system` is then its name
  std::optional<LabTime> time = {};  // the client's own; else the lab's now
};
// An id that the catalogue has not is kept with no text and of unknown severity: clients send what they like. A
// client's message about an advert of this site also moves what is counted for it. The components' log files get their
// lines (site_log.h).
Status emit(store::WriteTxn& txn, const Site& site, const Emission& message);

// By package alone: what is about the package itself, not what clients say about adverts of it.
struct StatusQuery {
  std::string package = {}, advert = {}, client = {};  // empty: any
  std::string component = {};                          // empty: any; as the catalogue spells it
  std::optional<v1::StatusMessage::Severity> severity = {};
  uint64_t after = 0;                     // ids above
  std::optional<uint64_t> sequence = {};  // that `after` is of; what is of another begins at its first id
  size_t limit = 10'000;
};
Result<std::vector<v1::StatusMessage>> list_status(const store::ReadTxn& txn, const StatusQuery& query);

// What clients said about an advert: each client once per counter since the advert was made (semantics 6.1; the display
// interval is the default one, which never ends).
Result<v1::AdvertSummary> advert_summary(const store::ReadTxn& txn, const std::string& advert);
// A client's state that it told of without a numbered message (semantics 6.2, 7.6).
Status set_advert_state(store::WriteTxn& txn, const std::string& advert, const std::string& client,
                        v1::AdvertClient::State state, LabTime time);
// With the advert: its counters and its clients' states.
Status forget_advert(store::WriteTxn& txn, const std::string& advert);

// What each component has said, in the order of the catalogue, with its traffic light.
Result<v1::ComponentStatusList> component_status(const store::ReadTxn& txn);

}  // namespace smslab::mp
