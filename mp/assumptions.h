// What is not known of real sites, and what this one does instead, in one table (facts: protocol 10, semantics 11).
//
//   for (const Assumption& a : assumptions()) print(a.id, a.unknown, a.taken, a.where);
//
// Constant data.
#pragma once

#include <string_view>
#include <vector>

namespace smslab::mp {

struct Assumption {
  std::string_view id;  // "A5" of protocol 10, "S11.6" of semantics 11
  std::string_view unknown, taken;
  std::string_view where;  // the file that does it
};

const std::vector<Assumption>& assumptions();

}  // namespace smslab::mp
