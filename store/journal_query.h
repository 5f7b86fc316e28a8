// JournalQuery: which records of a journal are meant; the same words as a fault's match (proto/fault/plan.h), and more.
//
//   JournalQuery query(journal, wanted);
//   query.count(journal.first(), journal.end());      // a million in some ten milliseconds
//   for (...) if (query.fits(row)) ...
//
// Texts are compared once each, not once a row: a query remembers what it thinks of a number. One owner.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/schema/fault.pb.h"
#include "proto/schema/journal.pb.h"
#include "store/journal.h"

namespace smslab::store {

struct JournalWanted {
  v1::FaultMatch match;
  uint32_t least_status = 0, most_status = UINT32_MAX;
  std::string status;  // as it was asked for
  std::string rule;    // ID
  std::optional<v1::JournalRecord::Ended> ended;
  std::string target;  // * and ? stand for whatever
  bool over = false;   // only those whose reply is over, however
};

class JournalQuery {
 public:
  JournalQuery(const Journal& journal, const JournalWanted& wanted);

  bool fits(const JournalRow& row);
  uint64_t count(uint64_t from, uint64_t to);  // of the records in [from, to)
  // The few that come closest in [from, to), best first, of equals the newest first.
  std::vector<v1::NearMiss> nearest(uint64_t from, uint64_t to);

 private:
  // One wish of one text.
  struct Wish {
    std::string_view field;                // of the query
    uint32_t JournalRow::*text = nullptr;  // number in a row
    std::string wanted;
    bool (*compare)(std::string_view wanted, std::string_view is) = nullptr;
    std::vector<uint64_t> known;  // number and verdict, by number
  };
  void wish(std::string_view field, uint32_t JournalRow::*text, const std::string& wanted,
            bool (*compare)(std::string_view wanted, std::string_view is));
  bool granted(Wish& wish, uint32_t text) const;
  bool plain_fits(const JournalRow& row) const;
  std::vector<v1::Difference> differences(const JournalRow& row);
  size_t misses(const JournalRow& row, size_t most);

  const Journal& journal_;
  const JournalWanted wanted_;
  std::vector<Wish> wishes_;
};

// A row as its readers see it.
v1::JournalRecord journal_record(const Journal& journal, uint64_t sequence, const JournalRow& row);

}  // namespace smslab::store
