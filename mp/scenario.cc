#include "mp/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>

#include "mp/checks.h"
#include "mp/faults.h"
#include "mp/output_only.h"
#include "mp/scenario_maker.h"
#include "mp/wipe.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "store/import.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
// "3 errors; the first: ..." of what was found.
Status summary(const Problems& problems) {
  if (problems.empty()) return ok_status();
  const Status& first = problems.front();
  if (problems.size() == 1) return first;
  return {first.code(), fmt::format("{} errors; the first: {}", problems.size(), first.message()), first.field()};
}

// Two records of a list under one name.
template <class List, class NameOf>
void refuse_twice(const List& list, const std::string& name, const std::string& field, NameOf name_of,
                  Problems* problems) {
  std::map<std::string, int> first;
  for (int i = 0; i < list.size(); i++) {
    const std::string key = ascii_upper(name_of(list[i]));
    if (key.empty()) continue;
    const auto [at, fresh] = first.emplace(key, i);
    if (fresh) continue;
    problems->push_back(
        already_exists(fmt::format("{} is given twice; first as {}[{}]", name_of(list[i]), name, at->second),
                       item(name, i) + "." + field));
  }
}

// What can be said without the site's records.
void check_frame(const Site& site, const DpDirectory& dps, const v1::Scenario& scenario, Problems* problems) {
  if (!scenario.site().empty() && !iequals(scenario.site(), site.options.site)) {
    problems->push_back(failed_precondition(
        "the scenario is of site " + scenario.site() + ", this site is " + site.options.site, "site"));
  }
  if (!scenario.profile().empty() && scenario.profile() != site.profile.name) {
    problems->push_back(failed_precondition(
        "the scenario is of profile " + scenario.profile() + ", this site is of " + std::string(site.profile.name),
        "profile"));
  }
  for (int i = 0; i < scenario.dps_size(); i++) {
    const std::string path = item("dps", i) + ".name";
    if (scenario.dps(i).name().empty()) {
      problems->push_back(invalid_argument("the name is missing", path));
    } else if (dps.find(scenario.dps(i).name()) == nullptr) {
      problems->push_back(not_found("the site has no distribution point '" + scenario.dps(i).name() + "'", path));
    }
  }
  for (int i = 0; i < scenario.packages_size(); i++) {
    const Status source = check_source(site.store.env(), scenario.packages(i).source(), "source");
    if (!source.ok()) {
      problems->emplace_back(source.code(), source.message(), item("packages", i) + "." + source.field());
    }
  }
  const auto id = [](const auto& record) { return record.id(); };
  const auto name = [](const auto& record) { return record.name(); };
  refuse_twice(scenario.packages(), "packages", "id", id, problems);
  refuse_twice(scenario.collections(), "collections", "name", name, problems);
  refuse_twice(scenario.collections(), "collections", "id", id, problems);
  refuse_twice(scenario.adverts(), "adverts", "id", id, problems);
  refuse_twice(scenario.clients(), "clients", "name", name, problems);
  const auto output_only = output_only_set(scenario);
  problems->insert(problems->end(), output_only.begin(), output_only.end());
}

struct Sources {
  std::vector<std::unique_ptr<Imports::Import>> claims;
  std::vector<store::Snapshot> snapshots;  // in the scenario's order
};
Sources read_sources(Site& site, Imports& imports, const v1::Scenario& scenario, Problems* problems) {
  Sources sources;
  for (int i = 0; i < scenario.packages_size(); i++) {
    const auto& package = scenario.packages(i);
    const auto read = [&]() -> Status {
      ASSIGN_OR_RETURN(const std::string id, parse_package_id(package.id(), "id"));
      ASSIGN_OR_RETURN(auto claim, imports.begin(id, package.source()));
      ASSIGN_OR_RETURN(auto snapshot,
                       store::import_folder(site.store.env(), site.store.blobs(),
                                            {id, version_of(package), package.source(), store::usual_import_threads()},
                                            claim->progress()));
      sources.claims.push_back(std::move(claim));
      sources.snapshots.push_back(std::move(snapshot));
      return ok_status();
    };
    if (const Status status = read(); !status.ok()) {
      problems->emplace_back(status.code(), status.message(), item("packages", i) + ".source");
    }
  }
  return sources;
}

