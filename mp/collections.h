// Collections: named sets of computers, by direct rules (facts: semantics 2.4), and of other collections. Members need
// not be known as clients yet. The built-in All Systems holds every client that the site knows; it cannot be changed.
//
//   ASSIGN_OR_RETURN(v1::Collection c, create_collection(site, request));
//
// Names are unique in any letter case. Each call is one change with its message (30015 to 30017, assumed); a change of
// members is a change of policy.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "mp/site.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

inline constexpr std::string_view kAllSystems = "All Systems";
inline constexpr std::string_view kAllSystemsId = "SMS00001";

std::string collection_key(std::string_view name);  // of the table
// By its name, else by its ID.
Result<v1::Collection> get_collection(const store::ReadTxn& txn, const std::string& name, const std::string& field);

// Members and subcollections travel alike; a circle of collections is kInvalidArgument, naming it.
Result<v1::Collection> create_collection(Site& site, const v1::Collection& request);
// Replaces the members where the change has any, and the subcollections likewise; a single empty name stands for none.
// What changes nothing says nothing.
Result<v1::Collection> set_members(Site& site, const std::string& name, const v1::Collection& change);
Result<v1::Collection> add_members(Site& site, const std::string& name, const v1::Collection& members);
Result<v1::Collection> remove_members(Site& site, const std::string& name, const v1::Collection& members);
// kFailedPrecondition while an advert goes to it or another collection includes it.
Status delete_collection(Site& site, const std::string& name);
Result<v1::Collection> show_collection(const Site& site, const std::string& name);
Result<v1::CollectionList> list_collections(const Site& site);

// ---- parts of changes
// Computers of the collection and of its subcollections, upper case.
Result<std::set<std::string>> all_members(const store::ReadTxn& txn, const std::string& name);
// At start: a folder of a former program has no index of their IDs.
Status index_collections(store::WriteTxn& txn);
// create_collection as a part of a larger change.
Result<v1::Collection> record_collection(store::WriteTxn& txn, const Site& site, const v1::Collection& request);

}  // namespace smslab::mp
