// What a lab is to be, looked at: an order with all that it leaves open filled in.
//
//   ASSIGN_OR_RETURN(LabPlan plan, read_order(order, &problems));
//
// Errors name the order's field; those of its scenario are in `problems`, by their path in the scenario.
#pragma once

#include <string>
#include <vector>

#include "mp/host/dp_wanted.h"
#include "proto/base/clock.h"
#include "proto/base/status.h"
#include "proto/schema/lab.pb.h"

namespace smslab::host {

struct LabPlan {
  v1::LabOrder order;  // name, site, profile and seed are there
  LabClock::Start clock;
  HostPort mp;
  std::vector<DpWanted> dps;
};

// What the default lab is called where a name has to be given.
constexpr std::string_view kDefaultLab = "default";

// 1 to 63 letters, digits, '-', '_' and '.', the first of them a letter or digit: it is a folder's name, and a part of
// an URL.
Status check_lab_name(std::string_view name, std::string_view field);
Result<LabPlan> read_order(v1::LabOrder order, std::vector<Status>* problems);

}  // namespace smslab::host
