#include "mp/scenario_maker.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "mp/adverts.h"
#include "mp/boundaries.h"
#include "mp/clients.h"
#include "mp/collections.h"
#include "mp/dp_records.h"
#include "mp/faults.h"
#include "mp/package_dps.h"
#include "mp/packages.h"
#include "mp/programs.h"
#include "mp/schedule.h"
#include "mp/settings.h"
#include "proto/base/ids.h"
#include "proto/base/needs.h"
#include "proto/base/text.h"

namespace smslab::mp {
namespace {
v1::Package package_request(const v1::ScenarioPackage& from) {
  v1::Package package;
  package.set_id(from.id());
  package.set_name(from.name());
  package.set_manufacturer(from.manufacturer());
  package.set_version(from.version());
  package.set_language(from.language());
  package.set_source(from.source());
  if (from.has_direct()) package.set_direct(from.direct());
  *package.mutable_schedule() = from.schedule();
  *package.mutable_programs() = from.programs();
  return package;
}

// Packages behind those whose programs theirs run first. What is wrong with that is said when they are made.
std::vector<size_t> packages_in_order(const v1::Scenario& scenario) {
  const auto& all = scenario.packages();
  std::map<std::string, size_t> by_id;
  for (int i = 0; i < all.size(); i++) by_id.emplace(ascii_upper(all[i].id()), i);
  return order_by_needs(static_cast<size_t>(all.size()),
                        [&](size_t i) {
                          std::vector<size_t> first;
                          for (const auto& program : all[static_cast<int>(i)].programs()) {
                            const std::string id = program.run_first().substr(0, program.run_first().find(';'));
                            const auto found = by_id.find(ascii_upper(id));
                            if (found != by_id.end() && found->second != i) first.push_back(found->second);
                          }
                          return first;
                        })
      .order;
}

// Makes the records of a scenario in one transaction, going on behind what is wrong.
class Maker {
 public:
  Maker(Site& site, DpDirectory& dps, const v1::Scenario& scenario, Problems* problems)
      : site_(site), dps_(dps), scenario_(scenario), problems_(*problems) {
    for (const auto& dp : scenario.dps()) {
      if (dps.find(dp.name()) == nullptr) refused_dps_.insert(ascii_upper(dp.name()));
    }
  }

  // `snapshots`: of the packages, in their order; empty when it is only a rehearsal.
  void make(store::WriteTxn& txn, const std::vector<store::Snapshot>& snapshots) {
    make_settings(txn);
    for (int i = 0; i < scenario_.dps_size(); i++) make_dp(txn, scenario_.dps(i), item("dps", i));
    for (const size_t i : packages_in_order(scenario_)) {
      make_package(txn, static_cast<int>(i), snapshots.empty() ? nullptr : &snapshots[i]);
    }
    for (int i = 0; i < scenario_.clients_size(); i++) {
      note(record_client(txn, site_, scenario_.clients(i)).status(), item("clients", i));
    }
    make_collections(txn);
    for (int i = 0; i < scenario_.adverts_size(); i++) make_advert(txn, scenario_.adverts(i), item("adverts", i));
    const bool read = !snapshots.empty() || scenario_.packages().empty();
    for (int i = 0; i < scenario_.faults_size(); i++) make_fault(txn, scenario_.faults(i), item("faults", i), read);
  }

 private:
  // True when `status` is OK; else it is a problem of what stands at `path`.
  bool note(const Status& status, const std::string& path) {
    if (status.ok()) return true;
    const std::string field =
        status.field().empty() || path.empty() ? path + status.field() : path + "." + status.field();
    problems_.emplace_back(status.code(), status.message(), field);
    return false;
  }

  void make_settings(store::WriteTxn& txn) {
    if (!scenario_.has_settings()) return;
    v1::SiteSettings settings = scenario_.settings();
    settings.clear_boundaries();
    note(record_settings(txn, site_, settings).status(), "settings");
    for (int i = 0; i < scenario_.settings().boundaries_size(); i++) {
      const auto& boundary = scenario_.settings().boundaries(i);
      if (!note(record_boundary(txn, boundary).status(), item("settings.boundaries", i))) {
        refused_boundaries_.insert(ascii_upper(boundary.name()));
      }
    }
  }

  void make_dp(store::WriteTxn& txn, const v1::ScenarioDp& from, const std::string& path) {
    if (!from.protected_() && from.boundaries().empty()) return;
    if (dps_.find(from.name()) == nullptr) return;  // check_frame says so
    v1::DpInfo settings;
    settings.set_protected_(from.protected_());
    for (const auto& boundary : from.boundaries()) {
      if (!refused_boundaries_.contains(ascii_upper(boundary))) settings.add_boundaries(boundary);
    }
    note(record_dp(txn, dps_, from.name(), settings), path);
  }

