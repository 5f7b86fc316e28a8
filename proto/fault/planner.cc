#include "proto/fault/planner.h"

#include <algorithm>

#include "proto/base/text.h"
#include "proto/fault/plan.h"
#include "proto/fault/routes.h"
#include "proto/schema/timestamp.h"

namespace smslab::fault {
namespace {
using Asks = v1::FaultMatch;

Status check_question(const v1::FaultPlanQuestion& question) {
  const Asks& asks = question.asks();
  if (question.attempts() > kMostAttempts) {
    return invalid_argument("at most " + std::to_string(kMostAttempts), "attempts");
  }
  if (asks.client().empty() && asks.address().empty()) {
    return invalid_argument("say who asks: a client's name, or its address", "asks.client");
  }
  if (is_glob(asks.file())) {
    return invalid_argument("name one file; a pattern is no request", "asks.file");
  }
  const Route* route = route_of(asks.route());
  if (route == nullptr && !asks.route().empty() && !iequals(asks.route(), kConnectRoute)) {
    return invalid_argument("there is no route '" + asks.route() + "'", "asks.route");
  }
  if (route != nullptr && asks.role() != Asks::ANY_ROLE && route->role != Asks::ANY_ROLE &&
      route->role != asks.role()) {
    return invalid_argument("route " + std::string(route->name) + " is not of this role", "asks.role");
  }
  return ok_status();
}

// What the question leaves out must not be what a rule goes by: the answer would hold for nobody.
Status check_known(const Rules& rules, const Asks& asks) {
  for (const auto& rule : rules.all()) {
    const Asks& wanted = rule->match();
    const auto needs = [&](const std::string& wish, const std::string& said, std::string_view what) -> Status {
      if (wish.empty() || !said.empty()) return ok_status();
      return invalid_argument("fault " + rule->id() + " goes by it; say which it is", "asks." + std::string(what));
    };
    const bool of_dp = asks.role() != Asks::MP;
    RETURN_IF_ERROR(needs(wanted.address(), asks.address(), "address"));
    RETURN_IF_ERROR(needs(wanted.smsid(), asks.smsid(), "smsid"));
    if (of_dp) RETURN_IF_ERROR(needs(wanted.dp(), asks.dp(), "dp"));
  }
  return ok_status();
}

Occasion asker(const Asks& asks, LabTime now) {
  Occasion occasion;
  occasion.client = ascii_upper(asks.client());
  occasion.smsid = asks.smsid();
  occasion.address = asks.address();
  occasion.now = now;
  occasion.first = asks.range().first();
  occasion.resumes = asks.range().first() > 0;
  if (asks.range().has_last()) occasion.last = asks.range().last();
  return occasion;
}

// The occasions that the question is about, in the order in which a client meets them.
class Occasions {
 public:
  Occasions(const Asks& asks, const PlanFacts& facts, LabTime now) : asks_(asks), facts_(facts), now_(now) {}

  std::vector<Occasion> all() {
    const Route* one = route_of(asks_.route());
    if (one != nullptr) {
      add(*one);
    } else if (iequals(asks_.route(), kConnectRoute)) {
      connect();
    } else {
      connect();
      for (const Route& route : all_routes()) {
        const bool usual = route.role == asks_.role() || (asks_.role() == Asks::ANY_ROLE && of_package(route));
        if (usual && route.name != "manifest") add(route);  // no SMS client asks for a manifest
      }
    }
    // HEAD and GET of one file stand together, behind all else.
    std::ranges::stable_sort(all_, {}, [](const Occasion& o) { return o.route == "content" ? o.file : ""; });
    return std::move(all_);
  }

 private:
  static bool of_package(const Route& route) { return route.role == Asks::DP || route.name == "location"; }

  Occasion begin(Asks::Role role) const {
    Occasion occasion = asker(asks_, now_);
    occasion.role = role;
    if (role == Asks::DP) occasion.dp = asks_.dp();
    return occasion;
  }

  void connect() {
    for (const auto role : {Asks::MP, Asks::DP}) {
      if (asks_.role() != role && asks_.role() != Asks::ANY_ROLE) continue;
      all_.push_back(begin(role));
      all_.back().route = kConnectRoute;
    }
  }

  void add(const Route& route) {
    for (const std::string_view method : route.methods) {
      if (method.empty() || (!asks_.method().empty() && !iequals(asks_.method(), method))) continue;
      Occasion occasion = begin(route.role);
      occasion.route = route.name;
      occasion.method = method;
      if (route.about == Route::About::kNothing) {
        all_.push_back(std::move(occasion));
        continue;
      }
      occasion.package = ascii_upper(asks_.package());
      occasion.version = asks_.version();
      if (route.about == Route::About::kPackage) {
        occasion.file = asks_.file();  // a folder of it, of a listing
        if (route.name != "propfind" || asks_.route().empty()) occasion.file.clear();
        all_.push_back(std::move(occasion));
        continue;
      }
      for (const std::string& file : files_of(route)) {
        occasion.file = file;
        all_.push_back(occasion);
      }
    }
  }

  std::vector<std::string> files_of(const Route& route) const {
    if (!asks_.file().empty()) return {asks_.file()};
    return route.role == Asks::DP ? facts_.files : std::vector<std::string>();
  }

  const Asks& asks_;
  const PlanFacts& facts_;
  const LabTime now_;
  std::vector<Occasion> all_;
};

void describe(const Occasion& occasion, Asks* asked) {
  asked->set_role(occasion.role);
  asked->set_dp(occasion.dp);
  asked->set_client(occasion.client);
  asked->set_smsid(occasion.smsid);
  asked->set_address(occasion.address);
  asked->set_route(occasion.route);
  asked->set_method(occasion.method);
  asked->set_package(occasion.package);
  asked->set_version(occasion.version);
  asked->set_file(occasion.file);
}
}  // namespace

Result<v1::FaultPlan> plan_of(const Rules& rules, const v1::FaultPlanQuestion& question, const PlanFacts& facts) {
  RETURN_IF_ERROR(check_question(question));
  RETURN_IF_ERROR(check_known(rules, question.asks()));
  const LabTime now = question.has_time() ? from_timestamp(question.time()) : facts.now;
  v1::FaultPlan plan;
  plan.set_seed(rules.seed());
  for (const Occasion& occasion : Occasions(question.asks(), facts, now).all()) {
    v1::PlannedResource& resource = *plan.add_resources();
    describe(occasion, resource.mutable_asked());
    std::vector<Standing> standing = rules.standing(occasion);
    for (uint32_t nth = 1; nth <= std::max(question.attempts(), uint32_t{1}); nth++) {
      v1::PlannedAttempt& attempt = *resource.add_attempts();
      attempt.set_nth(nth);
      for (Standing& one : standing) {
        if (!take_turn(&one, rules.seed(), occasion)) continue;
        v1::PlannedHit& hit = *attempt.add_hits();
        hit.set_rule(one.rule->id());
        hit.set_effect(std::string(effect_of(*one.rule)->name));
      }
    }
  }
  return plan;
}

}  // namespace smslab::fault
