#include "mp/collections.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "mp/adverts.h"
#include "mp/checks.h"
#include "mp/commit.h"
#include "mp/site_record.h"
#include "mp/status.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using Names = std::vector<std::string>;

// Computer names of a request, upper-cased; one that stands twice is refused.
Result<Names> read_members(const v1::Collection& request) {
  Names names;
  for (const auto& member : request.members()) {
    ASSIGN_OR_RETURN(std::string name, parse_host_name(member, "members"));
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return invalid_argument(name + " is named twice", "members");
    }
    names.push_back(std::move(name));
  }
  return names;
}

// The same of its subcollections, as they are called.
Result<Names> read_included(const store::ReadTxn& txn, const v1::Collection& request) {
  Names names;
  for (const auto& included : request.collections()) {
    ASSIGN_OR_RETURN(const v1::Collection found, get_collection(txn, included, "collections"));
    if (std::find(names.begin(), names.end(), found.name()) != names.end()) {
      return invalid_argument("'" + found.name() + "' is named twice", "collections");
    }
    names.push_back(found.name());
  }
  return names;
}

Status check_some(const v1::Collection& request) {
  if (!request.members().empty() || !request.collections().empty()) return ok_status();
  return invalid_argument("name at least one computer or collection", "members");
}

bool is_all_systems(std::string_view name) { return collection_key(name) == collection_key(kAllSystems); }

v1::Collection all_systems() {
  v1::Collection collection;
  collection.set_name(std::string(kAllSystems));
  collection.set_id(std::string(kAllSystemsId));
  return collection;
}

Status fill_all_systems(const store::ReadTxn& txn, v1::Collection* collection) {
  return store::kClients.each(txn, {}, [&](const store::Key& key, const v1::Client&) {
    collection->add_members(key.back());
    return true;
  });
}

// A collection that includes this one, "" when there is none.
Result<std::string> including(const store::ReadTxn& txn, const std::string& name) {
  std::string found;
  RETURN_IF_ERROR(store::kCollections.each(txn, {}, [&](const store::Key&, const v1::Collection& collection) {
    const auto& all = collection.collections();
    if (std::find(all.begin(), all.end(), name) == all.end()) return true;
    found = collection.name();
    return false;
  }));
  return found;
}

// Everything below it, `path` being the way to it; the collection as it is about to be stored.
Status check_circle(const store::ReadTxn& txn, const v1::Collection& top, const std::string& name,
                    const std::string& path, std::set<std::string>* seen) {
  const bool at_top = collection_key(name) == collection_key(top.name());
  if (at_top && !path.empty()) {
    return invalid_argument("collections would hold each other: " + path + " -> " + top.name(), "collections");
  }
  if (!seen->insert(collection_key(name)).second) return ok_status();
  v1::Collection collection = top;
  if (!at_top) {
    ASSIGN_OR_RETURN(collection, get_collection(txn, name, "collections"));
  }
  for (const auto& included : collection.collections()) {
    RETURN_IF_ERROR(check_circle(txn, top, included, path.empty() ? top.name() : path + " -> " + name, seen));
  }
  return ok_status();
}

Status check_no_circle(const store::ReadTxn& txn, const v1::Collection& collection) {
  std::set<std::string> seen;
  return check_circle(txn, collection, collection.name(), {}, &seen);
}

Status tell(store::WriteTxn& txn, const Site& site, uint32_t message, const v1::Collection& collection) {
  return emit(
      txn, site,
      {.id = message, .strings = {site.options.user, collection.id(), collection.name()}, .user = site.options.user});
}

Result<std::string> next_id(const store::ReadTxn& txn, const Site& site) {
  std::set<std::string> used;
  RETURN_IF_ERROR(store::kCollections.each(txn, {}, [&](const store::Key&, const v1::Collection& collection) {
    used.insert(collection.id());
    return true;
  }));
  uint32_t n = 1;
  while (used.contains(fmt::format("{}{:05X}", site.options.site, n))) n++;
  return fmt::format("{}{:05X}", site.options.site, n);
}

