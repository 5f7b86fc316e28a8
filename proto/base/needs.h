// Things that need each other: an order for them, and the circles that allow none.
//
//   const NeedsOrder found = order_by_needs(n, [&](size_t i) { return ...; });   // what the i-th needs
//   for (const size_t i : found.order) make(i);                                  // each behind what it needs
//   for (const auto& circle : found.circles) ...;                                // [0] needs [1] ... needs [0]
//
// Things are numbers. `needs` may name numbers from n on: those are looked at as well, so that whoever finds things on
// the way numbers them as they come. Each thing is asked once. Time and memory are linear in things and needs, and
// nothing recurses: a chain may be as long as memory allows.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace smslab {

struct NeedsOrder {
  std::vector<size_t> order;                 // all; things of one circle in any order
  std::vector<std::vector<size_t>> circles;  // one for each need that closes one; not all when there are very many
  std::vector<bool> in_circle;               // by thing: it needs itself, whatever is between
};

using Needs = std::function<std::vector<size_t>(size_t)>;
NeedsOrder order_by_needs(size_t n, const Needs& needs);

}  // namespace smslab
