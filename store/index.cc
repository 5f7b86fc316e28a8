#include "store/index.h"

#include <fcntl.h>
#include <lmdb.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "proto/base/clock.h"
#include "proto/base/env.h"
#include "proto/base/fd.h"
#include "proto/base/mutex.h"
#include "proto/base/text.h"
#include "store/index_file.h"

namespace smslab::store {
namespace {

constexpr size_t kFirstMap = size_t{64} << 20;
constexpr unsigned kMaxReaders = 1024;
// Of lock.mdb, as LMDB 0.9 lays it out: a head, and a slot for each reader but one. LMDB takes as many as fit.
constexpr off_t kLockBytes = 192 + (kMaxReaders - 1) * 64;
constexpr size_t kSpareBytes = size_t{2} << 20;  // of data.mdb: for changes on a full disk, such as those that free it
constexpr size_t kMaxLab = 511 - kMaxKey - 1;    // 511: what LMDB takes as a key
// Sorts before every lab's keys. Its value: the words below and the version in decimal.
constexpr std::string_view kFormatKey("\0format", 7);
constexpr std::string_view kFormatWords = "smslab store ";

SteadyTime steady_now() {
  static const TimeSource source = system_time_source();
  return source.steady();
}

Status from_lmdb(int rc, const std::string& what) {
  Code code = Code::kUnavailable;
  switch (rc) {
    case MDB_SUCCESS: return ok_status();
    case MDB_NOTFOUND: code = Code::kNotFound; break;
    case MDB_MAP_FULL: code = Code::kNoSpace; break;
    case MDB_TXN_FULL:
    case MDB_BAD_VALSIZE: code = Code::kTooLarge; break;
    case MDB_VERSION_MISMATCH: code = Code::kFailedPrecondition; break;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INCOMPATIBLE: code = Code::kDataLoss; break;
    case MDB_READERS_FULL:
    case MDB_PANIC: break;
    default:
      if (rc > 0) return from_errno(rc, what);
      code = Code::kInternal;
  }
  return {code, what + ": " + mdb_strerror(rc)};
}

// Readers write to their slots through a shared map: on a full disk a slot without its block would end the process
// (SIGBUS). So all blocks are there before LMDB maps the file. A file system that cannot promise them is taken as it
// is.
Status reserve_lock_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return from_errno(errno, "cannot open " + path);
  while (::fallocate(fd.get(), 0, 0, kLockBytes) != 0) {
    if (errno == EOPNOTSUPP) break;
    if (errno != EINTR) return from_errno(errno, "cannot make room for " + path);
  }
  return ok_status();
}

MDB_val val(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
std::string_view view(const MDB_val& v) { return {static_cast<const char*>(v.mv_data), v.mv_size}; }

std::string readable(std::string_view key) {
  std::string text(key);
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

// Readers share it for the life of their transaction; growth wants it alone.
class Gate {
 public:
  void enter() {
    MutexLock lock(mu_);
    // Growth goes first, or a steady stream of readers would keep it out. But not for ever: this reader may be the
    // second of a thread whose first one is what growth waits for.
    const SteadyTime deadline = steady_now() + std::chrono::milliseconds(50);
    while (growing_ || wanted_) {
      if (growing_) {
        changed_.wait(lock);
      } else if (!changed_.wait_until(lock, deadline) && !growing_) {
        break;
      }
    }
    readers_++;
  }
  void leave() {
    const MutexLock lock(mu_);
    if (--readers_ == 0) changed_.notify_all();
  }
  // True once nobody reads and nobody can begin to.
  bool close() {
    MutexLock lock(mu_);
    wanted_ = true;
    const SteadyTime deadline = steady_now() + std::chrono::seconds(30);
    while (readers_ > 0 && changed_.wait_until(lock, deadline)) continue;
    wanted_ = false;
    growing_ = readers_ == 0;
    changed_.notify_all();
    return growing_;
  }
  void open() {
    const MutexLock lock(mu_);
    growing_ = false;
    changed_.notify_all();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  size_t readers_ GUARDED_BY(mu_) = 0;
  bool wanted_ GUARDED_BY(mu_) = false;
  bool growing_ GUARDED_BY(mu_) = false;
};

using Actions = std::vector<std::function<void()>>;

void run_newest_first(const Actions& actions) {
  for (auto action = actions.rbegin(); action != actions.rend(); ++action) (*action)();
}

void append(Actions* to, Actions from) {
  to->insert(to->end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

struct ReadTxn::Impl {
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  std::string_view lab;  // with its NUL; the Index's
  Gate* gate = nullptr;  // entered, by a reader
  Status broken;         // why there is no `txn`
  bool map_full = false;
  Actions after_commit, on_abort;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (txn != nullptr) mdb_txn_abort(txn);
    if (gate != nullptr) gate->leave();
  }

  Status check(std::string_view key) const {
    if (!broken.ok()) return broken;
    if (key.size() <= kMaxKey) return ok_status();
    return invalid_argument("the key '" + readable(key) + "' is longer than " + std::to_string(kMaxKey) + " bytes");
  }
  std::string whole(std::string_view key) const { return std::string(lab).append(key); }
  Status wrote(int rc, std::string_view key) {
    map_full = map_full || rc == MDB_MAP_FULL;
    return from_lmdb(rc, "cannot write '" + readable(key) + "'");
  }
};

ReadTxn::ReadTxn(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ReadTxn::ReadTxn(ReadTxn&&) noexcept = default;
ReadTxn::~ReadTxn() = default;

Result<std::string> ReadTxn::get(std::string_view key) const {
  RETURN_IF_ERROR(impl_->check(key));
  const std::string whole = impl_->whole(key);
  MDB_val k = val(whole);
  MDB_val v{};
  const int rc = mdb_get(impl_->txn, impl_->dbi, &k, &v);
  if (rc != MDB_SUCCESS) return from_lmdb(rc, "cannot read '" + readable(key) + "'");
  return std::string(view(v));
}

Status ReadTxn::scan(std::string_view prefix, const Visit& visit, std::string_view from) const {
  RETURN_IF_ERROR(impl_->check(prefix));
  RETURN_IF_ERROR(impl_->check(from));
  const std::string whole = impl_->whole(prefix);
  const std::string start = impl_->whole(std::max(prefix, from));
  MDB_cursor* cursor = nullptr;
  if (const int rc = mdb_cursor_open(impl_->txn, impl_->dbi, &cursor)) return from_lmdb(rc, "cannot scan the index");
  MDB_val k = val(start);
  MDB_val v{};
  int rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
  while (rc == MDB_SUCCESS && view(k).starts_with(whole) && visit(view(k).substr(impl_->lab.size()), view(v))) {
    rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
  }
  mdb_cursor_close(cursor);
  return rc == MDB_NOTFOUND ? ok_status() : from_lmdb(rc, "cannot scan the index");
}

Status WriteTxn::put(std::string_view key, std::string_view value) {
  RETURN_IF_ERROR(impl_->check(key));
  const std::string whole = impl_->whole(key);
  MDB_val k = val(whole);
  MDB_val v = val(value);
  return impl_->wrote(mdb_put(impl_->txn, impl_->dbi, &k, &v, 0), key);
}

Status WriteTxn::erase(std::string_view key) {
  RETURN_IF_ERROR(impl_->check(key));
  const std::string whole = impl_->whole(key);
  MDB_val k = val(whole);
  const int rc = mdb_del(impl_->txn, impl_->dbi, &k, nullptr);
  return rc == MDB_NOTFOUND ? ok_status() : impl_->wrote(rc, key);
}

void WriteTxn::after_commit(std::function<void()> action) { impl_->after_commit.push_back(std::move(action)); }
void WriteTxn::on_abort(std::function<void()> action) { impl_->on_abort.push_back(std::move(action)); }

struct Index::Impl {
  std::string folder;
  std::string lab;  // with its NUL
  MDB_env* env = nullptr;
  MDB_dbi dbi = 0;
  mutable Gate gate;
  size_t reserved = 0;  // bytes of data.mdb that have their blocks; the writer's

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (env != nullptr) mdb_env_close(env);
  }

  Status failed(int rc, const std::string& what) const { return from_lmdb(rc, what + " the index in " + folder); }

  Status open(bool read_only) {
    if (const int rc = mdb_env_create(&env)) return failed(rc, "cannot prepare");
    mdb_env_set_maxreaders(env, kMaxReaders);
    if (!read_only) RETURN_IF_ERROR(reserve_lock_file(folder + "/lock.mdb"));
    if (const int rc = mdb_env_open(env, folder.c_str(), MDB_NOTLS | (read_only ? MDB_RDONLY : 0U), 0600)) {
      return failed(rc, "cannot open");
    }
    int dead = 0;
    mdb_reader_check(env, &dead);  // slots of a process that was killed
    MDB_envinfo info{};
    mdb_env_info(env, &info);
    if (!read_only && info.me_mapsize < kFirstMap) {
      if (const int rc = mdb_env_set_mapsize(env, kFirstMap)) return failed(rc, "cannot map");
    }
    MDB_txn* txn = nullptr;
    if (const int rc = mdb_txn_begin(env, nullptr, read_only ? MDB_RDONLY : 0U, &txn)) return failed(rc, "cannot read");
    Status status;
    if (const int rc = mdb_dbi_open(txn, nullptr, 0, &dbi)) {
      status = failed(rc, "cannot read");
    } else {
      status = check_format(txn, read_only);
    }
    if (!status.ok()) {
      mdb_txn_abort(txn);
      return status;
    }
    const int rc = mdb_txn_commit(txn);
    return rc == 0 ? ok_status() : failed(rc, "cannot write");
  }

  Status write_format(MDB_txn* txn) const {
    MDB_val k = val(kFormatKey);
    const std::string text = std::string(kFormatWords) + std::to_string(kFormatVersion);
    MDB_val v = val(text);
    return failed(mdb_put(txn, dbi, &k, &v, 0), "cannot write");
  }

  // Of an empty environment it is written, of an earlier one it is brought up to date.
  Status check_format(MDB_txn* txn, bool read_only) const {
    MDB_stat stat{};
    mdb_stat(txn, dbi, &stat);
    MDB_val k = val(kFormatKey);
    if (stat.ms_entries == 0 && !read_only) return write_format(txn);
    MDB_val v{};
    const int rc = mdb_get(txn, dbi, &k, &v);
    if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND) return failed(rc, "cannot read");
    std::optional<uint64_t> version;
    if (rc == MDB_SUCCESS && view(v).starts_with(kFormatWords))
      version = parse_u64(view(v).substr(kFormatWords.size()));
    if (!version || *version == 0) return {Code::kDataLoss, folder + " holds a database that is no smslab store"};
    if (*version > kFormatVersion) {
      return failed_precondition("the store in " + folder + " has format " + std::to_string(*version) +
                                 "; this smslab knows " + std::to_string(kFormatVersion) + ": use a newer one");
    }
    // Format 1 had no lost contents (tables.h); it differs in nothing else.
    return *version == kFormatVersion || read_only ? ok_status() : write_format(txn);
  }

  // Blocks for the next changes, so that a disk full of contents does not keep the index from saying that some are
  // gone. As far as there are any: a change that finds none fails by itself (kNoSpace).
  void reserve() {
    MDB_envinfo info{};
    MDB_stat stat{};
    mdb_filehandle_t file = -1;
    if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat) != 0 || mdb_env_get_fd(env, &file) != 0) return;
    const size_t used = (info.me_last_pgno + 1) * stat.ms_psize;
    if (used + kSpareBytes / 2 <= reserved) return;
    const size_t wanted = used + kSpareBytes;
    if (::fallocate(file, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(wanted)) == 0) reserved = wanted;
  }

  // LMDB says EIO when only a part of its pages could be written, and the end of the disk is the usual reason.
  bool disk_is_full() const {
    const auto free = posix_env().free_bytes(folder);
    return free.ok() && *free < kSpareBytes / 2;
  }

  Status grow() {
    if (!gate.close()) {
      return {Code::kUnavailable, "the index in " + folder + " must grow, but a reader does not end"};
    }
    MDB_envinfo info{};
    mdb_env_info(env, &info);
    const int rc = mdb_env_set_mapsize(env, info.me_mapsize * 2);
    gate.open();
    return failed(rc, "cannot grow");
  }

  std::unique_ptr<ReadTxn::Impl> begin(MDB_txn* parent, unsigned flags) const;
  Status run(const Change& change, MDB_txn* group, Actions* after_commit, Actions* on_abort, bool* map_full) const;
  std::optional<std::vector<Status>> attempt(const std::vector<Change>& changes) const;
};

std::unique_ptr<ReadTxn::Impl> Index::Impl::begin(MDB_txn* parent, unsigned flags) const {
  auto impl = std::make_unique<ReadTxn::Impl>();
  impl->dbi = dbi;
  impl->lab = lab;
  if ((flags & MDB_RDONLY) != 0) {
    gate.enter();
    impl->gate = &gate;
  }
  if (const int rc = mdb_txn_begin(env, parent, flags, &impl->txn)) {
    impl->txn = nullptr;
    impl->broken = failed(rc, "cannot begin a transaction on");
  }
  return impl;
}

// One change as a nested transaction. When it fails nothing of it is left, inside the index or outside.
Status Index::Impl::run(const Change& change, MDB_txn* group, Actions* after_commit, Actions* on_abort,
                        bool* map_full) const {
  WriteTxn txn(begin(group, 0));
  ReadTxn::Impl& impl = *txn.impl_;
  Status status = impl.broken;
  if (status.ok()) status = change(txn);
  if (status.ok() && !impl.map_full) {
    const int rc = mdb_txn_commit(std::exchange(impl.txn, nullptr));
    impl.map_full = rc == MDB_MAP_FULL;
    status = failed(rc, "cannot write");
  }
  *map_full = impl.map_full;
  if (!status.ok() || impl.map_full) {
    if (impl.txn != nullptr) mdb_txn_abort(std::exchange(impl.txn, nullptr));
    run_newest_first(impl.on_abort);
    return status;
  }
  append(after_commit, std::move(impl.after_commit));
  append(on_abort, std::move(impl.on_abort));
  return status;
}

// Nothing: the map is full, and nothing was done.
std::optional<std::vector<Status>> Index::Impl::attempt(const std::vector<Change>& changes) const {
  std::vector<Status> results;
  MDB_txn* group = nullptr;
  Status commit = failed(mdb_txn_begin(env, nullptr, 0, &group), "cannot begin a transaction on");
  if (!commit.ok()) return std::vector<Status>(changes.size(), commit);

  Actions after_commit, on_abort;
  bool map_full = false;
  for (const Change& change : changes) {
    results.push_back(run(change, group, &after_commit, &on_abort, &map_full));
    if (map_full) break;
  }
  if (map_full) {
    mdb_txn_abort(group);
  } else {
    const int rc = mdb_txn_commit(group);
    map_full = rc == MDB_MAP_FULL;
    commit = failed(rc == EIO && disk_is_full() ? ENOSPC : rc, "cannot write");
  }
  if (map_full || !commit.ok()) run_newest_first(on_abort);
  if (map_full) return std::nullopt;
  for (Status& result : results) {
    if (result.ok()) result = commit;
  }
  if (commit.ok()) {
    for (const auto& action : after_commit) action();
  }
  return results;
}

Result<std::unique_ptr<Index>> Index::open(const std::string& folder, std::string lab, Mode mode) {
  if (lab.empty() || lab.size() > kMaxLab || lab.find('\0') != std::string::npos) {
    return invalid_argument("a lab's name has 1 to " + std::to_string(kMaxLab) + " bytes, none of them NUL", "lab");
  }
  // LMDB works on real files, so the index does too, whatever Env the rest of a store stands on.
  const auto info = posix_env().info(folder + "/data.mdb");
  const bool fresh = !info.ok() || info->size == 0;  // empty: a crash cut its making short
  if (mode == Mode::kReadOnly && fresh) return not_found("there is no smslab store in " + folder);
  if (mode == Mode::kReadWrite) RETURN_IF_ERROR(posix_env().make_folders(folder));
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  impl->lab = std::move(lab) + '\0';
  if (!fresh) {
    const auto look = mode == Mode::kReadOnly ? IndexLook::kWhole : IndexLook::kBrief;
    RETURN_IF_ERROR(check_index_file(folder + "/data.mdb", look));
  }
  RETURN_IF_ERROR(impl->open(mode == Mode::kReadOnly));
  if (mode == Mode::kReadWrite) impl->reserve();
  // LMDB makes its commits durable, but not the name of the file that they are in.
  if (fresh) RETURN_IF_ERROR(posix_env().barrier(folder));
  return std::unique_ptr<Index>(new Index(std::move(impl)));
}

Index::Index(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Index::~Index() = default;

ReadTxn Index::read() const { return ReadTxn(impl_->begin(nullptr, MDB_RDONLY)); }

std::vector<Status> Index::write(const std::vector<Change>& changes) {
  while (true) {
    if (auto results = impl_->attempt(changes)) {
      impl_->reserve();
      return *std::move(results);
    }
    const Status grown = impl_->grow();
    if (!grown.ok()) return std::vector<Status>(changes.size(), grown);
  }
}

}  // namespace smslab::store
