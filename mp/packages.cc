#include "mp/packages.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "mp/adverts.h"
#include "mp/checks.h"
#include "mp/commit.h"
#include "mp/dependencies.h"
#include "mp/distmgr_log.h"
#include "mp/live_source.h"
#include "mp/output_only.h"
#include "mp/package_dps.h"
#include "mp/package_schedule.h"
#include "mp/programs.h"
#include "mp/site_record.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/schema/timestamp.h"
#include "store/import.h"
#include "store/manifest.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using store::drop_manifest;
using store::manifest_key;

constexpr uint32_t kOlderVersions = 5;  // that the site keeps beside the current one (semantics 3.5)
constexpr uint32_t kLastId = 0xFFFFF;

Status check_texts(const v1::Package& package) {
  RETURN_IF_ERROR(check_text(package.manufacturer(), "manufacturer"));
  RETURN_IF_ERROR(check_text(package.version(), "version"));
  return check_text(package.language(), "language");
}

Status check_free(const store::ReadTxn& txn, const std::string& id) {
  const auto package = store::kPackages.get(txn, {id});
  if (package.status().code() == Code::kNotFound) return ok_status();
  RETURN_IF_ERROR(package.status());
  return already_exists("package " + id + (package->deleting() ? " is still being deleted" : " exists already"), "id");
}

// Imports `package`'s source as its `version` and commits it with what `record` does and gives back.
using Record = std::function<Result<v1::Package>(store::WriteTxn&, const v1::Manifest&)>;
Result<v1::Package> import_and_commit(Site& site, Imports::Import& import, const v1::Package& package, uint32_t version,
                                      const Record& record) {
  Result<v1::Package> done = internal_error("no import was tried");
  for (int tries = 0; tries < kImportTries; tries++) {
    ASSIGN_OR_RETURN(const store::Snapshot snapshot, read_source(site, package, version, import.progress()));
    done = commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::Package> {
      RETURN_IF_ERROR(snapshot.publish(txn, site.store.blobs()));
      return record(txn, snapshot.manifest);
    });
    if (done.status().code() != Code::kAborted) break;
  }
  return done;
}

void take_snapshot(v1::Package* package, const v1::Manifest& manifest, LabTime now) {
  package->set_source_version(manifest.version());
  package->set_size(manifest.size());
  package->set_file_count(static_cast<uint64_t>(manifest.files_size()));
  *package->mutable_hash() = manifest.hash();
  *package->mutable_source_date() = to_timestamp(now);
}

// Claims the request's ID, or the site's first free one, for the import.
Result<std::unique_ptr<Imports::Import>> claim_id(const Site& site, Imports& imports, v1::Package* package) {
  if (!package->id().empty()) {
    ASSIGN_OR_RETURN(*package->mutable_id(), parse_package_id(package->id(), "id"));
    return imports.begin(package->id(), package->source());
  }
  for (uint32_t n = 1; n <= kLastId; n++) {
    const std::string id = fmt::format("{}{:05X}", site.options.site, n);
    if (store::kPackages.has(site.store.read(), {id})) continue;
    auto import = imports.begin(id, package->source());
    if (import.status().code() == Code::kAborted) continue;
    package->set_id(id);
    return import;
  }
  return failed_precondition("the site has no package ID left", "id");
}

void queue_after_commit(store::WriteTxn& txn, const Site& site, const std::string& package) {
  txn.after_commit([queue = site.queue, package] { queue->push(package); });
}

// The source could not be taken: the site keeps what it has, and says so (semantics 4.4).
Status tell_update_failed(Site& site, const v1::Package& package, const Status& why) {
  const bool locked = source_trouble(site, package, why) == SourceTrouble::kLocked;
  return site.store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(const v1::Package now, get_usable_package(txn, package.id(), "id"));
    if (locked) return tell_source_trouble(txn, site, now, why);
    RETURN_IF_ERROR(emit(txn, site, package_message(2300, now)));
    RETURN_IF_ERROR(tell_source_trouble(txn, site, now, why));
    return emit(txn, site, package_message(2302, now));
  });
}
}  // namespace

Emission package_message(uint32_t id, const v1::Package& package) {
  return {.id = id, .strings = {package.name(), package.id()}, .package = package.id()};
}

Emission audit_message(uint32_t id, const Site& site, const v1::Package& package, const std::string& what) {
  return {
      .id = id, .strings = {site.options.user, package.id(), what}, .package = package.id(), .user = site.options.user};
}

Result<v1::Package> get_package(const store::ReadTxn& txn, const std::string& id, const std::string& field) {
  ASSIGN_OR_RETURN(const std::string parsed, parse_package_id(id, field));
  auto package = store::kPackages.get(txn, {parsed});
  if (package.status().code() == Code::kNotFound) return not_found("there is no package " + parsed, field);
  return package;
}

Result<v1::Package> get_usable_package(const store::ReadTxn& txn, const std::string& id, const std::string& field) {
  ASSIGN_OR_RETURN(v1::Package package, get_package(txn, id, field));
  if (package.deleting()) return failed_precondition("package " + package.id() + " is being deleted", field);
  return package;
}

