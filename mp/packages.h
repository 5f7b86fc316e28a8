// Packages of the site: create, update, change, delete (facts: semantics 3.2).
//
//   ASSIGN_OR_RETURN(v1::Package made, create_package(site, imports, request));
//
// Each is one change: the record, its content and the status messages that tell of it, or nothing. What is left to the
// distribution points is done by the distribution manager (distribution.h). These run on threads that may block; an
// import takes as long as reading the source does.
#pragma once

#include <string>

#include "mp/imports.h"
#include "mp/site.h"
#include "mp/status.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

// `request` without an ID gets the site's first free one. Output-only fields of it do not count.
// Messages: 30000, 30003 for each program, 2300, 2311, 2301.
Result<v1::Package> create_package(Site& site, Imports& imports, const v1::Package& request);

// Reads the source as the next version, for all DPs of the package; the current and five older versions are kept.
// kFailedPrecondition for a package of another site. Messages: 2300, 2311, [2342, 2329, 2330 a DP], 2301. A source that
// cannot be read is kFailedPrecondition naming `source`: the last version stays what it is, 2300, 2306 or 2307 (for one
// file too, which it names), 2302. So is one with a file that another program has locked (flock, or a write lock of
// fcntl): a line of distmgr.log alone. It is for the caller to ask again.
Result<v1::Package> update_package(Site& site, Imports& imports, const std::string& id);

// What `change` has (name, manufacturer, version, language, source, direct, schedule) replaces what is there; the
// source is not read. Anything else in it is kInvalidArgument; without anything nothing happens. Messages: 30001, 2300,
// 2311, 2301.
Result<v1::Package> set_package(Site& site, const std::string& id, const v1::Package& change);

// With its programs and adverts. The record goes when the last DP has dropped the content; until then it is `deleting`.
// Messages: 30002, 30005 a program, 30008 an advert, 2300, 2301.
Result<v1::Package> delete_package(Site& site, const std::string& id);

Result<v1::Package> show_package(const Site& site, const std::string& id);
Result<v1::PackageList> list_packages(const Site& site);

// ---- parts of changes, for whoever changes a package
// What of a request counts for a new package, checked; its ID and its source as they stand.
Result<v1::Package> new_package(const v1::Package& request);
// create_package as a part of a larger change: `package` of new_package() with its ID parsed, `manifest` of its source.
// Does not publish the manifest.
Result<v1::Package> record_package(store::WriteTxn& txn, const Site& site, const v1::Package& package,
                                   const v1::Manifest& manifest);
// kNotFound naming `field`; kInvalidArgument when `id` is none.
Result<v1::Package> get_package(const store::ReadTxn& txn, const std::string& id, const std::string& field);
// The same, and not being deleted.
Result<v1::Package> get_usable_package(const store::ReadTxn& txn, const std::string& id, const std::string& field);
// A message about a package, with its name and ID as strings (2300 to 2302).
Emission package_message(uint32_t id, const v1::Package& package);
// An audit message: user, package ID, `what`.
Emission audit_message(uint32_t id, const Site& site, const v1::Package& package, const std::string& what);
// 2300, 2311, and 2301 once every DP has the package; while one has not, the distribution manager says it. Does not
// store the package.
Status emit_pass(store::WriteTxn& txn, const Site& site, v1::Package* package);
// After the last copy of a package is gone: 2301, and its manifests, contents and record go.
Status end_deletion(store::WriteTxn& txn, Site& site, const v1::Package& package);
// `now` is about to be stored: the policies that are made of it rise in version where they say something else than
// with what is stored, and clients must ask again.
Status package_policy_changed(store::WriteTxn& txn, const Site& site, const v1::Package& now);

}  // namespace smslab::mp
