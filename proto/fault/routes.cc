#include "proto/fault/routes.h"

#include <algorithm>

#include "proto/base/text.h"

namespace smslab::fault {
namespace {
using About = Route::About;
constexpr auto kMp = v1::FaultMatch::MP;
constexpr auto kDp = v1::FaultMatch::DP;

constexpr std::array kRoutes = {
    Route{"propfind", kDp, {"PROPFIND"}, About::kPackage},
    Route{"content", kDp, {"HEAD", "GET"}, About::kFile},
    Route{"manifest", kDp, {"GET"}, About::kPackage},
    Route{"mplist", kMp, {"GET"}},
    Route{"mplist1", kMp, {"GET"}},
    Route{"mplist2", kMp, {"GET"}},
    Route{"mpcert", kMp, {"GET"}},
    Route{"mpcert2", kMp, {"GET"}},
    Route{"mpkeyinformation", kMp, {"GET"}},
    Route{"mpkeyinformationex", kMp, {"GET"}},
    Route{"mptrk", kMp, {"GET"}},
    Route{"sitesigncert", kMp, {"GET"}},
    Route{"registration", kMp, {"CCM_POST"}},
    Route{"policy_assignments", kMp, {"CCM_POST"}},
    Route{"policy_body", kMp, {"HEAD", "GET"}, About::kFile},
    Route{"location", kMp, {"CCM_POST"}, About::kPackage},
    Route{"status", kMp, {"CCM_POST"}},
    Route{"state", kMp, {"CCM_POST"}},
    Route{"ddr", kMp, {"CCM_POST"}},
    Route{"hardware_inventory", kMp, {"CCM_POST"}},
    Route{"software_inventory", kMp, {"CCM_POST"}},
    Route{"other", v1::FaultMatch::ANY_ROLE, {}},  // what nothing above is
};
}  // namespace

std::span<const Route> all_routes() { return kRoutes; }

const Route* route_of(std::string_view name) {
  const auto row = std::ranges::find_if(kRoutes, [&](const Route& one) { return iequals(one.name, name); });
  return row == kRoutes.end() ? nullptr : &*row;
}

}  // namespace smslab::fault
