#include "proto/fault/rules.h"

#include <algorithm>

#include "proto/base/text.h"
#include "proto/fault/plan.h"
#include "proto/schema/timestamp.h"

namespace smslab::fault {
namespace {
Status check_when(const v1::FaultWhen& when) {
  if (when.has_probability() && !(when.probability() > 0 && when.probability() <= 1)) {
    return invalid_argument("a probability is above 0 and at most 1", "when.probability");
  }
  if (when.first() != 0 && when.first() <= when.after()) {
    return invalid_argument("the first " + std::to_string(when.first()) + ", but none of the first " +
                                std::to_string(when.after()) + ": that is never",
                            "when.after");
  }
  if (when.nth() != 0) {
    const bool never = when.nth() <= when.after() || (when.first() != 0 && when.nth() > when.first()) ||
                       (when.every() != 0 && when.nth() % when.every() != 0);
    if (never)
      return invalid_argument("number " + std::to_string(when.nth()) + " is ruled out by the rest", "when.nth");
  }
  if (when.has_from() && when.has_until() && from_timestamp(when.from()) >= from_timestamp(when.until())) {
    return invalid_argument("the window ends before it begins", "when.until");
  }
  return ok_status();
}

Status check_match(const v1::FaultMatch& match, Stage stage) {
  if (match.has_range() && match.range().has_last() && match.range().last() < match.range().first()) {
    return invalid_argument("the last byte is before the first", "match.range.last");
  }
  if (match.role() == v1::FaultMatch::MP && !match.dp().empty()) {
    return invalid_argument("a distribution point is not the management point", "match.dp");
  }
  if (stage != Stage::kConnection && stage != Stage::kListener) return ok_status();
  // Of a connection only its two ends are known.
  const bool too_much = !match.package().empty() || !match.file().empty() || !match.route().empty() ||
                        !match.method().empty() || match.version() != 0 || match.has_range();
  if (!too_much) return ok_status();
  return invalid_argument("when a client connects nothing is known but its address, the role and the DP", "match");
}
}  // namespace

Status check_rule(const v1::FaultRule& rule) {
  const Effect* effect = effect_of(rule);
  if (effect == nullptr) return invalid_argument("a fault needs exactly one effect, as \"corrupt\": {}", "corrupt");
  if (effect->check != nullptr) RETURN_IF_ERROR(effect->check(rule));
  RETURN_IF_ERROR(check_match(rule.match(), effect->stage));
  return check_when(rule.when());
}

// Damage in the reply is the reply's, at rest it is the store's.
Stage Rules::stage_of(const v1::FaultRule& rule) {
  if (rule.has_corrupt()) return rule.corrupt().where() == v1::Corrupt::WIRE ? Stage::kReply : Stage::kStore;
  const Effect* effect = effect_of(rule);
  return effect == nullptr ? Stage::kStore : effect->stage;
}

void Rules::put(const v1::FaultRule& rule) {
  const auto id = parse_u64(rule.id());
  if (!id) return;
  {
    const MutexLock lock(mu_);
    Live& live = rules_[*id];
    live.rule = std::make_shared<const v1::FaultRule>(rule);
    live.stage = stage_of(rule);
    count_stages();
  }
  changed();
}

void Rules::take(const std::string& id) {
  {
    const MutexLock lock(mu_);
    if (const auto number = parse_u64(id)) rules_.erase(*number);
    count_stages();
  }
  changed();
}

void Rules::clear() {
  {
    const MutexLock lock(mu_);
    rules_.clear();
    count_stages();
  }
  changed();
}

void Rules::on_change(std::function<void()> listener) {
  const MutexLock lock(mu_);
  listeners_.push_back(std::move(listener));
}

void Rules::changed() const {
  std::vector<std::function<void()>> listeners;
  {
    const MutexLock lock(mu_);
    listeners = listeners_;
  }
  for (const auto& listener : listeners) listener();
}

Rules::Door Rules::door(const Place& place, LabTime now) const {
  Door door;
  if (!any(Stage::kListener)) return door;
  Occasion occasion;
  occasion.role = place.role;
  occasion.dp = place.dp;
  const auto changes = [&](LabTime at) { door.until = std::min(door.until.value_or(at), at); };
  const MutexLock lock(mu_);
  for (const auto& [id, live] : rules_) {
    if (live.stage != Stage::kListener || !matches(live.rule->match(), occasion)) continue;
    const v1::FaultWhen& when = live.rule->when();
    if (when.has_from() && now < from_timestamp(when.from())) {
      changes(from_timestamp(when.from()));
      continue;
    }
    if (when.has_until() && now >= from_timestamp(when.until())) continue;
    door.shut = true;
    if (when.has_until()) changes(from_timestamp(when.until()));
  }
  return door;
}

void Rules::count_stages() {
  std::array<size_t, kStages> count = {};
  for (const auto& [id, live] : rules_) count[static_cast<size_t>(live.stage)]++;
  for (size_t i = 0; i < count.size(); i++) in_force_[i] = count[i];
}

std::string Rules::tally_key(const v1::FaultRule& rule, const Occasion& occasion) {
  return rule.when().across() ? std::string() : occasion.who() + ' ' + occasion.resource();
}

// `tally` has this occasion in it.
bool Rules::its_turn(const v1::FaultRule& rule, const Occasion& occasion, const Tally& tally) const {
  const bool left = rule.limit() == 0 || tally.hit < rule.limit();
  return left && fault::hits(rule, seed_, occasion, tally.matched);
}

std::vector<Hit> Rules::count(const std::function<bool(const Live&)>& asked, const Occasion& occasion) {
  std::vector<Hit> all;
  for (auto& [id, live] : rules_) {
    if (!asked(live) || !concerns(*live.rule, occasion)) continue;
    Tally& tally = live.tallies[tally_key(*live.rule, occasion)];
    tally.matched++;
    live.counts.set_matched(live.counts.matched() + 1);
    if (!its_turn(*live.rule, occasion, tally)) {
      live.counts.set_held_back(live.counts.held_back() + 1);
      continue;
    }
    tally.hit++;
    live.counts.set_hit(live.counts.hit() + 1);
    live.counts.set_last_client(occasion.who());
    all.push_back({live.rule, tally.matched});
  }
  return all;
}

std::vector<Hit> Rules::hits(Stage stage, const Occasion& occasion) {
  if (!any(stage)) return {};
  const MutexLock lock(mu_);
  return count([stage](const Live& live) { return live.stage == stage; }, occasion);
}

std::vector<Hit> Rules::hits(v1::FaultRule::EffectCase effect, const Occasion& occasion) {
  const MutexLock lock(mu_);
  return count([effect](const Live& live) { return live.rule->effect_case() == effect; }, occasion);
}

std::vector<Hit> Rules::next(v1::FaultRule::EffectCase effect, const Occasion& occasion) const {
  std::vector<Hit> all;
  const MutexLock lock(mu_);
  for (const auto& [id, live] : rules_) {
    if (live.rule->effect_case() != effect || !concerns(*live.rule, occasion)) continue;
    const auto found = live.tallies.find(tally_key(*live.rule, occasion));
    Tally tally = found == live.tallies.end() ? Tally{} : found->second;
    tally.matched++;
    if (its_turn(*live.rule, occasion, tally)) all.push_back({live.rule, tally.matched});
  }
  return all;
}

void Rules::give_back(const Hit& hit, const Occasion& occasion) {
  const MutexLock lock(mu_);
  const auto id = parse_u64(hit.rule->id());
  const auto live = id ? rules_.find(*id) : rules_.end();
  if (live == rules_.end()) return;  // taken back meanwhile
  const auto tally = live->second.tallies.find(tally_key(*hit.rule, occasion));
  if (tally == live->second.tallies.end() || tally->second.hit == 0) return;
  tally->second.hit--;
  v1::FaultCounts& counts = live->second.counts;
  counts.set_hit(counts.hit() - 1);
  counts.set_held_back(counts.held_back() + 1);
}

v1::FaultCounts Rules::counts(const std::string& id) const {
  const MutexLock lock(mu_);
  const auto number = parse_u64(id);
  const auto found = number ? rules_.find(*number) : rules_.end();
  return found == rules_.end() ? v1::FaultCounts() : found->second.counts;
}

}  // namespace smslab::fault
