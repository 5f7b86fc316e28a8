#include "mp/collections.h"

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "mp/adverts.h"
#include "mp/checks.h"
#include "mp/commit.h"
#include "mp/free_ids.h"
#include "mp/site_record.h"
#include "mp/status.h"
#include "proto/base/ids.h"
#include "proto/base/needs.h"
#include "proto/base/text.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using Names = std::vector<std::string>;

// Computer names of a request, upper-cased; one that stands twice is refused.
Result<Names> read_members(const v1::Collection& request) {
  Names names;
  std::unordered_set<std::string> seen;
  for (const auto& member : request.members()) {
    ASSIGN_OR_RETURN(std::string name, parse_host_name(member, "members"));
    if (!seen.insert(name).second) return invalid_argument(name + " is named twice", "members");
    names.push_back(std::move(name));
  }
  return names;
}

// The same of its subcollections, as they are called.
Result<Names> read_included(const store::ReadTxn& txn, const v1::Collection& request) {
  Names names;
  std::unordered_set<std::string> seen;
  for (const auto& included : request.collections()) {
    ASSIGN_OR_RETURN(const v1::Collection found, get_collection(txn, included, "collections"));
    if (!seen.insert(found.name()).second) {
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

// The collection as it is about to be stored is not below itself. What is stored has no circle, so one can only lead
// through it.
Status check_no_circle(const store::ReadTxn& txn, const v1::Collection& top) {
  Names names{top.name()};  // by number
  std::unordered_map<std::string, size_t> numbers{{collection_key(top.name()), 0}};
  Status status;
  const NeedsOrder found = order_by_needs(1, [&](size_t i) {
    std::vector<size_t> below;
    auto stored = i == 0 ? top : get_collection(txn, names[i], "collections");
    if (!stored.ok()) status = stored.status();
    if (!status.ok()) return below;
    for (const auto& included : stored->collections()) {
      const auto [number, fresh] = numbers.emplace(collection_key(included), names.size());
      if (fresh) names.push_back(included);
      below.push_back(number->second);
    }
    return below;
  });
  RETURN_IF_ERROR(status);
  if (found.circles.empty()) return ok_status();
  Names way;
  for (const size_t i : found.circles.front()) way.push_back(names[i]);
  way.push_back(way.front());
  return invalid_argument("collections would hold each other: " + shortened(way, " -> "), "collections");
}

Status tell(store::WriteTxn& txn, const Site& site, uint32_t message, const v1::Collection& collection) {
  return emit(
      txn, site,
      {.id = message, .strings = {site.options.user, collection.id(), collection.name()}, .user = site.options.user});
}

// The one that is wanted, when it is free, or the first free one.
Result<std::string> id_for(store::WriteTxn& txn, const Site& site, const std::string& wanted) {
  const auto taken = [&](const std::string& id) {
    return id == kAllSystemsId || store::kCollectionById.has(txn, {id});
  };
  if (wanted.empty()) return take_free_id(txn, site, IdOf::kCollection, taken);
  ASSIGN_OR_RETURN(std::string id, parse_package_id(wanted, "id"));
  if (taken(id)) return already_exists("collection " + id + " exists already", "id");
  return id;
}

Status put_new(store::WriteTxn& txn, const v1::Collection& collection) {
  v1::Collection entry;
  entry.set_name(collection.name());
  RETURN_IF_ERROR(store::kCollectionById.put(txn, {collection.id()}, entry));
  return store::kCollections.put(txn, {collection_key(collection.name())}, collection);
}

Result<v1::Collection> change_members(Site& site, const std::string& name,
                                      const std::function<Status(const store::ReadTxn&, v1::Collection*)>& act) {
  return commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::Collection> {
    ASSIGN_OR_RETURN(v1::Collection collection, get_collection(txn, name, "name"));
    if (is_all_systems(collection.name())) {
      return failed_precondition("All Systems holds every client that the site knows and cannot be changed", "name");
    }
    const std::string before = collection.SerializeAsString();
    RETURN_IF_ERROR(act(txn, &collection));
    if (collection.SerializeAsString() == before) return collection;
    RETURN_IF_ERROR(check_no_circle(txn, collection));
    RETURN_IF_ERROR(members_changed(txn));
    RETURN_IF_ERROR(policy_changed(txn, site));
    RETURN_IF_ERROR(tell(txn, site, 30016, collection));
    RETURN_IF_ERROR(store::kCollections.put(txn, {collection_key(collection.name())}, collection));
    return collection;
  });
}

using Texts = google::protobuf::RepeatedPtrField<std::string>;

void assign(const Names& names, Texts* to) { to->Assign(names.begin(), names.end()); }

// Whether a change speaks of the list; a single empty name, which goes, stands for none.
bool says(Texts* list) {
  const bool said = !list->empty();
  if (list->size() == 1 && list->Get(0).empty()) list->Clear();
  return said;
}

Status append(const Names& names, const std::string& collection, const std::string& field, Texts* to) {
  const std::unordered_set<std::string> there(to->begin(), to->end());
  for (const auto& name : names) {
    if (there.contains(name)) return already_exists(name + " is in '" + collection + "' already", field);
  }
  to->Add(names.begin(), names.end());
  return ok_status();
}

Status take_out(const Names& names, const std::string& collection, const std::string& field, Texts* from) {
  const std::unordered_set<std::string> there(from->begin(), from->end());
  for (const auto& name : names) {
    if (!there.contains(name)) return not_found(name + " is not in '" + collection + "'", field);
  }
  const std::unordered_set<std::string> gone(names.begin(), names.end());
  from->erase(std::remove_if(from->begin(), from->end(), [&](const std::string& name) { return gone.contains(name); }),
              from->end());
  return ok_status();
}
}  // namespace

std::string collection_key(std::string_view name) { return ascii_upper(name); }

Result<v1::Collection> get_collection(const store::ReadTxn& txn, const std::string& name, const std::string& field) {
  RETURN_IF_ERROR(check_name(name, field));
  if (is_all_systems(name) || iequals(name, kAllSystemsId)) return all_systems();
  auto collection = store::kCollections.get(txn, {collection_key(name)});
  if (collection.status().code() != Code::kNotFound) return collection;
  const auto entry = store::kCollectionById.get(txn, {ascii_upper(name)});
  if (entry.ok()) return store::kCollections.get(txn, {collection_key(entry->name())});
  return not_found("there is no collection '" + name + "'", field);
}

Result<v1::Collection> record_collection(store::WriteTxn& txn, const Site& site, const v1::Collection& request) {
  RETURN_IF_ERROR(check_name(request.name(), "name"));
  ASSIGN_OR_RETURN(const Names members, read_members(request));
  if (is_all_systems(request.name()) || store::kCollections.has(txn, {collection_key(request.name())})) {
    return already_exists("collection '" + request.name() + "' exists already", "name");
  }
  v1::Collection collection;
  collection.set_name(request.name());
  assign(members, collection.mutable_members());
  ASSIGN_OR_RETURN(const Names included, read_included(txn, request));
  assign(included, collection.mutable_collections());
  ASSIGN_OR_RETURN(*collection.mutable_id(), id_for(txn, site, request.id()));
  RETURN_IF_ERROR(members_changed(txn));
  RETURN_IF_ERROR(tell(txn, site, 30015, collection));
  RETURN_IF_ERROR(put_new(txn, collection));
  return collection;
}

Result<v1::Collection> create_collection(Site& site, const v1::Collection& request) {
  return commit_result(site, [&](store::WriteTxn& txn) { return record_collection(txn, site, request); });
}

Status index_collections(store::WriteTxn& txn) {
  std::vector<v1::Collection> missing;
  RETURN_IF_ERROR(store::kCollections.each(txn, {}, [&](const store::Key&, const v1::Collection& collection) {
    if (!store::kCollectionById.has(txn, {collection.id()})) missing.push_back(collection);
    return true;
  }));
  for (const auto& collection : missing) RETURN_IF_ERROR(put_new(txn, collection));
  return ok_status();
}

Result<v1::Collection> set_members(Site& site, const std::string& name, const v1::Collection& change) {
  v1::Collection wanted = change;
  const bool members = says(wanted.mutable_members()), collections = says(wanted.mutable_collections());
  ASSIGN_OR_RETURN(const Names names, read_members(wanted));
  return change_members(site, name, [&](const store::ReadTxn& txn, v1::Collection* collection) -> Status {
    if (!change.name().empty() && !iequals(change.name(), collection->name()) && !iequals(change.name(), name)) {
      return invalid_argument("a collection keeps its name; delete it and create another", "name");
    }
    if (!change.id().empty() && !iequals(change.id(), collection->id())) {
      return invalid_argument("a collection keeps its id; delete it and create another", "id");
    }
    if (members) assign(names, collection->mutable_members());
    if (!collections) return ok_status();
    ASSIGN_OR_RETURN(const Names included, read_included(txn, wanted));
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
    if (is_all_systems(collection.name())) return failed_precondition("All Systems cannot be deleted", "name");
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
    RETURN_IF_ERROR(give_back_id(txn, site, IdOf::kCollection, collection.id()));
    RETURN_IF_ERROR(store::kCollectionById.erase(txn, {collection.id()}));
    return store::kCollections.erase(txn, {collection_key(collection.name())});
  });
}

Result<v1::Collection> show_collection(const Site& site, const std::string& name) {
  const store::ReadTxn txn = site.store.read();
  ASSIGN_OR_RETURN(v1::Collection collection, get_collection(txn, name, "name"));
  if (is_all_systems(collection.name())) RETURN_IF_ERROR(fill_all_systems(txn, &collection));
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
    if (is_all_systems(collection->name())) RETURN_IF_ERROR(fill_all_systems(txn, &*collection));
    members.insert(collection->members().begin(), collection->members().end());
    open.insert(open.end(), collection->collections().begin(), collection->collections().end());
  }
  return members;
}

}  // namespace smslab::mp