  void make_package(store::WriteTxn& txn, int i, const store::Snapshot* snapshot) {
    const auto& from = scenario_.packages(i);
    const std::string path = item("packages", i);
    bool good = true;
    const auto check = [&](const Status& status, const std::string& at) { good = note(status, at) && good; };

    v1::Package request = package_request(from);
    request.clear_programs();
    auto package = new_package(request);
    check(package.status(), path);
    if (!package.ok()) package = request;
    for (int k = 0; k < from.programs_size(); k++) {
      check(append_program(&*package, from.programs(k), ""), item(path + ".programs", k));
    }
    const auto id = parse_package_id(from.id(), "id");
    check(id.status(), path);
    if (id.ok()) {
      package->set_id(*id);
      v1::Manifest unread;
      unread.set_version(version_of(from));
      if (snapshot != nullptr) check(snapshot->publish(txn, site_.store.blobs()), path);
      check(record_package(txn, site_, *package, snapshot == nullptr ? unread : snapshot->manifest).status(), path);
    }
    for (int k = 0; k < from.dps_size(); k++) {
      const std::string place = item(path + ".dps", k);
      if (refused_dps_.contains(ascii_upper(from.dps(k)))) continue;
      if (dps_.find(from.dps(k)) == nullptr) {
        check(not_found("the site has no distribution point '" + from.dps(k) + "'", ""), place);
      } else if (good) {
        v1::DpSelection one;
        one.add_dps(from.dps(k));
        const Status ordered = record_distribute(txn, site_, dps_, *id, one).status();
        check({ordered.code(), ordered.message()}, place);
      }
    }
    if (!good) refused_packages_.insert(ascii_upper(from.id()));
  }

  // Each behind those that it holds. A circle is named once, and its collections are made without it, so that
  // whatever else is wrong with them, or refers to them, is seen.
  void make_collections(store::WriteTxn& txn) {
    const auto& all = scenario_.collections();
    std::map<std::string, size_t> by_name;
    for (int i = 0; i < all.size(); i++) by_name.emplace(collection_key(all[i].name()), i);
    const auto given = [&](const std::string& name) -> std::optional<size_t> {
      const auto found = by_name.find(collection_key(name));
      return found == by_name.end() ? std::nullopt : std::optional(found->second);
    };
    const NeedsOrder found = order_by_needs(static_cast<size_t>(all.size()), [&](size_t i) {
      std::vector<size_t> held;  // the others are the site's, or nobody's
      for (const auto& name : all[static_cast<int>(i)].collections()) {
        if (const auto other = given(name)) held.push_back(*other);
      }
      return held;
    });
    for (const auto& circle : found.circles) {
      std::vector<std::string> names;
      for (const size_t i : circle) names.push_back("'" + all[static_cast<int>(i)].name() + "'");
      names.push_back(names.front());
      problems_.push_back(invalid_argument("a cycle of collections: " + shortened(names, " contains "),
                                           item("collections", static_cast<int>(circle.back())) + ".collections"));
    }
    for (const size_t i : found.order) {
      v1::Collection collection = all[static_cast<int>(i)];
      auto& included = *collection.mutable_collections();
      const auto to_leave_out = [&](const std::string& name) {
        const auto other = given(name);
        return refused_collections_.contains(collection_key(name)) ||
               (other && found.in_circle[*other] && found.in_circle[i]);
      };
      included.erase(std::remove_if(included.begin(), included.end(), to_leave_out), included.end());
      if (!note(record_collection(txn, site_, collection).status(), item("collections", static_cast<int>(i)))) {
        refused_collections_.insert(collection_key(collection.name()));
      }
    }
  }

  // A reference that is wrong only because what it names was refused is not a problem of its own.
  void make_fault(store::WriteTxn& txn, const v1::FaultRule& rule, const std::string& path, bool read) {
    if (refused_packages_.contains(ascii_upper(rule.match().package()))) return;
    if (refused_dps_.contains(ascii_upper(rule.match().dp()))) return;
    note(record_scenario_fault(txn, site_, dps_, rule, read), path);
  }

  void make_advert(store::WriteTxn& txn, const v1::Advert& advert, const std::string& path) {
    std::set<std::string> told;
    const auto tell = [&](const Status& status) {
      if (!status.ok() && told.insert(status.field()).second) note(status, path);
    };
    if (refused_packages_.contains(ascii_upper(advert.package()))) {
      told.insert("package");
      told.insert("program");
    } else if (!advert.package().empty()) {
      auto package = get_usable_package(txn, advert.package(), "package");
      tell(package.status());
      if (!package.ok()) told.insert("program");
      if (package.ok() && !advert.program().empty()) {
        tell(find_program(&*package, advert.program(), "program").status());
      }
    }
    if (refused_collections_.contains(collection_key(advert.collection()))) {
      told.insert("collection");
    } else if (!advert.collection().empty()) {
      tell(get_collection(txn, advert.collection(), "collection").status());
    }
    for (int k = 0; k < advert.schedule_size(); k++) {
      tell(parse_schedule(advert.schedule(k), item("schedule", k)).status());
    }
    tell(record_advert(txn, site_, advert).status());
  }

  Site& site_;
  DpDirectory& dps_;
  const v1::Scenario& scenario_;
  Problems& problems_;
  std::set<std::string> refused_dps_, refused_boundaries_, refused_packages_, refused_collections_;  // upper case
};
}  // namespace

std::string item(std::string_view list, int i) { return fmt::format("{}[{}]", list, i); }

uint32_t version_of(const v1::ScenarioPackage& package) { return std::max(package.source_version(), 1U); }

void make_records(store::WriteTxn& txn, Site& site, DpDirectory& dps, const v1::Scenario& scenario,
                  const std::vector<store::Snapshot>& snapshots, Problems* problems) {
  Maker(site, dps, scenario, problems).make(txn, snapshots);
}

}  // namespace smslab::mp
