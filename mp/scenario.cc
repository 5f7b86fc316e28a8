#include "mp/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>

#include "mp/adverts.h"
#include "mp/boundaries.h"
#include "mp/checks.h"
#include "mp/clients.h"
#include "mp/collections.h"
#include "mp/dp_records.h"
#include "mp/package_dps.h"
#include "mp/packages.h"
#include "mp/programs.h"
#include "mp/schedule.h"
#include "mp/settings.h"
#include "mp/wipe.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "store/import.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int kTries = 3;  // a content that an import counted on may be dropped before the commit

std::string item(std::string_view list, int i) { return fmt::format("{}[{}]", list, i); }

// "3 errors; the first: ..." of what was found.
Status summary(const Problems& problems) {
  if (problems.empty()) return ok_status();
  const Status& first = problems.front();
  if (problems.size() == 1) return first;
  return {first.code(), fmt::format("{} errors; the first: {}", problems.size(), first.message()), first.field()};
}

// What the scenario says of packages, adverts and so on is the site's own records; what only the site can say is no
// part of it.
void refuse_output_only(const Message& message, const std::string& path, Problems* problems) {
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> set;
  reflection.ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    const std::string inner = (path.empty() ? "" : path + ".") + field->json_name();
    if (is_output_only(*field)) {
      problems->push_back(invalid_argument(field->json_name() + " is what the site says; leave it out", inner));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); i++) {
        refuse_output_only(reflection.GetRepeatedMessage(message, field, i), item(inner, i), problems);
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      refuse_output_only(reflection.GetMessage(message, field), inner, problems);
    }
  }
}

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

uint32_t version_of(const v1::ScenarioPackage& package) { return std::max(package.source_version(), 1U); }

// 0 to n - 1, each behind what it needs. `on_cycle`: one that needs the next and so on, the last the first.
using Needs = std::function<std::vector<int>(int)>;
std::vector<int> in_order(int n, const Needs& needs, const std::function<void(const std::vector<int>&)>& on_cycle) {
  enum class State { kNew, kOpen, kDone };
  std::vector<State> states(static_cast<size_t>(n), State::kNew);
  std::vector<int> order, way;
  const std::function<void(int)> visit = [&](int i) {
    states[static_cast<size_t>(i)] = State::kOpen;
    way.push_back(i);
    for (const int next : needs(i)) {
      const State state = states[static_cast<size_t>(next)];
      if (state == State::kNew) visit(next);
      if (state == State::kOpen) on_cycle({std::find(way.begin(), way.end(), next), way.end()});
    }
    way.pop_back();
    states[static_cast<size_t>(i)] = State::kDone;
    order.push_back(i);
  };
  for (int i = 0; i < n; i++) {
    if (states[static_cast<size_t>(i)] == State::kNew) visit(i);
  }
  return order;
}

// Collections behind those that they hold. A cycle is named once, and its collections are left out.
std::vector<int> collections_in_order(const v1::Scenario& scenario, Problems* problems) {
  const auto& all = scenario.collections();
  std::map<std::string, int> by_name;
  for (int i = 0; i < all.size(); i++) by_name.emplace(collection_key(all[i].name()), i);
  std::set<int> in_cycle;
  std::vector<int> order = in_order(
      all.size(),
      [&](int i) {
        std::vector<int> held;  // the others are the site's, or nobody's
        for (const auto& name : all[i].collections()) {
          if (const auto found = by_name.find(collection_key(name)); found != by_name.end()) {
            held.push_back(found->second);
          }
        }
        return held;
      },
      [&](const std::vector<int>& cycle) {
        std::string names;
        for (const int i : cycle) names += "'" + all[i].name() + "' contains ";
        in_cycle.insert(cycle.begin(), cycle.end());
        problems->push_back(invalid_argument("a cycle of collections: " + names + "'" + all[cycle.front()].name() + "'",
                                             item("collections", cycle.back()) + ".collections"));
      });
  std::erase_if(order, [&](int i) { return in_cycle.contains(i); });
  return order;
}

