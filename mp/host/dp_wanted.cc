#include "mp/host/dp_wanted.h"

#include <fmt/format.h>

#include <algorithm>

#include "proto/base/ids.h"

namespace smslab::host {
namespace {
Status add(DpWanted dp, const std::string& field, std::vector<DpWanted>* dps) {
  const bool twice =
      std::any_of(dps->begin(), dps->end(), [&](const DpWanted& other) { return other.name == dp.name; });
  if (twice) return invalid_argument("two distribution points are named " + dp.name, field);
  dps->push_back(std::move(dp));
  return ok_status();
}
}  // namespace

std::string default_dp_name(const std::string& site, size_t n) { return fmt::format("{}-DCSMS-{:02}", site, n); }

Result<std::vector<DpWanted>> read_dps(std::vector<std::string> texts, const std::string& site,
                                       const std::string& field, std::string_view usual) {
  if (texts.empty()) texts.emplace_back(usual);
  std::vector<DpWanted> dps;
  for (const std::string& text : texts) {
    DpWanted dp;
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      dp.name = default_dp_name(site, dps.size() + 1);
    } else {
      ASSIGN_OR_RETURN(dp.name, parse_host_name(text.substr(0, equals), field));
    }
    ASSIGN_OR_RETURN(dp.at, parse_host_port(equals == std::string::npos ? text : text.substr(equals + 1), field));
    RETURN_IF_ERROR(add(std::move(dp), field, &dps));
  }
  return dps;
}

std::vector<DpWanted> dps_of(const v1::Scenario& scenario, const std::string& site, std::vector<Status>* problems) {
  std::vector<DpWanted> dps;
  for (int i = 0; i < scenario.dps_size(); i++) {
    const auto& from = scenario.dps(i);
    const std::string place = fmt::format("dps[{}]", i);
    const auto name = parse_host_name(from.name(), place + ".name");
    const auto at = parse_host_port(from.at().empty() ? "127.0.0.1:0" : from.at(), place + ".at");
    if (!name.ok()) problems->push_back(name.status());
    if (!at.ok()) problems->push_back(at.status());
    if (!name.ok()) continue;
    const Status added = add({*name, at.ok() ? *at : HostPort()}, place + ".name", &dps);
    if (!added.ok()) problems->push_back(added);
  }
  if (!scenario.dps().empty()) return dps;
  auto usual = read_dps({}, site);
  if (!usual.ok()) problems->push_back(usual.status());
  return usual.ok() ? *std::move(usual) : dps;
}

}  // namespace smslab::host