Result<v1::Collection> change_members(Site& site, const std::string& name,
                                      const std::function<Status(const store::ReadTxn&, v1::Collection*)>& act) {
  return commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::Collection> {
    ASSIGN_OR_RETURN(v1::Collection collection, get_collection(txn, name, "name"));
    if (is_all_systems(name)) {
      return failed_precondition("All Systems holds every client that the site knows and cannot be changed", "name");
    }
    RETURN_IF_ERROR(act(txn, &collection));
    RETURN_IF_ERROR(check_no_circle(txn, collection));
    RETURN_IF_ERROR(members_changed(txn));
    RETURN_IF_ERROR(policy_changed(txn, site));
    RETURN_IF_ERROR(tell(txn, site, 30016, collection));
    RETURN_IF_ERROR(store::kCollections.put(txn, {collection_key(name)}, collection));
    return collection;
  });
}

void assign(const Names& names, google::protobuf::RepeatedPtrField<std::string>* to) {
  to->Assign(names.begin(), names.end());
}

Status append(const Names& names, const std::string& collection, const std::string& field,
              google::protobuf::RepeatedPtrField<std::string>* to) {
  for (const auto& name : names) {
    if (std::find(to->begin(), to->end(), name) != to->end()) {
      return already_exists(name + " is in '" + collection + "' already", field);
    }
    *to->Add() = name;
  }
  return ok_status();
}

Status take_out(const Names& names, const std::string& collection, const std::string& field,
                google::protobuf::RepeatedPtrField<std::string>* from) {
  for (const auto& name : names) {
    const auto found = std::find(from->begin(), from->end(), name);
    if (found == from->end()) return not_found(name + " is not in '" + collection + "'", field);
    from->erase(found);
  }
  return ok_status();
}
}  // namespace

std::string collection_key(std::string_view name) { return ascii_upper(name); }

Result<v1::Collection> get_collection(const store::ReadTxn& txn, const std::string& name, const std::string& field) {
  RETURN_IF_ERROR(check_name(name, field));
  if (is_all_systems(name)) return all_systems();
  auto collection = store::kCollections.get(txn, {collection_key(name)});
  if (collection.status().code() == Code::kNotFound) return not_found("there is no collection '" + name + "'", field);
  return collection;
}

Result<v1::Collection> record_collection(store::WriteTxn& txn, const Site& site, const v1::Collection& request) {
  RETURN_IF_ERROR(check_name(request.name(), "name"));
  ASSIGN_OR_RETURN(const Names members, read_members(request));
  const store::Key key{collection_key(request.name())};
  if (is_all_systems(request.name()) || store::kCollections.has(txn, key)) {
    return already_exists("collection '" + request.name() + "' exists already", "name");
  }
  v1::Collection collection;
  collection.set_name(request.name());
  assign(members, collection.mutable_members());
  ASSIGN_OR_RETURN(const Names included, read_included(txn, request));
  assign(included, collection.mutable_collections());
  ASSIGN_OR_RETURN(*collection.mutable_id(), next_id(txn, site));
  RETURN_IF_ERROR(members_changed(txn));
  RETURN_IF_ERROR(tell(txn, site, 30015, collection));
  RETURN_IF_ERROR(store::kCollections.put(txn, key, collection));
  return collection;
}

Result<v1::Collection> create_collection(Site& site, const v1::Collection& request) {
  return commit_result(site, [&](store::WriteTxn& txn) { return record_collection(txn, site, request); });
}

Result<v1::Collection> set_members(Site& site, const std::string& name, const v1::Collection& members) {
  if (!members.name().empty() && collection_key(members.name()) != collection_key(name)) {
    return invalid_argument("a collection keeps its name; delete it and create another", "name");
  }
  ASSIGN_OR_RETURN(const Names names, read_members(members));
  return change_members(site, name, [&](const store::ReadTxn& txn, v1::Collection* collection) -> Status {
    if (!names.empty() || members.collections().empty()) assign(names, collection->mutable_members());
    if (!names.empty() && members.collections().empty()) return ok_status();
    ASSIGN_OR_RETURN(const Names included, read_included(txn, members));
    assign(included, collection->mutable_collections());
    return ok_status();
  });
}

