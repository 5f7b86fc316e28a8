#include "mp/host/lab_order.h"

#include <algorithm>
#include <utility>

#include "mp/host/host.h"
#include "mp/profile.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"

namespace smslab::host {
namespace {
constexpr std::string_view kFree = "127.0.0.1:0";
constexpr size_t kNameLength = 63;

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool may_be_in_name(char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; }

// What is given, else what the scenario says, else what is usual.
std::string first_of(const std::string& given, const std::string& scenario, std::string_view usual) {
  return !given.empty() ? given : !scenario.empty() ? scenario : std::string(usual);
}
}  // namespace

Status check_lab_name(std::string_view name, std::string_view field) {
  const bool good = !name.empty() && name.size() <= kNameLength && is_letter_or_digit(name.front()) &&
                    std::all_of(name.begin(), name.end(), may_be_in_name);
  if (good) return ok_status();
  return invalid_argument("'" + std::string(name.substr(0, kNameLength)) +
                              "' is not a lab's name: 1 to 63 letters, digits, '-', '_' and '.', beginning with a "
                              "letter or digit",
                          std::string(field));
}

Result<LabPlan> read_order(v1::LabOrder order, std::vector<Status>* problems) {
  RETURN_IF_ERROR(check_lab_name(order.name(), "name"));
  if (iequals(order.name(), kDefaultLab)) {
    return invalid_argument("the lab that is there without a name is called that; take another name", "name");
  }
  const v1::Scenario& scenario = order.scenario();
  ASSIGN_OR_RETURN(*order.mutable_site(), parse_site_code(first_of(order.site(), scenario.site(), "LON"), "site"));
  order.set_profile(first_of(order.profile(), scenario.profile(), "2007"));
  if (const auto profile = mp::profile_for(order.profile()); !profile.ok()) {
    return Status(profile.status().code(), profile.status().message(), "profile");
  }
  if (!order.has_seed()) order.set_seed(1);
  LabPlan plan;
  ASSIGN_OR_RETURN(plan.clock, read_clock(order.clock(), "clock"));
  ASSIGN_OR_RETURN(plan.mp, parse_host_port(order.mp().empty() ? kFree : order.mp(), "mp"));
  if (order.dps().empty() && !scenario.dps().empty()) {
    plan.dps = dps_of(scenario, order.site(), problems);
    if (!problems->empty()) return problems->front();
  } else {
    ASSIGN_OR_RETURN(plan.dps, read_dps({order.dps().begin(), order.dps().end()}, order.site(), "dps", kFree));
  }
  plan.order = std::move(order);
  return plan;
}

}  // namespace smslab::host
