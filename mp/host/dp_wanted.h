// Which distribution points a lab begins with: of the command line, of a scenario, or one by default.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/base/status.h"
#include "proto/base/uri.h"
#include "proto/schema/scenario.pb.h"

namespace smslab::host {

struct DpWanted {
  std::string name;
  HostPort at;
};

std::string default_dp_name(const std::string& site, size_t n);  // LON-DCSMS-01, ...; n from 1

constexpr std::string_view kUsualDp = "127.0.0.1:8081";
// [NAME=]HOST:PORT; `usual` where there is none. Errors name `field`.
Result<std::vector<DpWanted>> read_dps(std::vector<std::string> texts, const std::string& site,
                                       const std::string& field = "--dp", std::string_view usual = kUsualDp);
// A scenario's, at any free port where it names none; one by default. What is wrong, "dps[0].at", goes to `problems`.
std::vector<DpWanted> dps_of(const v1::Scenario& scenario, const std::string& site, std::vector<Status>* problems);

}  // namespace smslab::host
