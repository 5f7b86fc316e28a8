#include "proto/fault/plan.h"

#include "proto/base/random.h"
#include "proto/base/text.h"
#include "proto/fault/effects.h"
#include "proto/schema/timestamp.h"

namespace smslab::fault {
namespace {
// One draw in [0, 1), of 53 bits as a double has them.
double draw(const v1::FaultRule& rule, uint64_t seed, const Occasion& occasion, uint64_t count) {
  constexpr double kUnit = 1.0 / static_cast<double>(uint64_t{1} << 53);
  const std::string resource = occasion.resource();
  return static_cast<double>(Random(seed).number("fault-probability", {rule.id(), occasion.who(), resource}, count) >>
                             11) *
         kUnit;
}
}  // namespace

std::string Occasion::resource() const {
  return route + ' ' + method + ' ' + package + '.' + std::to_string(version) + ' ' + file;
}

bool is_glob(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

bool glob_matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || ascii_lower(pattern[p]) == ascii_lower(text[t])) &&
        pattern[p] != '*') {
      p++, t++;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') p++;
  return p == pattern.size();
}

bool name_fits(std::string_view wanted, std::string_view is) { return wanted.empty() || iequals(wanted, is); }

bool span_fits(const v1::ByteSpan& wanted, uint64_t first, std::optional<uint64_t> last) {
  const bool starts_before_end = !wanted.has_last() || first <= wanted.last();
  const bool ends_behind_start = !last || *last >= wanted.first();
  return starts_before_end && ends_behind_start;
}

bool matches_but_file(const v1::FaultMatch& match, const Occasion& o) {
  return (match.role() == v1::FaultMatch::ANY_ROLE || match.role() == o.role) && name_fits(match.dp(), o.dp) &&
         name_fits(match.package(), o.package) && (match.version() == 0 || match.version() == o.version) &&
         name_fits(match.client(), o.client) && name_fits(match.smsid(), o.smsid) &&
         name_fits(match.address(), o.address) && name_fits(match.route(), o.route) &&
         name_fits(match.method(), o.method) && (!match.has_range() || span_fits(match.range(), o.first, o.last));
}

bool matches(const v1::FaultMatch& match, const Occasion& o) {
  return matches_but_file(match, o) && (match.file().empty() || glob_matches(match.file(), o.file));
}

bool concerns(const v1::FaultRule& rule, const Occasion& occasion) {
  const Effect* effect = effect_of(rule);
  if (effect == nullptr || effect->concerns == nullptr) return matches(rule.match(), occasion);
  return effect->concerns(rule, occasion);
}

bool hits(const v1::FaultRule& rule, uint64_t seed, const Occasion& occasion, uint64_t count) {
  const v1::FaultWhen& when = rule.when();
  if (when.has_from() && occasion.now < from_timestamp(when.from())) return false;
  if (when.has_until() && occasion.now >= from_timestamp(when.until())) return false;
  if (when.nth() != 0 && count != when.nth()) return false;
  if (when.every() != 0 && count % when.every() != 0) return false;
  if (when.first() != 0 && count > when.first()) return false;
  if (count <= when.after()) return false;
  return !when.has_probability() || draw(rule, seed, occasion, count) < when.probability();
}

bool take_turn(Standing* standing, uint64_t seed, const Occasion& occasion) {
  standing->matched++;
  const v1::FaultRule& rule = *standing->rule;
  const bool left = rule.limit() == 0 || standing->hit < rule.limit();
  if (!left || !hits(rule, seed, occasion, standing->matched)) return false;
  standing->hit++;
  return true;
}

}  // namespace smslab::fault
