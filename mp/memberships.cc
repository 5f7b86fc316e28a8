#include "mp/memberships.h"

#include "mp/collections.h"
#include "proto/base/text.h"
#include "store/tables.h"

namespace smslab::mp {

Result<std::shared_ptr<const Memberships>> Memberships::read(const store::ReadTxn& txn, uint64_t version) {
  const auto all = std::make_shared<Memberships>();
  all->version_ = version;
  all->places_[collection_key(kAllSystems)] = kEverybody;
  std::vector<v1::Collection> collections;
  size_t members = 0;
  RETURN_IF_ERROR(store::kCollections.each(txn, {}, [&](const store::Key& key, const v1::Collection& collection) {
    collections.push_back(collection);
    members += static_cast<size_t>(collection.members_size());
    all->places_[key.back()] = static_cast<uint32_t>(collections.size());
    return true;
  }));
  all->included_.resize(collections.size() + 1);
  all->computers_.reserve(members);
  for (uint32_t place = 1; place <= collections.size(); place++) {
    const v1::Collection& collection = collections[place - 1];
    for (const std::string& member : collection.members()) all->computers_[member].push_back(place);
    for (const std::string& included : collection.collections()) {
      const auto found = all->places_.find(collection_key(included));
      if (found != all->places_.end()) all->included_[place].push_back(found->second);
    }
  }
  return std::shared_ptr<const Memberships>(all);
}

const Memberships::Places& Memberships::direct(std::string_view computer) const {
  static const Places none;
  const auto found = computers_.find(ascii_upper(computer));
  return found == computers_.end() ? none : found->second;
}

Memberships::Places Memberships::receiving(std::string_view collection) const {
  Places places;
  const auto first = places_.find(collection_key(collection));
  if (first == places_.end()) return places;
  std::vector<bool> seen(included_.size());
  places.push_back(first->second);
  seen[first->second] = true;
  for (size_t i = 0; i < places.size(); i++) {
    for (const uint32_t included : included_[places[i]]) {
      if (!seen[included]) places.push_back(included);
      seen[included] = true;
    }
  }
  return places;
}

}  // namespace smslab::mp