Result<v1::Collection> add_members(Site& site, const std::string& name, const v1::Collection& members) {
  RETURN_IF_ERROR(check_some(members));
  ASSIGN_OR_RETURN(const Names names, read_members(members));
  return change_members(site, name, [&](const store::ReadTxn& txn, v1::Collection* collection) -> Status {
    ASSIGN_OR_RETURN(const Names included, read_included(txn, members));
    RETURN_IF_ERROR(append(names, collection->name(), "members", collection->mutable_members()));
    return append(included, collection->name(), "collections", collection->mutable_collections());
  });
}

Result<v1::Collection> remove_members(Site& site, const std::string& name, const v1::Collection& members) {
  RETURN_IF_ERROR(check_some(members));
  ASSIGN_OR_RETURN(const Names names, read_members(members));
  return change_members(site, name, [&](const store::ReadTxn& txn, v1::Collection* collection) -> Status {
    ASSIGN_OR_RETURN(const Names included, read_included(txn, members));
    RETURN_IF_ERROR(take_out(names, collection->name(), "members", collection->mutable_members()));
    return take_out(included, collection->name(), "collections", collection->mutable_collections());
  });
}

Status delete_collection(Site& site, const std::string& name) {
  return site.store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(const v1::Collection collection, get_collection(txn, name, "name"));
    if (is_all_systems(name)) return failed_precondition("All Systems cannot be deleted", "name");
    ASSIGN_OR_RETURN(const std::string above, including(txn, collection.name()));
    if (!above.empty()) {
      return failed_precondition("'" + above + "' includes '" + collection.name() + "'; take it out first", "name");
    }
    ASSIGN_OR_RETURN(const std::string advert, advert_of_collection(txn, collection.name()));
    if (!advert.empty()) {
      return failed_precondition("advert " + advert + " goes to '" + collection.name() + "'; delete it first", "name");
    }
    RETURN_IF_ERROR(members_changed(txn));
    RETURN_IF_ERROR(tell(txn, site, 30017, collection));
    return store::kCollections.erase(txn, {collection_key(name)});
  });
}

Result<v1::Collection> show_collection(const Site& site, const std::string& name) {
  const store::ReadTxn txn = site.store.read();
  ASSIGN_OR_RETURN(v1::Collection collection, get_collection(txn, name, "name"));
  if (is_all_systems(name)) RETURN_IF_ERROR(fill_all_systems(txn, &collection));
  return collection;
}

Result<v1::CollectionList> list_collections(const Site& site) {
  const store::ReadTxn txn = site.store.read();
  v1::CollectionList list;
  *list.add_collections() = all_systems();
  RETURN_IF_ERROR(fill_all_systems(txn, list.mutable_collections(0)));
  RETURN_IF_ERROR(store::kCollections.each(txn, {}, [&](const store::Key&, const v1::Collection& collection) {
    *list.add_collections() = collection;
    return true;
  }));
  return list;
}

Result<std::set<std::string>> all_members(const store::ReadTxn& txn, const std::string& name) {
  std::set<std::string> members, seen;
  std::vector<std::string> open{name};
  while (!open.empty()) {
    const std::string next = std::move(open.back());
    open.pop_back();
    if (!seen.insert(collection_key(next)).second) continue;
    auto collection = get_collection(txn, next, "collection");
    if (collection.status().code() == Code::kNotFound) continue;
    if (!collection.ok()) return collection.status();
    if (is_all_systems(next)) RETURN_IF_ERROR(fill_all_systems(txn, &*collection));
    members.insert(collection->members().begin(), collection->members().end());
    open.insert(open.end(), collection->collections().begin(), collection->collections().end());
  }
  return members;
}

}  // namespace smslab::mp