// Packages behind those whose programs theirs run first. What is wrong with that is said when they are made.
std::vector<int> packages_in_order(const v1::Scenario& scenario) {
  const auto& all = scenario.packages();
  std::map<std::string, int> by_id;
  for (int i = 0; i < all.size(); i++) by_id.emplace(ascii_upper(all[i].id()), i);
  return in_order(
      all.size(),
      [&](int i) {
        std::vector<int> first;
        for (const auto& program : all[i].programs()) {
          const std::string id = program.run_first().substr(0, program.run_first().find(';'));
          if (const auto found = by_id.find(ascii_upper(id)); found != by_id.end() && found->second != i) {
            first.push_back(found->second);
          }
        }
        return first;
      },
      [](const std::vector<int>&) {});
}

// Makes the records of a scenario in one transaction, going on behind what is wrong.
class Maker {
 public:
  Maker(Site& site, DpDirectory& dps, const v1::Scenario& scenario, Problems* problems)
      : site_(site), dps_(dps), scenario_(scenario), problems_(*problems) {}

  // `snapshots`: of the packages, in their order; empty when it is only a rehearsal.
  void make(store::WriteTxn& txn, const std::vector<store::Snapshot>& snapshots) {
    make_settings(txn);
    for (int i = 0; i < scenario_.dps_size(); i++) make_dp(txn, scenario_.dps(i), item("dps", i));
    for (const int i : packages_in_order(scenario_)) {
      make_package(txn, i, snapshots.empty() ? nullptr : &snapshots[static_cast<size_t>(i)]);
    }
    for (int i = 0; i < scenario_.clients_size(); i++) {
      note(record_client(txn, site_, scenario_.clients(i)).status(), item("clients", i));
    }
    for (const int i : collections_in_order(scenario_, &problems_)) {
      const auto& collection = scenario_.collections(i);
      if (!note(record_collection(txn, site_, collection).status(), item("collections", i))) {
        refused_collections_.insert(collection_key(collection.name()));
      }
    }
    for (int i = 0; i < scenario_.adverts_size(); i++) make_advert(txn, scenario_.adverts(i), item("adverts", i));
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
      note(record_boundary(txn, scenario_.settings().boundaries(i)).status(), item("settings.boundaries", i));
    }
  }

  void make_dp(store::WriteTxn& txn, const v1::ScenarioDp& from, const std::string& path) {
    if (!from.protected_() && from.boundaries().empty()) return;
    if (dps_.find(from.name()) == nullptr) return;  // check_frame says so
    v1::DpInfo settings;
    settings.set_protected_(from.protected_());
    *settings.mutable_boundaries() = from.boundaries();
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

  // A reference that is wrong only because what it names was refused is not a problem of its own.
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
  std::set<std::string> refused_packages_, refused_collections_;
};

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
  refuse_output_only(scenario, "", problems);
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
                                            {id, version_of(package), package.source()}, claim->progress()));
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
    if (made.code() == Code::kAborted && tries < kTries) {
      problems->clear();
      continue;
    }
    RETURN_IF_ERROR(made);
    return export_scenario(site, dps);
  }
}

// Every record is made, and the change given up.
void rehearse(Site& site, DpDirectory& dps, const v1::Scenario& scenario, Problems* problems) {
  Problems found;
  const Status given_up = site.store.commit([&](store::WriteTxn& txn) {
    found.clear();
    Maker(site, dps, scenario, &found).make(txn, {});
    return Status(Code::kAborted, "a rehearsal");
  });
  if (found.empty() && given_up.code() != Code::kAborted) found.push_back(given_up);
  // What was said of a field is not said again.
  for (const Status& problem : found) {
    const bool told = std::any_of(problems->begin(), problems->end(),
                                  [&](const Status& other) { return other.field() == problem.field(); });
    if (!told) problems->push_back(problem);
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
      Maker(site, dps, scenario, problems).make(txn, snapshots);
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
      Maker(site, dps, scenario, problems).make(txn, snapshots);
      RETURN_IF_ERROR(summary(*problems));
      RETURN_IF_ERROR(send_in_full(txn));
      return drop_contents(txn, site, gone);
    };
    return commit([&] { return site.store.commit(change); });
  });
}

}  // namespace smslab::mp
