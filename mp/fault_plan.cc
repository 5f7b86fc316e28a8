#include "mp/fault_plan.h"

#include <set>
#include <string>
#include <utility>

#include "mp/faults.h"
#include "mp/packages.h"
#include "proto/base/text.h"
#include "proto/fault/damage.h"
#include "proto/fault/planner.h"
#include "store/manifest.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr uint64_t kDefaultSeed = 1;  // of `smslab serve`

// Rules as the question brings them: in force with the number that they have, else with their place.
Status put_own(const v1::FaultPlanQuestion& question, fault::Rules* rules) {
  for (int i = 0; i < question.rules_size(); i++) {
    v1::FaultRule rule = question.rules(i);
    if (rule.healed()) continue;
    const std::string field = "rules[" + std::to_string(i) + "]";
    if (rule.id().empty()) rule.set_id(std::to_string(i + 1));
    if (!parse_u64(rule.id()))
      return invalid_argument("'" + rule.id() + "' is not the number of a fault", field + ".id");
    if (const Status sound = fault::check_rule(rule); !sound.ok()) {
      return Status(sound.code(), sound.message(), field + (sound.field().empty() ? "" : "." + sound.field()));
    }
    rules->put(rule);
  }
  return ok_status();
}

Status put_recorded(const store::ReadTxn& txn, fault::Rules* rules) {
  return store::kFaults.each(txn, {}, [&](const store::Key&, const v1::FaultRule& rule) {
    if (!rule.healed()) rules->put(rule);
    return true;
  });
}

// Damage at rest is no rule that is in force: it is the DP's.
Status put_damage(const store::ReadTxn& txn, fault::Rules* rules) {
  return store::kFaults.each(txn, {}, [&](const store::Key&, const v1::FaultRule& rule) {
    if (fault::at_rest(rule) && rule.has_foretold() && !rule.healed()) rules->put(rule);
    return true;
  });
}

// A distribution point that all the rules agree on needs no saying.
void fill_dp(const fault::Rules& rules, v1::FaultMatch* asks) {
  std::set<std::string> named;
  for (const auto& rule : rules.all()) {
    if (!rule->match().dp().empty()) named.insert(ascii_upper(rule->match().dp()));
  }
  if (asks->dp().empty() && named.size() == 1) asks->set_dp(*named.begin());
}

// Whether match.file is a file's path; of a listing it is a folder's, too.
bool names_content(const std::string& route) { return route.empty() || iequals(route, "content"); }

// The package as recorded: its version when none is said, and its files.
Result<fault::PlanFacts> look_up(const store::ReadTxn* txn, v1::FaultMatch* asks, LabTime now) {
  fault::PlanFacts facts{.files = {}, .now = now};
  if (asks->package().empty()) return facts;
  if (txn == nullptr) {
    if (asks->version() == 0) asks->set_version(1);
    return facts;
  }
  ASSIGN_OR_RETURN(const v1::Package package, get_package(*txn, asks->package(), "asks.package"));
  asks->set_package(package.id());
  if (asks->version() == 0) asks->set_version(package.source_version());
  const auto manifest = store::load_manifest(*txn, package.id(), asks->version());
  if (!manifest.ok()) {
    return not_found("package " + package.id() + " has no version " + std::to_string(asks->version()), "asks.version");
  }
  bool found = asks->file().empty() || asks->role() == v1::FaultMatch::MP || !names_content(asks->route());
  for (const auto& file : manifest->files()) {
    facts.files.push_back(file.path());
    if (!iequals(asks->file(), file.path())) continue;
    asks->set_file(file.path());  // as the DP spells it
    found = true;
  }
  if (found) return facts;
  return not_found(
      "package " + package.id() + "." + std::to_string(asks->version()) + " has no file '" + asks->file() + "'",
      "asks.file");
}
}  // namespace

Result<v1::FaultPlan> plan_faults(const Site& site, const DpDirectory& dps, const v1::FaultPlanQuestion& request) {
  v1::FaultPlanQuestion question = request;
  v1::FaultMatch& asks = *question.mutable_asks();
  const store::ReadTxn txn = site.store.read();
  fault::Rules rules(question.has_seed() ? question.seed() : site.rules->seed());
  if (!question.rules().empty()) {
    RETURN_IF_ERROR(put_own(question, &rules));
  } else if (rules.seed() == site.rules->seed()) {
    site.rules->copy_to(&rules);
    RETURN_IF_ERROR(put_damage(txn, &rules));
  } else {
    RETURN_IF_ERROR(put_recorded(txn, &rules));
  }
  if (!asks.dp().empty()) {
    const auto dp = dps.find(asks.dp());
    if (dp == nullptr) return not_found("the site has no distribution point '" + asks.dp() + "'", "asks.dp");
    asks.set_dp(dp->name);
  }
  fill_dp(rules, &asks);
  ASSIGN_OR_RETURN(const fault::PlanFacts facts, look_up(&txn, &asks, site.clock.now()));
  return fault::plan_of(rules, question, facts);
}

Result<v1::FaultPlan> plan_faults(const store::ReadTxn* txn, const v1::FaultPlanQuestion& request, LabTime now) {
  v1::FaultPlanQuestion question = request;
  v1::FaultMatch& asks = *question.mutable_asks();
  fault::Rules rules(question.has_seed() ? question.seed() : kDefaultSeed);
  if (!question.rules().empty()) {
    RETURN_IF_ERROR(put_own(question, &rules));
  } else if (txn != nullptr) {
    RETURN_IF_ERROR(put_recorded(*txn, &rules));
  }
  fill_dp(rules, &asks);
  ASSIGN_OR_RETURN(const fault::PlanFacts facts, look_up(txn, &asks, now));
  return fault::plan_of(rules, question, facts);
}

}  // namespace smslab::mp
