#include "proto/base/needs.h"

#include <algorithm>
#include <utility>

namespace smslab {
namespace {
constexpr size_t kUnseen = static_cast<size_t>(-1);

// Tarjan's strongly connected components, with a way of its own in place of the call stack.
class Walk {
 public:
  explicit Walk(const Needs& needs) : needs_(needs) {}

  NeedsOrder all(size_t n) {
    grow(n);
    for (size_t i = 0; i < n; i++) {
      if (seen_[i].number == kUnseen) from(i);
    }
    return std::move(found_);
  }

 private:
  struct Thing {
    size_t number = kUnseen;  // in the order of discovery
    size_t lowest = 0;        // number that it comes back to
    size_t on_way = kUnseen;  // place on the way
    bool waits = false;       // on `waiting_`
  };
  struct Step {
    size_t thing;
    std::vector<size_t> needs;
    size_t next = 0;
  };

  void grow(size_t n) {
    if (n <= seen_.size()) return;
    seen_.resize(n);
    found_.in_circle.resize(n);
  }

  void enter(size_t i) {
    seen_[i] = {.number = count_, .lowest = count_, .on_way = way_.size(), .waits = true};
    count_++;
    waiting_.push_back(i);
    way_.push_back({i, needs_(i)});
    for (const size_t need : way_.back().needs) grow(need + 1);
  }

  void from(size_t start) {
    enter(start);
    while (!way_.empty()) {
      Step& step = way_.back();
      if (step.next == step.needs.size()) {
        leave();
        continue;
      }
      const size_t need = step.needs[step.next++];
      if (seen_[need].number == kUnseen) {
        enter(need);
      } else if (seen_[need].waits) {
        seen_[step.thing].lowest = std::min(seen_[step.thing].lowest, seen_[need].number);
        if (seen_[need].on_way != kUnseen) note_circle(seen_[need].on_way);
      }
    }
  }

  void leave() {
    const size_t i = way_.back().thing;
    way_.pop_back();
    seen_[i].on_way = kUnseen;
    found_.order.push_back(i);
    if (!way_.empty()) {
      size_t& lowest = seen_[way_.back().thing].lowest;
      lowest = std::min(lowest, seen_[i].lowest);
    }
    if (seen_[i].lowest != seen_[i].number) return;
    const bool alone = waiting_.back() == i;
    for (size_t of = kUnseen; of != i;) {
      of = waiting_.back();
      waiting_.pop_back();
      seen_[of].waits = false;
      if (!alone) found_.in_circle[of] = true;
    }
  }

  // Needs that close circles may be many, and each circle long: their sum is bounded.
  void note_circle(size_t place) {
    constexpr size_t kMostForEach = 8;
    const size_t length = way_.size() - place;
    if (length == 1) found_.in_circle[way_[place].thing] = true;
    if (told_ > 0 && told_ + length > kMostForEach * seen_.size()) return;
    told_ += length;
    std::vector<size_t> circle;
    for (size_t at = place; at < way_.size(); at++) circle.push_back(way_[at].thing);
    found_.circles.push_back(std::move(circle));
  }

  const Needs& needs_;
  NeedsOrder found_;
  std::vector<Thing> seen_;
  std::vector<Step> way_;
  std::vector<size_t> waiting_;  // for the rest of their component
  size_t count_ = 0, told_ = 0;
};
}  // namespace

NeedsOrder order_by_needs(size_t n, const Needs& needs) { return Walk(needs).all(n); }

}  // namespace smslab
