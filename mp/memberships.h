// Memberships: which collections each computer is in, read once and used until a collection changes.
//
//   ASSIGN_OR_RETURN(const auto all, Memberships::read(txn, record.members_version()));
//   all->direct("WRK-LON-001");              // collections that name it
//   all->receiving("Admin Systems");         // what is advertised to this one goes to these
//
// A collection is its place in the order of names; 0 is the built-in All Systems, which names nobody: whoever asks for
// a client that the site knows counts it as a member. So a registration changes nothing here. Constant; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proto/base/status.h"
#include "store/index.h"

namespace smslab::mp {

class Memberships {
 public:
  using Places = std::vector<uint32_t>;
  static constexpr uint32_t kEverybody = 0;

  static Result<std::shared_ptr<const Memberships>> read(const store::ReadTxn& txn, uint64_t version);

  uint64_t version() const { return version_; }
  size_t size() const { return included_.size(); }        // collections
  const Places& direct(std::string_view computer) const;  // any letter case; not All Systems
  Places receiving(std::string_view collection) const;    // itself and its subcollections; none: no such collection

 private:
  uint64_t version_ = 0;
  std::map<std::string, uint32_t> places_;             // by table key
  std::vector<Places> included_;                       // subcollections of each
  std::unordered_map<std::string, Places> computers_;  // upper case
};

}  // namespace smslab::mp
