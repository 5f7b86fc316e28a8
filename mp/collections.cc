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

Result<Names> read_some_members(const v1::Collection& request) {
  if (request.members().empty()) return invalid_argument("name at least one computer", "members");
  return read_members(request);
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
                                      const std::function<Status(v1::Collection*)>& act) {
  return commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::Collection> {
    ASSIGN_OR_RETURN(v1::Collection collection, get_collection(txn, name, "name"));
    RETURN_IF_ERROR(act(&collection));
    RETURN_IF_ERROR(policy_changed(txn, site));
    RETURN_IF_ERROR(tell(txn, site, 30016, collection));
    RETURN_IF_ERROR(store::kCollections.put(txn, {collection_key(name)}, collection));
    return collection;
  });
}

void assign(v1::Collection* collection, const Names& names) {
  collection->mutable_members()->Assign(names.begin(), names.end());
}
}  // namespace

std::string collection_key(std::string_view name) { return ascii_upper(name); }

Result<v1::Collection> get_collection(const store::ReadTxn& txn, const std::string& name, const std::string& field) {
  RETURN_IF_ERROR(check_name(name, field));
  auto collection = store::kCollections.get(txn, {collection_key(name)});
  if (collection.status().code() == Code::kNotFound) return not_found("there is no collection '" + name + "'", field);
  return collection;
}

Result<v1::Collection> record_collection(store::WriteTxn& txn, const Site& site, const v1::Collection& request) {
  RETURN_IF_ERROR(check_name(request.name(), "name"));
  ASSIGN_OR_RETURN(const Names members, read_members(request));
  const store::Key key{collection_key(request.name())};
  if (store::kCollections.has(txn, key)) {
    return already_exists("collection '" + request.name() + "' exists already", "name");
  }
  v1::Collection collection;
  collection.set_name(request.name());
  assign(&collection, members);
  ASSIGN_OR_RETURN(*collection.mutable_id(), next_id(txn, site));
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
  return change_members(site, name, [&](v1::Collection* collection) {
    assign(collection, names);
    return ok_status();
  });
}

Result<v1::Collection> add_members(Site& site, const std::string& name, const v1::Collection& members) {
  ASSIGN_OR_RETURN(const Names names, read_some_members(members));
  return change_members(site, name, [&](v1::Collection* collection) -> Status {
    for (const auto& member : names) {
      const auto& all = collection->members();
      if (std::find(all.begin(), all.end(), member) != all.end()) {
        return already_exists(member + " is a member of '" + collection->name() + "' already", "members");
      }
      collection->add_members(member);
    }
    return ok_status();
  });
}

Result<v1::Collection> remove_members(Site& site, const std::string& name, const v1::Collection& members) {
  ASSIGN_OR_RETURN(const Names names, read_some_members(members));
  return change_members(site, name, [&](v1::Collection* collection) -> Status {
    for (const auto& member : names) {
      auto& all = *collection->mutable_members();
      const auto found = std::find(all.begin(), all.end(), member);
      if (found == all.end()) {
        return not_found(member + " is not a member of '" + collection->name() + "'", "members");
      }
      all.erase(found);
    }
    return ok_status();
  });
}

Status delete_collection(Site& site, const std::string& name) {
  return site.store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(const v1::Collection collection, get_collection(txn, name, "name"));
    ASSIGN_OR_RETURN(const std::string advert, advert_of_collection(txn, collection.name()));
    if (!advert.empty()) {
      return failed_precondition("advert " + advert + " goes to '" + collection.name() + "'; delete it first", "name");
    }
    RETURN_IF_ERROR(tell(txn, site, 30017, collection));
    return store::kCollections.erase(txn, {collection_key(name)});
  });
}

Result<v1::Collection> show_collection(const Site& site, const std::string& name) {
  return get_collection(site.store.read(), name, "name");
}

Result<v1::CollectionList> list_collections(const Site& site) {
  v1::CollectionList list;
  RETURN_IF_ERROR(
      store::kCollections.each(site.store.read(), {}, [&](const store::Key&, const v1::Collection& collection) {
        *list.add_collections() = collection;
        return true;
      }));
  return list;
}

}  // namespace smslab::mp
