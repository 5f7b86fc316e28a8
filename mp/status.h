// Status messages: the catalogue, writing them, and what is counted from them (facts: semantics 5 and 6).
//
//   RETURN_IF_ERROR(emit(txn, site, {.id = 2330, .strings = {"LON00001", nal}, .package = "LON00001", .nal = nal}));
//
// A message is written in the same change as what it tells of, so that a crash leaves both or neither. Ids come from
// one sequence for the whole site, in the order of commits. emit() runs on the committer's thread, as part of a change.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mp/site.h"
#include "proto/schema/site.pb.h"
#include "store/index.h"

namespace smslab::mp {

// One row of the catalogue. `text` is the template (%1 is the first string); where the wording is ours, not a source's,
// `assumed` is set and no test of a user's should match it (semantics 5.2 T, 11.9).
struct StatusRow {
  uint32_t id;
  v1::StatusMessage::Severity severity;
  v1::StatusMessage::Type type;
  std::string_view component;
  std::string_view text;
  bool assumed;
};
const StatusRow* status_row(uint32_t id);  // nullptr: not in the catalogue
const std::vector<StatusRow>& status_catalogue();
// The numeric ID of a client's event class, 0 when none is known (semantics 7.6, 11.14).
uint32_t status_id_of_event(std::string_view event_class, const Profile& profile);
// The insertion strings of a client's event: %1 advert ID, %4 package ID, %5 program (of a package event: %2 package
// version, %4 package ID); %2, %3 and %6 are the class's own (status_catalogue.cc).
std::vector<std::string> strings_of_event(std::string_view event_class,
                                          const std::map<std::string, std::string>& properties);
// Fills %1 to %10; a string that is not there is empty.
std::string format_status(std::string_view text, const std::vector<std::string>& strings);

struct Emission {
  uint32_t id = 0;
  std::vector<std::string> strings = {};
  // Attributes 400, 401, 404, 403; empty: none.
  std::string package = {}, advert = {}, nal = {}, user = {};
  std::string client = {};           // computer name, when a client reports; `system` is then its name
  std::optional<LabTime> time = {};  // the client's own; else the lab's now
};
// An id that the catalogue has not is kept with no text and of unknown severity: clients send what they like. A
// client's message about an advert of this site also moves what is counted for it. Messages of SMS_DISTRIBUTION_MANAGER
// are also lines of distmgr.log.
Status emit(store::WriteTxn& txn, const Site& site, const Emission& message);

// By package alone: what is about the package itself, not what clients say about adverts of it.
struct StatusQuery {
  std::string package = {}, advert = {}, client = {};  // empty: any
  uint64_t after = 0;                                  // ids above
  size_t limit = 10'000;
};
Result<std::vector<v1::StatusMessage>> list_status(const store::ReadTxn& txn, const StatusQuery& query);

// Counters and per-client states of an advert, each client once per counter (semantics 6.1).
Result<v1::AdvertSummary> advert_summary(const store::ReadTxn& txn, const std::string& advert);

}  // namespace smslab::mp
