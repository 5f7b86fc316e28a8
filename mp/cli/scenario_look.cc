#include "mp/cli/scenario_look.h"

#include <stdlib.h>

#include <filesystem>
#include <memory>

#include "mp/host/dp_wanted.h"
#include "mp/mp.h"
#include "mp/profile.h"
#include "proto/base/env.h"
#include "proto/base/ids.h"
#include "proto/base/random.h"

namespace smslab::cli {
namespace {
// The site code and the profile; the usual ones where the scenario has none that is good.
mp::MpOptions options_of(v1::Scenario* scenario, std::vector<Status>* problems) {
  mp::MpOptions options;
  if (!scenario->site().empty()) {
    const auto site = parse_site_code(scenario->site(), "site");
    if (!site.ok()) problems->push_back(site.status());
    scenario->set_site(site.ok() ? *site : options.site.site);
    options.site.site = scenario->site();
  }
  if (!scenario->profile().empty()) {
    const auto profile = mp::profile_for(scenario->profile());
    if (!profile.ok()) {
      problems->emplace_back(profile.status().code(), profile.status().message(), "profile");
      scenario->set_profile(options.profile);
    }
    options.profile = scenario->profile();
  }
  return options;
}

Result<std::unique_ptr<mp::Mp>> open_site(mp::MpOptions options, LabClock& clock, const Log& log) {
  std::string folder = (std::filesystem::temp_directory_path() / "smslab-scenario.XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return from_errno(errno, folder);
  options.folder = folder + "/site";
  auto mp = mp::Mp::open(std::move(options), posix_env(), clock, log);
  // It lives on in the files that it has open; so nothing is left behind, however this ends.
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return mp;
}
}  // namespace

Status look_at(v1::Scenario* scenario, std::vector<Status>* problems) {
  mp::MpOptions options = options_of(scenario, problems);
  scenario->set_site(options.site.site);
  LabClock clock(system_time_source(), LabClock::Wall{});
  const Log log(null_log(), LogForm::kConsole, clock, "smslab");
  ASSIGN_OR_RETURN(const auto mp, open_site(std::move(options), clock, log));
  for (const host::DpWanted& dp : host::dps_of(*scenario, scenario->site(), problems)) {
    RETURN_IF_ERROR(mp->add_dp({.name = dp.name, .url = "", .control_url = "", .token = ""}));
  }
  mp::Problems found;
  const Status checked = mp->check_scenario(*scenario, &found);
  problems->insert(problems->end(), found.begin(), found.end());
  return found.empty() ? checked : ok_status();
}

}  // namespace smslab::cli
