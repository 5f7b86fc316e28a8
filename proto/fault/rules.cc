#include "proto/fault/rules.h"

#include <algorithm>

#include "proto/base/ids.h"
#include "proto/base/subnet.h"
#include "proto/base/text.h"
#include "proto/fault/damage.h"
#include "proto/fault/plan.h"
#include "proto/fault/routes.h"
#include "proto/fault/sayings.h"
#include "proto/schema/timestamp.h"

namespace smslab::fault {
namespace {
// Left out, each means "always"; 0 would be a mistake that means the same.
Status check_counts(const v1::FaultRule& rule) {
  const v1::FaultWhen& when = rule.when();
  const auto none = [](bool set, uint64_t count) { return set && count == 0; };
  const auto refused = [](const std::string& field) {
    return invalid_argument("it counts from 1; leave it out where all are meant", field);
  };
  if (none(when.has_nth(), when.nth())) return refused("when.nth");
  if (none(when.has_every(), when.every())) return refused("when.every");
  if (none(when.has_first(), when.first())) return refused("when.first");
  if (none(rule.has_limit(), rule.limit())) return refused("limit");
  return ok_status();
}

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

// ---- shelves: a rule is looked for under the name that it shares with the fewest others. Whatever its effect, it
// concerns nobody whose client, ID, address, package or DP is another (matches_but_file).
std::string shelf(char kind, std::string_view name) { return kind + ascii_upper(name); }

// Whether it is about requests for just this file: listings name it otherwise.
bool is_of_one_file(const v1::FaultRule& rule) {
  const Effect* effect = effect_of(rule);
  const std::string& file = rule.match().file();
  return !file.empty() && !is_glob(file) && effect != nullptr && effect->concerns == nullptr;
}

std::string shelf_of(const v1::FaultRule& rule) {
  const v1::FaultMatch& match = rule.match();
  if (!match.client().empty()) return shelf('c', match.client());
  if (!match.smsid().empty()) return shelf('s', match.smsid());
  if (!match.address().empty()) return shelf('a', match.address());
  if (is_of_one_file(rule)) return shelf('f', match.file());
  if (!match.package().empty()) return shelf('p', match.package());
  if (!match.dp().empty()) return shelf('d', match.dp());
  return {};
}

// As a reply comes into being: the connection first, then what is stored, what the site says, and how that leaves.
constexpr std::array kInOrder = {Stage::kListener, Stage::kConnection, Stage::kStore, Stage::kAnswer, Stage::kReply};

bool acts_on(const v1::FaultRule& rule, Stage stage, const Occasion& occasion) {
  const bool connects = occasion.route == kConnectRoute;
  switch (stage) {
    case Stage::kListener:
    case Stage::kConnection: return connects && matches(rule.match(), occasion);
    case Stage::kStore:
      return occasion.route == "content" && occasion.method == "GET" && matches(rule.match(), occasion);
    case Stage::kAnswer: return !connects && is_said_at(rule, occasion) && matches(rule.match(), occasion);
    case Stage::kReply: return !connects && concerns(rule, occasion);
    case Stage::kReceive: return false;  // the site's own
  }
  return false;
}

std::string route_names() {
  std::string names;
  for (const Route& route : all_routes()) names += (names.empty() ? "" : ", ") + std::string(route.name);
  return names;
}

bool asked_by(const Route& route, const std::string& method) {
  return std::ranges::any_of(route.methods, [&](std::string_view one) { return !one.empty() && iequals(one, method); });
}

Status check_method(const v1::FaultMatch& match) {
  const bool known = match.method().empty() ||
                     std::ranges::any_of(all_routes(), [&](const Route& one) { return asked_by(one, match.method()); });
  if (known) return ok_status();
  return invalid_argument(
      "no route is asked for by " + match.method() + "; a rule about what no route is names the route other",
      "match.method");
}

// A kind of request that there is, asked for where it is answered, as it is, and for what it is about.
Status check_route(const v1::FaultMatch& match) {
  if (match.route().empty()) return check_method(match);
  const Route* route = route_of(match.route());
  if (route == nullptr) {
    return invalid_argument("there is no route '" + match.route() + "'; there are " + route_names(), "match.route");
  }
  const bool anywhere = match.role() == v1::FaultMatch::ANY_ROLE || route->role == v1::FaultMatch::ANY_ROLE;
  if (!anywhere && route->role != match.role()) {
    return invalid_argument("nobody asks for " + std::string(route->name) + " there", "match.role");
  }
  const bool any_method = match.method().empty() || route->methods[0].empty();
  if (!any_method && !asked_by(*route, match.method())) {
    return invalid_argument("nobody asks for " + std::string(route->name) + " by " + match.method(), "match.method");
  }
  const auto about_none = [&](const std::string& what) {
    return invalid_argument("a request for " + std::string(route->name) + " is about no " + what, "match." + what);
  };
  if (route->about != Route::About::kNothing || route->methods[0].empty()) return ok_status();
  if (!match.package().empty()) return about_none("package");
  if (!match.file().empty()) return about_none("file");
  return ok_status();
}

Status check_match(const v1::FaultMatch& match, Stage stage) {
  if (match.has_range() && match.range().has_last() && match.range().last() < match.range().first()) {
    return invalid_argument("the last byte is before the first", "match.range.last");
  }
  RETURN_IF_ERROR(check_route(match));
  if (!match.address().empty() && !parse_ip_address(match.address())) {
    return invalid_argument("'" + match.address() + "' is not an IP address", "match.address");
  }
  if (!match.smsid().empty()) RETURN_IF_ERROR(parse_smsid(match.smsid(), "match.smsid").status());
  if (!match.certificate().empty() && match.client().empty()) {
    return invalid_argument("only a site knows whose certificate this is: name the client", "match.certificate");
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

// What ends it is the site's delivery of one package to one distribution point.
Status check_refresh(const v1::FaultRule& rule) {
  if (!rule.when().until_refresh()) return ok_status();
  if (rule.match().dp().empty()) return invalid_argument("a refresh of which distribution point? name it", "match.dp");
  if (rule.match().package().empty()) return invalid_argument("a refresh of which package? name it", "match.package");
  return ok_status();
}
}  // namespace

Status check_rule(const v1::FaultRule& rule) {
  const Effect* effect = effect_of(rule);
  if (effect == nullptr) return invalid_argument("a fault needs exactly one effect, as \"corrupt\": {}", "corrupt");
  if (effect->check != nullptr) RETURN_IF_ERROR(effect->check(rule));
  RETURN_IF_ERROR(check_match(rule.match(), effect->stage));
  RETURN_IF_ERROR(check_refresh(rule));
  RETURN_IF_ERROR(check_counts(rule));
  return check_when(rule.when());
}

// Damage in the reply is the reply's, at rest it is the store's.
Stage Rules::stage_of(const v1::FaultRule& rule) {
  if (rule.has_corrupt()) return at_rest(rule) ? Stage::kStore : Stage::kReply;
  const Effect* effect = effect_of(rule);
  return effect == nullptr ? Stage::kStore : effect->stage;
}

void Rules::shelve(uint64_t id, const Live& live) {
  shelves_[shelf_of(*live.rule)].insert(id);
  in_force_[static_cast<size_t>(live.stage)]++;
}

void Rules::unshelve(uint64_t id) {
  const auto found = rules_.find(id);
  if (found == rules_.end()) return;
  const auto at = shelves_.find(shelf_of(*found->second.rule));
  at->second.erase(id);
  if (at->second.empty()) shelves_.erase(at);
  in_force_[static_cast<size_t>(found->second.stage)]--;
}

void Rules::put(const v1::FaultRule& rule) {
  const auto id = parse_u64(rule.id());
  if (!id) return;
  {
    const MutexLock lock(mu_);
    unshelve(*id);
    Live& live = rules_[*id];
    live.rule = std::make_shared<const v1::FaultRule>(rule);
    live.stage = stage_of(rule);
    shelve(*id, live);
  }
  changed();
}

void Rules::take(const std::string& id) {
  if (const auto number = parse_u64(id)) {
    const MutexLock lock(mu_);
    unshelve(*number);
    rules_.erase(*number);
  }
  changed();
}

void Rules::clear() {
  {
    const MutexLock lock(mu_);
    rules_.clear();
    shelves_.clear();
    for (auto& count : in_force_) count = 0;
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

bool Rules::cut_off(const std::string& dp, LabTime now) const {
  if (!any(Stage::kListener)) return false;
  Occasion occasion;
  occasion.role = v1::FaultMatch::DP;
  occasion.dp = dp;
  occasion.now = now;
  const MutexLock lock(mu_);
  return std::ranges::any_of(rules_, [&](const auto& one) {
    const v1::FaultRule& rule = *one.second.rule;
    return rule.down().site() && matches(rule.match(), occasion) && fault::hits(rule, seed_, occasion, 1);
  });
}

std::string Rules::tally_key(const v1::FaultRule& rule, const Occasion& occasion) {
  return rule.when().across() ? std::string() : occasion.who() + ' ' + occasion.resource();
}

Standing Rules::standing_of(const Live& live, const Occasion& occasion) {
  const auto found = live.tallies.find(tally_key(*live.rule, occasion));
  Standing standing = found == live.tallies.end() ? Standing{} : found->second;
  standing.rule = live.rule;
  return standing;
}

// Those that may concern it, in the order of their IDs.
std::vector<uint64_t> Rules::near(const Occasion& occasion) const {
  std::vector<uint64_t> ids;
  const auto add = [&](const std::string& name) REQUIRES(mu_) {
    const auto found = shelves_.find(name);
    if (found != shelves_.end()) ids.insert(ids.end(), found->second.begin(), found->second.end());
  };
  add({});
  add(shelf('c', occasion.client));
  add(shelf('s', occasion.smsid));
  add(shelf('a', occasion.address));
  add(shelf('f', occasion.file));
  add(shelf('p', occasion.package));
  add(shelf('d', occasion.dp));
  std::ranges::sort(ids);
  return ids;
}

std::vector<Hit> Rules::count(const std::function<bool(const Live&)>& asked, const Occasion& occasion) {
  std::vector<Hit> all;
  for (const uint64_t id : near(occasion)) {
    Live& live = rules_.at(id);
    if (!asked(live) || !concerns(*live.rule, occasion)) continue;
    Standing& tally = live.tallies[tally_key(*live.rule, occasion)];
    tally.rule = live.rule;
    live.counts.set_matched(live.counts.matched() + 1);
    if (!take_turn(&tally, seed_, occasion)) {
      live.counts.set_held_back(live.counts.held_back() + 1);
      continue;
    }
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
  for (const uint64_t id : near(occasion)) {
    const Live& live = rules_.at(id);
    if (live.rule->effect_case() != effect || !concerns(*live.rule, occasion)) continue;
    Standing standing = standing_of(live, occasion);
    if (take_turn(&standing, seed_, occasion)) all.push_back({live.rule, standing.matched});
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

std::vector<std::shared_ptr<const v1::FaultRule>> Rules::all() const {
  std::vector<std::shared_ptr<const v1::FaultRule>> out;
  const MutexLock lock(mu_);
  for (const auto& [id, live] : rules_) out.push_back(live.rule);
  return out;
}

std::vector<Standing> Rules::standing(const Occasion& occasion) const {
  std::vector<Standing> out;
  const MutexLock lock(mu_);
  for (const Stage stage : kInOrder) {
    for (const auto& [id, live] : rules_) {
      if (live.stage == stage && acts_on(*live.rule, stage, occasion)) out.push_back(standing_of(live, occasion));
    }
  }
  return out;
}

void Rules::copy_to(Rules* other) const {
  const MutexLock lock(mu_);
  for (const auto& [id, live] : rules_) {
    other->put(*live.rule);
    const MutexLock theirs(other->mu_);
    other->rules_[id].tallies = live.tallies;
  }
}

}  // namespace smslab::fault