Status emit_pass(store::WriteTxn& txn, const Site& site, v1::Package* package) {
  RETURN_IF_ERROR(emit(txn, site, package_message(2300, *package)));
  RETURN_IF_ERROR(emit(txn, site, {.id = 2311, .strings = {package->id()}, .package = package->id()}));
  const bool everywhere = std::all_of(package->dps().begin(), package->dps().end(),
                                      [](const auto& dp) { return dp.state() == v1::PackageDp::INSTALLED; });
  if (everywhere) return emit(txn, site, package_message(2301, *package));
  package->set_pass_open(true);
  queue_after_commit(txn, site, package->id());
  return ok_status();
}

Status package_policy_changed(store::WriteTxn& txn, const Site& site, const v1::Package& now) {
  ASSIGN_OR_RETURN(const v1::Package before, get_package(txn, now.id(), "id"));
  return raise_adverts_of(txn, site, before, now);
}

Status end_deletion(store::WriteTxn& txn, Site& site, const v1::Package& package) {
  RETURN_IF_ERROR(emit(txn, site, package_message(2301, package)));
  log_distmgr(txn, site, "~Successfully deleted the package " + package.id());
  ASSIGN_OR_RETURN(const auto versions, store::kManifests.keys(txn, {package.id()}));
  for (const store::Key& key : versions) RETURN_IF_ERROR(drop_manifest(txn, site.store.blobs(), key));
  return store::kPackages.erase(txn, {package.id()});
}

Result<v1::Package> new_package(const v1::Package& request) {
  v1::Package package;
  package.set_id(request.id());
  package.set_name(request.name());
  package.set_manufacturer(request.manufacturer());
  package.set_version(request.version());
  package.set_language(request.language());
  package.set_source(request.source());
  package.set_direct(request.direct());  // present from now on, so that it is shown
  RETURN_IF_ERROR(set_schedule(&package, request.schedule()));
  RETURN_IF_ERROR(check_schedule_allowed(package));
  RETURN_IF_ERROR(check_name(package.name(), "name"));
  RETURN_IF_ERROR(check_texts(package));
  for (const auto& program : request.programs()) {
    RETURN_IF_ERROR(append_program(&package, program, "programs"));
  }
  return package;
}

Result<v1::Package> record_package(store::WriteTxn& txn, const Site& site, const v1::Package& package,
                                   const v1::Manifest& manifest) {
  RETURN_IF_ERROR(check_free(txn, package.id()));
  RETURN_IF_ERROR(check_dependencies(txn, package, "programs"));
  v1::Package created = package;
  take_snapshot(&created, manifest, site.clock.now());
  note_next_update(&created, site.clock.now());
  if (created.has_next_update()) queue_after_commit(txn, site, created.id());
  RETURN_IF_ERROR(emit(txn, site, audit_message(30000, site, created, created.name())));
  for (const auto& program : created.programs()) {
    RETURN_IF_ERROR(emit(txn, site, audit_message(30003, site, created, program.name())));
  }
  RETURN_IF_ERROR(emit_pass(txn, site, &created));
  RETURN_IF_ERROR(store::kPackages.put(txn, {created.id()}, created));
  return created;
}

Result<v1::Package> create_package(Site& site, Imports& imports, const v1::Package& request) {
  ASSIGN_OR_RETURN(v1::Package package, new_package(request));
  if (!package.id().empty()) {
    ASSIGN_OR_RETURN(*package.mutable_id(), parse_package_id(package.id(), "id"));
    RETURN_IF_ERROR(check_free(site.store.read(), package.id()));
  }
  RETURN_IF_ERROR(check_source(site.store.env(), package.source(), "source"));
  ASSIGN_OR_RETURN(const auto import, claim_id(site, imports, &package));

  return import_and_commit(site, *import, package, 1, [&](store::WriteTxn& txn, const v1::Manifest& manifest) {
    return record_package(txn, site, package, manifest);
  });
}

Result<v1::Package> update_package(Site& site, Imports& imports, const std::string& id) {
  ASSIGN_OR_RETURN(v1::Package package, get_usable_package(site.store.read(), id, "id"));
  if (!package.id().starts_with(site.options.site)) {
    return failed_precondition("package " + package.id() + " belongs to site " + package.id().substr(0, 3) +
                                   ": only that site can update it; refresh works here",
                               "id");
  }
  ASSIGN_OR_RETURN(const auto import, imports.begin(package.id(), package.source()));
  // Again, now that no other import can change it.
  ASSIGN_OR_RETURN(package, get_usable_package(site.store.read(), id, "id"));

  auto updated = import_and_commit(site, *import, package, package.source_version() + 1,
                                   [&](store::WriteTxn& txn, const v1::Manifest& manifest) -> Result<v1::Package> {
                                     ASSIGN_OR_RETURN(v1::Package now, get_usable_package(txn, id, "id"));
                                     take_snapshot(&now, manifest, site.clock.now());
                                     note_next_update(&now, site.clock.now());
                                     for (auto& dp : *now.mutable_dps()) {
                                       if (!removing(dp)) order_install(site, &dp);
                                     }
                                     if (manifest.version() > kOlderVersions + 1) {
                                       const auto oldest =
                                           manifest_key(now.id(), manifest.version() - kOlderVersions - 1);
                                       RETURN_IF_ERROR(drop_manifest(txn, site.store.blobs(), oldest));
                                     }
                                     RETURN_IF_ERROR(package_policy_changed(txn, site, now));
                                     RETURN_IF_ERROR(emit_pass(txn, site, &now));
                                     RETURN_IF_ERROR(store::kPackages.put(txn, {now.id()}, now));
                                     return now;
                                   });
  if (source_trouble(site, package, updated.status()) == SourceTrouble::kNone) return updated;
  RETURN_IF_ERROR(tell_update_failed(site, package, updated.status()));
  return failed_precondition(updated.status().message(), "source");
}