// Nothing of what the DPs hold was sent for these packages.
Status send_in_full(store::WriteTxn& txn) {
  std::vector<v1::Package> packages;
  RETURN_IF_ERROR(store::kPackages.each(txn, {}, [&](const store::Key&, const v1::Package& package) {
    packages.push_back(package);
    return true;
  }));
  for (v1::Package& package : packages) {
    for (auto& dp : *package.mutable_dps()) dp.set_refresh(true);
    RETURN_IF_ERROR(store::kPackages.put(txn, {package.id()}, package));
  }
  return ok_status();
}

// With the sources read; again when a content that they counted on is dropped before `make` can commit.
Result<v1::Scenario> with_sources(Site& site, const DpDirectory& dps, Imports& imports, const v1::Scenario& scenario,
                                  Problems* problems,
                                  const std::function<Status(const std::vector<store::Snapshot>&)>& make) {
  for (int tries = 1;; tries++) {
    const Sources sources = read_sources(site, imports, scenario, problems);
    RETURN_IF_ERROR(summary(*problems));
    const Status made = make(sources.snapshots);
    if (made.code() == Code::kAborted && tries < kImportTries) {
      problems->clear();
      continue;
    }
    RETURN_IF_ERROR(made);
    RETURN_IF_ERROR(foretell_recorded(site));
    return export_scenario(site, dps);
  }
}

// Every record is made, and the change given up.
void rehearse(Site& site, DpDirectory& dps, const v1::Scenario& scenario, Problems* problems) {
  Problems found;
  const Status given_up = site.store.commit([&](store::WriteTxn& txn) {
    found.clear();
    make_records(txn, site, dps, scenario, {}, &found);
    return Status(Code::kAborted, "a rehearsal");
  });
  if (found.empty() && given_up.code() != Code::kAborted) found.push_back(given_up);
  // What was said of a field is not said again.
  std::set<std::string> told;
  for (const Status& problem : *problems) told.insert(problem.field());
  for (const Status& problem : found) {
    if (told.insert(problem.field()).second) problems->push_back(problem);
  }
}
}  // namespace

Status check_scenario(Site& site, DpDirectory& dps, const v1::Scenario& scenario, Problems* problems) {
  problems->clear();
  check_frame(site, dps, scenario, problems);
  rehearse(site, dps, scenario, problems);
  return summary(*problems);
}

Result<v1::Scenario> apply_scenario(Site& site, DpDirectory& dps, Imports& imports, const v1::Scenario& scenario,
                                    Problems* problems) {
  RETURN_IF_ERROR(check_scenario(site, dps, scenario, problems));
  return with_sources(site, dps, imports, scenario, problems, [&](const std::vector<store::Snapshot>& snapshots) {
    return site.store.commit([&](store::WriteTxn& txn) {
      problems->clear();  // a change may run twice
      make_records(txn, site, dps, scenario, snapshots, problems);
      return summary(*problems);
    });
  });
}

Result<v1::Scenario> make_anew(Site& site, DpDirectory& dps, Imports& imports, const v1::Scenario& scenario,
                               const Commit& commit, Problems* problems) {
  problems->clear();
  check_frame(site, dps, scenario, problems);
  RETURN_IF_ERROR(summary(*problems));
  return with_sources(site, dps, imports, scenario, problems, [&](const std::vector<store::Snapshot>& snapshots) {
    const auto change = [&](store::WriteTxn& txn) -> Status {
      problems->clear();  // a change may run twice
      ASSIGN_OR_RETURN(const auto gone, wipe_site(txn, site, dps));
      make_records(txn, site, dps, scenario, snapshots, problems);
      RETURN_IF_ERROR(summary(*problems));
      RETURN_IF_ERROR(send_in_full(txn));
      return drop_contents(txn, site, gone);
    };
    return commit([&] { return site.store.commit(change); });
  });
}

}  // namespace smslab::mp
