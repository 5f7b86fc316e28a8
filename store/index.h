// Index: what exists. One LMDB environment in one folder; everything else in a store is only bytes until the index
// names it.
//
//   ASSIGN_OR_RETURN(auto index, Index::open(folder, "default"));
//   { ReadTxn txn = index->read(); auto value = txn.get("package\0LON00001"); }
//   Status s = index->write([](WriteTxn& txn) { return txn.put(key, value); });
//
// Keys are bytes, at most kMaxKey; the index puts the lab's name in front of each. A ReadTxn is a consistent view; it
// is cheap, has one user at a time, and must be short-lived. Writes go through the committer (committer.h), which alone
// calls write(). The first key holds the format version; a newer one is refused, an older one brought up to date.
//
// The map starts at 64 MiB and doubles when it is full. Growing needs a moment without any ReadTxn: who holds one must
// not wait for a commit meanwhile, and the committer's thread holds none between changes. A reader that stays fails the
// write that needed the room (kUnavailable, after half a minute); it does not hang the store.
//
// A full disk fails a write (kNoSpace) and leaves what was there. Some room is kept in hand, for changes that free
// more.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/status.h"

namespace smslab::store {

constexpr size_t kMaxKey = 400;
constexpr uint32_t kFormatVersion = 2;

class Index;

class ReadTxn {
 public:
  ReadTxn(ReadTxn&&) noexcept;
  ~ReadTxn();

  Result<std::string> get(std::string_view key) const;  // kNotFound
  // Each pair whose key begins with `prefix`, in key order from `from` (a whole key; empty: the first); stops when
  // `visit` gives false. The views live only during the call, and `visit` must not write.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  Status scan(std::string_view prefix, const Visit& visit, std::string_view from = {}) const;

 protected:
  friend class Index;
  struct Impl;
  explicit ReadTxn(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Sees its own changes. Only on the committer's thread.
class WriteTxn : public ReadTxn {
 public:
  Status put(std::string_view key, std::string_view value);
  Status erase(std::string_view key);  // absent is fine
  // Runs on the committer's thread once the transaction is durable and before anybody hears of it; not at all when it
  // is not. Must be quick, and must not wait for a commit.
  void after_commit(std::function<void()> action);
  // Runs on the committer's thread, newest first, when the change leaves nothing: it failed, the commit failed, or all
  // is run again in a larger map. For what a change did outside the index.
  void on_abort(std::function<void()> action);

 private:
  friend class Index;
  using ReadTxn::ReadTxn;
};

class Index {
 public:
  // Read only: makes nothing, looks at every page first (index_file.h), and takes an older format as it is; kNotFound
  // when there is no index.
  enum class Mode { kReadWrite, kReadOnly };
  // Makes `folder` when missing. kFailedPrecondition for a store of a newer format, kDataLoss for one that is no store,
  // or whose file is cut short.
  static Result<std::unique_ptr<Index>> open(const std::string& folder, std::string lab, Mode mode = Mode::kReadWrite);
  ~Index();

  ReadTxn read() const;

  // Runs each change in order in one durable transaction, each as a nested one: a change that fails leaves nothing and
  // does not harm the others. `results[i]` is its status; when the commit itself fails, all that were well get its
  // error. A change may run more than once. One caller at a time.
  using Change = std::function<Status(WriteTxn&)>;
  std::vector<Status> write(const std::vector<Change>& changes);

 private:
  struct Impl;
  explicit Index(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace smslab::store