Result<v1::Package> set_package(Site& site, const std::string& id, const v1::Package& change) {
  RETURN_IF_ERROR(refuse_output_only(change));
  if (!change.programs().empty()) {
    return invalid_argument("a package's programs are changed one by one", "programs");
  }
  if (!change.name().empty()) RETURN_IF_ERROR(check_name(change.name(), "name"));
  RETURN_IF_ERROR(check_texts(change));
  if (!change.source().empty()) RETURN_IF_ERROR(check_source(site.store.env(), change.source(), "source"));
  return commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::Package> {
    ASSIGN_OR_RETURN(v1::Package package, get_usable_package(txn, id, "id"));
    if (!change.id().empty() && !iequals(change.id(), package.id())) {
      return invalid_argument("a package keeps its id; delete it and create another", "id");
    }
    v1::Package rest = change;
    rest.clear_id();
    if (rest.ByteSizeLong() == 0) return package;
    if (!change.name().empty()) package.set_name(change.name());
    if (!change.manufacturer().empty()) package.set_manufacturer(change.manufacturer());
    if (!change.version().empty()) package.set_version(change.version());
    if (!change.language().empty()) package.set_language(change.language());
    if (!change.source().empty()) package.set_source(change.source());
    if (change.has_direct()) package.set_direct(change.direct());
    if (!change.schedule().empty()) {
      RETURN_IF_ERROR(set_schedule(&package, change.schedule()));
      note_next_update(&package, site.clock.now());
      queue_after_commit(txn, site, package.id());
    }
    RETURN_IF_ERROR(check_schedule_allowed(package));
    RETURN_IF_ERROR(package_policy_changed(txn, site, package));
    RETURN_IF_ERROR(emit(txn, site, audit_message(30001, site, package, package.name())));
    RETURN_IF_ERROR(emit_pass(txn, site, &package));
    RETURN_IF_ERROR(store::kPackages.put(txn, {package.id()}, package));
    return package;
  });
}

Result<v1::Package> delete_package(Site& site, const std::string& id) {
  return commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::Package> {
    ASSIGN_OR_RETURN(v1::Package package, get_package(txn, id, "id"));
    if (!package.deleting()) {
      ASSIGN_OR_RETURN(const std::string dependent, dependent_of(txn, package.id(), {}));
      if (!dependent.empty()) {
        return failed_precondition(dependent + " runs a program of package " + package.id() + " first; change it first",
                                   "id");
      }
      log_distmgr(txn, site, "Start deleting the package " + package.id() + "...");
      RETURN_IF_ERROR(emit(txn, site, audit_message(30002, site, package, package.name())));
      for (const auto& program : package.programs()) {
        RETURN_IF_ERROR(emit(txn, site, audit_message(30005, site, package, program.name())));
      }
      RETURN_IF_ERROR(delete_adverts_of(txn, site, package.id()));
      package.clear_programs();
      package.set_deleting(true);
    }
    if (package.dps().empty()) {
      RETURN_IF_ERROR(emit(txn, site, package_message(2300, package)));
      RETURN_IF_ERROR(end_deletion(txn, site, package));
      return package;
    }
    for (auto& dp : *package.mutable_dps()) order_removal(site, &dp);
    queue_after_commit(txn, site, package.id());
    RETURN_IF_ERROR(store::kPackages.put(txn, {package.id()}, package));
    return package;
  });
}

Result<v1::Package> show_package(const Site& site, const std::string& id) {
  ASSIGN_OR_RETURN(v1::Package package, get_package(site.store.read(), id, "id"));
  *package.mutable_summary() = summary_of(package);
  return package;
}

Result<v1::PackageList> list_packages(const Site& site) {
  v1::PackageList list;
  RETURN_IF_ERROR(store::kPackages.each(site.store.read(), {}, [&](const store::Key&, const v1::Package& package) {
    v1::Package* shown = list.add_packages();
    *shown = package;
    *shown->mutable_summary() = summary_of(package);
    return true;
  }));
  return list;
}

}  // namespace smslab::mp
