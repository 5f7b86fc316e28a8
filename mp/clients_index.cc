#include "mp/clients_index.h"

#include "proto/base/digest.h"
#include "proto/base/hex.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using ClientTable = store::Table<v1::Client>;

std::string key_index(std::string_view blob_hex) {
  const auto blob = from_hex(blob_hex);
  return blob && !blob->empty() ? digest_hex(Algorithm::kSha256, *blob) : std::string();
}

Result<v1::Client> by_index(const store::ReadTxn& txn, const ClientTable& index, const std::string& key) {
  if (key.empty()) return not_found("no client without an id");
  ASSIGN_OR_RETURN(const v1::Client entry, index.get(txn, {key}));
  return client_by_name(txn, entry.name());
}

v1::Client entry_of(const std::string& name) {
  v1::Client entry;
  entry.set_name(name);
  return entry;
}

// Moves the index from `before` to `after` for this client; `lose` takes the id from the record that had `after`.
template <class Lose>
Status move_index(store::WriteTxn& txn, const ClientTable& index, const std::string& name, const std::string& before,
                  const std::string& after, Lose lose) {
  if (!before.empty() && before != after) RETURN_IF_ERROR(index.erase(txn, {before}));
  if (after.empty()) return ok_status();
  auto owner = by_index(txn, index, after);
  if (owner.ok() && owner->name() != name) {
    lose(&*owner);
    RETURN_IF_ERROR(store::kClients.put(txn, {owner->name()}, *owner));
  }
  return index.put(txn, {after}, entry_of(name));
}
}  // namespace

Status put_client(store::WriteTxn& txn, const Site& site, v1::Client client) {
  if (client.site().empty()) client.set_site(site.options.site);
  if (!client.has_created()) *client.mutable_created() = to_timestamp(site.clock.now());
  const auto before = client_by_name(txn, client.name());
  if (!before.ok() && before.status().code() != Code::kNotFound) return before.status();
  const v1::Client none;
  const v1::Client& old = before.ok() ? *before : none;
  RETURN_IF_ERROR(move_index(txn, store::kClientBySmsid, client.name(), old.smsid(), client.smsid(),
                             [](v1::Client* loser) { loser->clear_smsid(); }));
  RETURN_IF_ERROR(move_index(txn, store::kClientByKey, client.name(), key_index(old.public_key()),
                             key_index(client.public_key()), [](v1::Client* loser) {
                               loser->clear_public_key();
                               loser->clear_certificate();
                             }));
  return store::kClients.put(txn, {client.name()}, client);
}

Result<bool> smsid_is_anothers(const store::ReadTxn& txn, const v1::Client& client) {
  const auto holder = client_by_smsid(txn, client.smsid());
  if (holder.status().code() == Code::kNotFound) return false;
  if (!holder.ok()) return holder.status();
  const bool same_key = !client.public_key().empty() && holder->public_key() == client.public_key();
  return holder->name() != client.name() && !same_key;
}

Result<v1::Client> client_by_name(const store::ReadTxn& txn, const std::string& name) {
  if (name.empty()) return not_found("no client without a name");
  return store::kClients.get(txn, {name});
}

Result<v1::Client> client_by_smsid(const store::ReadTxn& txn, const std::string& smsid) {
  return by_index(txn, store::kClientBySmsid, smsid);
}

Result<v1::Client> client_by_key(const store::ReadTxn& txn, std::string_view public_key_blob_hex) {
  return by_index(txn, store::kClientByKey, key_index(public_key_blob_hex));
}

}  // namespace smslab::mp
