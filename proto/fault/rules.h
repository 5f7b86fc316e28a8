// Rules: the faults that are in force, and how often each has hit.
//
//   Rules rules(seed);
//   rules.put(rule);                                          // checked before: check_rule()
//   for (const Hit& hit : rules.hits(Stage::kReply, occasion)) ...
//   v1::FaultCounts counts = rules.counts("7");
//
// Counts live with the lab's process: a restarted lab begins anew. Thread-safe; asking costs one atomic read while no
// rule of that stage is in force, and else depends on the rules that name the same client, file, package or DP, or
// none, and not on how many there are.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/base/mutex.h"
#include "proto/fault/effects.h"
#include "proto/fault/plan.h"

namespace smslab::fault {

// Whether a rule is sound by itself: one effect, with parameters that make sense, at a place that can carry it out, and
// a `when` that can come true. kInvalidArgument with the field.
Status check_rule(const v1::FaultRule& rule);

struct Hit {
  std::shared_ptr<const v1::FaultRule> rule;
  uint64_t count = 0;  // of the rule's matches for this client and resource, this one included
};

class Rules {
 public:
  explicit Rules(uint64_t seed) : seed_(seed) {}

  uint64_t seed() const { return seed_; }
  void put(const v1::FaultRule& rule);  // in force from now on; one of the same ID is replaced, its counts stay
  void take(const std::string& id);     // absent is fine
  void clear();                         // and every count
  // Called after each of these, on its thread. Registered for the rules' whole life.
  void on_change(std::function<void()> listener);

  // Counts the occasion for each rule that matches, and gives those whose turn it is, in the order of their IDs.
  bool any(Stage stage) const { return in_force_[static_cast<size_t>(stage)] != 0; }
  std::vector<Hit> hits(Stage stage, const Occasion& occasion);
  // The same of the rules with this effect alone: for Stage::kAnswer, whose effects have each a place of their own.
  std::vector<Hit> hits(v1::FaultRule::EffectCase effect, const Occasion& occasion);
  // What hits() would give now; counts nothing.
  std::vector<Hit> next(v1::FaultRule::EffectCase effect, const Occasion& occasion) const;
  // A hit that found nothing to change was none: it counts as held back.
  void give_back(const Hit& hit, const Occasion& occasion);
  // Whether a rule keeps this listener closed, and when the clock alone will change that.
  struct Door {
    bool shut = false;
    std::optional<LabTime> until;
  };
  Door door(const Place& place, LabTime now) const;
  // Whether a rule keeps the site itself from this distribution point.
  bool cut_off(const std::string& dp, LabTime now) const;
  v1::FaultCounts counts(const std::string& id) const;  // zeros for a rule that is not in force

  // For the planner (planner.h); none of these counts anything.
  std::vector<std::shared_ptr<const v1::FaultRule>> all() const;
  // The rules that have a say in this request or connection, in the order in which they act.
  std::vector<Standing> standing(const Occasion& occasion) const;
  // Adds them to `other`, with their counts.
  void copy_to(Rules* other) const;

 private:
  struct Live {
    std::shared_ptr<const v1::FaultRule> rule;
    Stage stage = Stage::kReply;
    std::unordered_map<std::string, Standing> tallies;  // by client and resource
    v1::FaultCounts counts;
  };
  static Stage stage_of(const v1::FaultRule& rule);
  static std::string tally_key(const v1::FaultRule& rule, const Occasion& occasion);
  static Standing standing_of(const Live& live, const Occasion& occasion);
  std::vector<uint64_t> near(const Occasion& occasion) const REQUIRES(mu_);
  std::vector<Hit> count(const std::function<bool(const Live&)>& asked, const Occasion& occasion) REQUIRES(mu_);
  void shelve(uint64_t id, const Live& live) REQUIRES(mu_);
  void unshelve(uint64_t id) REQUIRES(mu_);
  void changed() const;

  const uint64_t seed_;
  std::array<std::atomic<size_t>, kStages> in_force_ = {};  // by stage
  mutable Mutex mu_;
  std::map<uint64_t, Live> rules_ GUARDED_BY(mu_);                               // by ID
  std::unordered_map<std::string, std::set<uint64_t>> shelves_ GUARDED_BY(mu_);  // where near() looks for them
  std::vector<std::function<void()>> listeners_ GUARDED_BY(mu_);
};

}  // namespace smslab::fault
