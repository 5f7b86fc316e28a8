// Table<Record>: protobuf records of one kind in the index.
//
//   inline constexpr Table<v1::Package> kPackages{"package"};
//   ASSIGN_OR_RETURN(v1::Package p, kPackages.get(txn, {"LON00001"}));
//   RETURN_IF_ERROR(kPackages.put(txn, {"LON00001"}, p));
//   kPackages.each(txn, {}, [](const Key& key, const v1::Package& p) { ...; return true; });
//
// A key is a list of parts, joined by NUL (parts hold none). number_key() makes a part that sorts as its number. Record
// bytes that do not parse are kDataLoss, naming table and key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/base/hex.h"
#include "store/index.h"

namespace smslab::store {

using Key = std::vector<std::string>;

// 16 hex digits: sorts as the number does, readable in a dump.
std::string number_key(uint64_t n);
std::string join_key(std::string_view table, const Key& parts);
Key split_key(std::string_view table, std::string_view key);  // the parts of a whole key

template <class Record>
class Table {
 public:
  constexpr explicit Table(std::string_view name) : name_(name) {}
  std::string_view name() const { return name_; }

  Result<Record> get(const ReadTxn& txn, const Key& key) const {
    auto bytes = txn.get(join_key(name_, key));
    if (!bytes.ok()) return bytes.status();
    return parse(key, *bytes);
  }
  bool has(const ReadTxn& txn, const Key& key) const { return txn.get(join_key(name_, key)).ok(); }
  Status put(WriteTxn& txn, const Key& key, const Record& record) const {
    return txn.put(join_key(name_, key), record.SerializeAsString());
  }
  Status erase(WriteTxn& txn, const Key& key) const { return txn.erase(join_key(name_, key)); }

  // Those that begin with the whole parts of `prefix`, without a look at the records, which may be damaged.
  Result<std::vector<Key>> keys(const ReadTxn& txn, const Key& prefix = {}) const {
    std::vector<Key> all;
    RETURN_IF_ERROR(txn.scan(join_key(name_, prefix) + '\0', [&](std::string_view key, std::string_view) {
      all.push_back(split_key(name_, key));
      return true;
    }));
    return all;
  }
  Status erase_all(WriteTxn& txn) const {
    ASSIGN_OR_RETURN(const std::vector<Key> all, keys(txn));
    for (const Key& key : all) RETURN_IF_ERROR(erase(txn, key));
    return ok_status();
  }

  // Each record whose key begins with the whole parts of `prefix`, in key order, from the key `from` on when it is
  // given; stops when `visit(key, record)` gives false.
  template <class Visit>
  Status each(const ReadTxn& txn, const Key& prefix, Visit visit, const Key& from = {}) const {
    Status parsed;
    const Status scanned = txn.scan(
        join_key(name_, prefix) + '\0',
        [&](std::string_view key, std::string_view value) {
          const Key parts = split_key(name_, key);
          auto record = parse(parts, value);
          if (!record.ok()) {
            parsed = record.status();
            return false;
          }
          return static_cast<bool>(visit(parts, *record));
        },
        from.empty() ? std::string() : join_key(name_, from));
    return scanned.ok() ? parsed : scanned;
  }

 private:
  Result<Record> parse(const Key& key, std::string_view bytes) const {
    Record record;
    if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      std::string where(name_);
      for (const auto& part : key) where += " " + part;
      return Status(Code::kDataLoss, "the stored record '" + where + "' is damaged; run smslab fsck");
    }
    return record;
  }

  std::string_view name_;
};

}  // namespace smslab::store
