#include "store/blobs.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "proto/base/digest_lanes.h"
#include "proto/base/hex.h"
#include "proto/base/text.h"

namespace smslab::store {
namespace {

constexpr size_t kBuffer = size_t{256} << 10;
constexpr uint64_t kMaxList = uint64_t{1} << 30;  // of an intent list, bytes: ten million blobs
constexpr std::string_view kListName = "intent.";
constexpr uint64_t kWorthSharing = uint64_t{64} << 10;  // bytes

std::string path_in(const std::string& folder, const std::string& sha256) {
  return folder + "/" + sha256.substr(0, 2) + "/" + sha256;
}

bool same_bytes(const ReadableFile& a, const ReadableFile& b) {
  if (a.size() != b.size()) return false;
  std::vector<char> left(kBuffer), right(kBuffer);
  for (uint64_t at = 0; at < a.size();) {
    const auto n = a.pread(at, left);
    if (!n.ok() || *n == 0) return false;
    for (size_t have = 0; have < *n;) {
      const auto more = b.pread(at + have, std::span(right).subspan(have, *n - have));
      if (!more.ok() || *more == 0) return false;
      have += *more;
    }
    if (!std::equal(left.begin(), left.begin() + static_cast<ptrdiff_t>(*n), right.begin())) return false;
    at += *n;
  }
  return true;
}

}  // namespace

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

// ---- a file on its way in

struct Staging::Incoming {
  Env& env;
  const std::string folder;
  const std::string file;
  std::unique_ptr<WritableFile> out;
  uint64_t size = 0;
  bool kept = false;

  Incoming(Env& e, std::string in, std::string name) : env(e), folder(std::move(in)), file(std::move(name)) {}
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
  ~Incoming() {
    out.reset();
    if (!kept) (void)env.remove_file(path());
  }
  std::string path() const { return folder + "/" + file; }
  Status append(std::string_view bytes) {
    size += bytes.size();
    return out->append(bytes);
  }
};

Result<std::unique_ptr<Staging::Incoming>> Staging::incoming() {
  std::string name;
  {
    const MutexLock lock(mu_);
    name = std::to_string(next_file_++);
  }
  auto incoming = std::make_unique<Incoming>(blobs_.env_, folder_, std::move(name));
  ASSIGN_OR_RETURN(incoming->out, blobs_.env_.create(incoming->path()));
  return incoming;
}

Result<StagedBlob> Staging::keep(Incoming& incoming, ContentDigests digests, const std::string& expected) {
  RETURN_IF_ERROR(incoming.out->close());
  StagedBlob blob{std::move(digests), incoming.size};
  const std::string& sha256 = blob.digests.sha256;
  if (!expected.empty() && sha256 != expected) {
    return Status(Code::kDataLoss, "the blob " + expected + " arrived with the content of " + sha256);
  }
  if (blobs_.has(blobs_.index_.read(), sha256)) return blob;
  blobs_.share(incoming.path(), sha256, blob.size);
  const MutexLock lock(mu_);
  incoming.kept = staged_.try_emplace(sha256, Item{blob, incoming.file}).second;
  return blob;
}

// ---- Staging

Staging::Staging(Blobs& blobs, std::string folder) : blobs_(blobs), folder_(std::move(folder)) {}

Staging::~Staging() {
  if (stuck_) return;
  if (!moved_) {
    (void)blobs_.env_.remove_tree(folder_);
    return;
  }
  // The lists stay until the renames, there and perhaps back, are durable.
  for (const auto& [sha256, item] : staged_) (void)blobs_.env_.remove_file(folder_ + "/" + item.file);
  const MutexLock settling(blobs_.mu_);
  blobs_.settling_.push_back(folder_);
}

// Digested beside this thread.
Result<StagedBlob> Staging::read_through(const ReadableFile& file, const Progress& progress, const Sink& sink) {
  DigestLanes lanes;
  uint64_t size = 0;
  while (true) {
    ASSIGN_OR_RETURN(const size_t n, file.pread(size, lanes.room()));
    if (n == 0) return StagedBlob{lanes.finish(), size};
    size += n;
    RETURN_IF_ERROR(sink(lanes.put(n)));
    const uint64_t read = bytes_read_ += n;
    if (progress) RETURN_IF_ERROR(progress(read));
  }
}

// One that fits in a buffer is known before anything is written. Absent: it does not fit.
Result<std::optional<StagedBlob>> Staging::add_small(const ReadableFile& file, const Progress& progress) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBuffer);
  size_t size = 0;
  while (size < kBuffer) {
    ASSIGN_OR_RETURN(const size_t n, file.pread(size, {buffer.get() + size, kBuffer - size}));
    if (n == 0) break;
    size += n;
  }
  if (size == kBuffer) return std::optional<StagedBlob>();
  const uint64_t read = bytes_read_ += size;
  if (progress) RETURN_IF_ERROR(progress(read));
  ContentHasher hasher;
  hasher.update({buffer.get(), size});
  ContentDigests digests = hasher.finish();
  if (has(digests.sha256) || blobs_.has(blobs_.index_.read(), digests.sha256)) {
    return std::optional(StagedBlob{std::move(digests), size});
  }
  ASSIGN_OR_RETURN(const auto incoming, this->incoming());
  RETURN_IF_ERROR(incoming->append({buffer.get(), size}));
  ASSIGN_OR_RETURN(StagedBlob kept, keep(*incoming, std::move(digests)));
  return std::optional(std::move(kept));
}

Result<StagedBlob> Staging::add(const ReadableFile& file, const Progress& progress, const std::string& likely) {
  if (file.size() < kBuffer) {
    ASSIGN_OR_RETURN(std::optional<StagedBlob> small, add_small(file, progress));
    if (small) return *std::move(small);
  } else if (!likely.empty() && blobs_.has(blobs_.index_.read(), likely)) {
    ASSIGN_OR_RETURN(StagedBlob known, read_through(file, progress, [](std::string_view) { return ok_status(); }));
    if (known.digests.sha256 == likely) return known;
    bytes_read_ -= known.size;  // it is read again
  }
  ASSIGN_OR_RETURN(const auto incoming, this->incoming());
  ASSIGN_OR_RETURN(StagedBlob read,
                   read_through(file, progress, [&](std::string_view bytes) { return incoming->append(bytes); }));
  return keep(*incoming, std::move(read.digests));
}

bool Staging::has(const std::string& sha256) const {
  const MutexLock lock(mu_);
  return staged_.contains(sha256);
}

bool Staging::is_empty() const {
  const MutexLock lock(mu_);
  return staged_.empty();
}

Result<std::shared_ptr<const ReadableFile>> Staging::open(const std::string& sha256) const {
  std::string file;
  {
    const MutexLock lock(mu_);
    const auto staged = staged_.find(sha256);
    if (staged != staged_.end()) file = staged->second.file;
  }
  if (file.empty()) return blobs_.open(sha256);
  ASSIGN_OR_RETURN(auto opened, blobs_.env_.open(folder_ + "/" + file));
  return std::shared_ptr<const ReadableFile>(std::move(opened));
}

Status Staging::make_durable() {
  std::string list;
  std::string name;
  std::vector<std::string> listed;
  {
    const MutexLock lock(mu_);
    for (const auto& [sha256, item] : staged_) {
      if (item.durable) continue;
      list.append(item.file).append(" ").append(sha256).append("\n");
      listed.push_back(sha256);
    }
    if (listed.empty()) return ok_status();
    // A list of its own each time: an older one may still be needed as it is.
    name = std::string(kListName) + std::to_string(next_list_++);
  }
  ASSIGN_OR_RETURN(const auto file, blobs_.env_.create(folder_ + "/" + name));
  RETURN_IF_ERROR(file->append(list));
  RETURN_IF_ERROR(file->close());
  RETURN_IF_ERROR(blobs_.settle());
  const MutexLock lock(mu_);
  for (const std::string& sha256 : listed) {
    if (const auto at = staged_.find(sha256); at != staged_.end()) at->second.durable = true;
  }
  return ok_status();
}

Status Staging::publish(WriteTxn& txn, const std::function<bool(const std::string& sha256)>& wanted) {
  std::vector<std::pair<std::string, Item>> items;
  {
    const MutexLock lock(mu_);
    items.assign(staged_.begin(), staged_.end());
  }
  RETURN_IF_ERROR(blobs_.erase_collected(txn));
  const auto moved = std::make_shared<std::vector<std::pair<std::string, std::string>>>();  // SHA-256, file
  txn.on_abort([this, moved] {
    for (const auto& [sha256, file] : *moved) take_back(sha256, file);
  });
  txn.after_commit([this, moved] {
    const MutexLock lock(mu_);
    for (const auto& [sha256, file] : *moved) staged_.erase(sha256);
  });
  for (const auto& [sha256, item] : items) {
    if (wanted && !wanted(sha256)) continue;
    if (!item.durable) return internal_error("a staged blob is published before it is durable");
    if (blobs_.has(txn, sha256)) continue;  // somebody else brought it meanwhile
    RETURN_IF_ERROR(move_in(sha256, item.file));
    moved->emplace_back(sha256, item.file);
    v1::BlobRecord record;
    if (auto lost = kBlobs.get(txn, {sha256}); lost.ok()) record.set_references(lost->references());
    record.set_size(item.blob.size);
    record.set_sha1(item.blob.digests.sha1);
    record.set_md5(item.blob.digests.md5);
    RETURN_IF_ERROR(kBlobs.put(txn, {sha256}, record));
    RETURN_IF_ERROR(kLost.erase(txn, {sha256}));
    // The file is wanted again: whoever would unlink it looks for the row.
    RETURN_IF_ERROR(kGarbage.erase(txn, {sha256}));
    const MutexLock lock(blobs_.mu_);
    blobs_.unlinked_.erase(sha256);
  }
  return ok_status();
}

Status Staging::move_in(const std::string& sha256, const std::string& file) {
  {
    const MutexLock lock(mu_);
    moved_ = true;
  }
  const std::string from = folder_ + "/" + file;
  const std::string to = blobs_.path(sha256);
  Status renamed = blobs_.env_.rename(from, to);
  // Nobody asked for this with a wrong argument: something that is no file is in the way.
  if (renamed.code() == Code::kInvalidArgument) return {Code::kDataLoss, renamed.message()};
  if (renamed.code() != Code::kNotFound) return renamed;
  RETURN_IF_ERROR(blobs_.env_.make_folders(to.substr(0, to.rfind('/'))));
  return blobs_.env_.rename(from, to);
}

void Staging::take_back(const std::string& sha256, const std::string& file) {
  if (blobs_.env_.rename(blobs_.path(sha256), folder_ + "/" + file).ok()) return;
  const MutexLock lock(mu_);
  stuck_ = true;
}

// ---- Receiver

struct Staging::Receiver::Impl {
  Staging& staging;
  const std::string sha256;
  const uint64_t size;
  std::unique_ptr<Incoming> incoming;  // null once it is finished or has failed
  ContentHasher hasher = {};

  Status fail(Status status) {
    incoming.reset();
    return status;
  }
  Status wrong(const std::string& why) { return fail({Code::kDataLoss, "the blob " + sha256 + " " + why}); }
};

Staging::Receiver::Receiver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Staging::Receiver::~Receiver() = default;

Result<std::unique_ptr<Staging::Receiver>> Staging::receive(const std::string& sha256, uint64_t size) {
  if (!is_sha256(sha256)) return invalid_argument("'" + sha256 + "' is not a SHA-256 in upper-case hex", "sha256");
  ASSIGN_OR_RETURN(auto incoming, this->incoming());
  std::unique_ptr<Receiver::Impl> impl(new Receiver::Impl{*this, sha256, size, std::move(incoming)});
  return std::unique_ptr<Receiver>(new Receiver(std::move(impl)));
}

Status Staging::Receiver::append(std::string_view bytes) {
  Impl& impl = *impl_;
  if (!impl.incoming) return failed_precondition("the blob " + impl.sha256 + " is finished or has failed");
  if (bytes.size() > impl.size - impl.incoming->size) {
    return impl.wrong("is longer than the " + std::to_string(impl.size) + " bytes announced");
  }
  impl.hasher.update(bytes);
  Status appended = impl.incoming->append(bytes);
  return appended.ok() ? appended : impl.fail(std::move(appended));
}

Result<StagedBlob> Staging::Receiver::finish() {
  Impl& impl = *impl_;
  if (!impl.incoming) return failed_precondition("the blob " + impl.sha256 + " is finished or has failed");
  if (impl.incoming->size != impl.size) {
    return impl.wrong("ends after " + std::to_string(impl.incoming->size) + " of " + std::to_string(impl.size) +
                      " bytes");
  }
  auto blob = impl.staging.keep(*impl.incoming, impl.hasher.finish(), impl.sha256);
  impl.incoming.reset();
  return blob;
}

// ---- Blobs

Blobs::Blobs(Env& env, Index& index, std::string folder) : env_(env), index_(index), folder_(std::move(folder)) {}

Blobs::~Blobs() {
  if (!settling_.empty()) (void)settle();
}

Result<std::unique_ptr<Staging>> Blobs::stage() {
  std::string folder;
  {
    const MutexLock lock(mu_);
    folder = stage_folder() + "/" + std::to_string(next_stage_++);
  }
  RETURN_IF_ERROR(env_.make_folders(folder));
  return std::unique_ptr<Staging>(new Staging(*this, std::move(folder)));
}

bool Blobs::has(const ReadTxn& txn, const std::string& sha256) const {
  return kBlobs.has(txn, {sha256}) && !kLost.has(txn, {sha256});
}

Result<std::set<std::string>> Blobs::lost(const ReadTxn& txn) const {
  ASSIGN_OR_RETURN(const auto rows, kLost.keys(txn));
  std::set<std::string> all;
  for (const Key& key : rows) all.insert(key.front());
  return all;
}

Status Blobs::mark_lost(WriteTxn& txn, const std::string& sha256) { return kLost.put(txn, {sha256}, {}); }

Result<bool> Blobs::is_whole(const std::string& sha256) const {
  ASSIGN_OR_RETURN(const bool there, is_there(path(sha256)));
  if (!there) return false;
  return holds(path(sha256), sha256);
}

std::string Blobs::path(const std::string& sha256) const { return path_in(blobs_folder(), sha256); }

// A file that came whole stays as it is where anything is in the way.
void Blobs::share(const std::string& file, const std::string& sha256, uint64_t size) const {
  if (size < kWorthSharing) return;
  const std::string shared = file + ".shared";
  for (const std::string& folder : others_) {
    const std::string other = path_in(folder, sha256);
    const auto theirs = env_.open(other), ours = env_.open(file);
    if (!theirs.ok() || !ours.ok() || !same_bytes(**theirs, **ours)) continue;
    if (!env_.link(other, shared).ok()) continue;
    if (!env_.rename(shared, file).ok()) (void)env_.remove_file(shared);
    return;
  }
}

Result<std::shared_ptr<const ReadableFile>> Blobs::open(const std::string& sha256) const {
  if (!is_sha256(sha256)) return not_found("'" + sha256 + "' names no blob");
  ASSIGN_OR_RETURN(auto file, env_.open(path(sha256)));
  return std::shared_ptr<const ReadableFile>(std::move(file));
}

Status Blobs::refer(WriteTxn& txn, const v1::Manifest& manifest) {
  std::map<std::string, v1::BlobRecord> records;
  for (const auto& file : manifest.files()) {
    const std::string& sha256 = file.hash().sha256();
    if (!is_sha256(sha256)) return invalid_argument("'" + file.path() + "' has no SHA-256", "manifest");
    auto known = records.find(sha256);
    if (known == records.end()) {
      auto record = kBlobs.get(txn, {sha256});
      if (record.status().code() == Code::kNotFound) {
        return {Code::kAborted, "the content of '" + file.path() + "' is not in the store any more; try again"};
      }
      RETURN_IF_ERROR(record.status());
      known = records.emplace(sha256, *std::move(record)).first;
    }
    const v1::BlobRecord& record = known->second;
    const auto differs = [](const std::string& said, const std::string& is) { return !said.empty() && said != is; };
    if (file.size() != record.size() || differs(file.hash().sha1(), record.sha1()) ||
        differs(file.hash().md5(), record.md5())) {
      return invalid_argument("'" + file.path() + "' has not the size or the digests that its SHA-256 stands for",
                              "manifest");
    }
  }
  for (auto& [sha256, record] : records) {
    record.set_references(record.references() + 1);
    RETURN_IF_ERROR(kBlobs.put(txn, {sha256}, record));
  }
  return ok_status();
}

Status Blobs::drop(WriteTxn& txn, const v1::Manifest& manifest) {
  RETURN_IF_ERROR(erase_collected(txn));
  std::set<std::string> contents;
  for (const auto& file : manifest.files()) contents.insert(file.hash().sha256());
  std::vector<std::string> garbage;
  for (const std::string& sha256 : contents) {
    auto record = kBlobs.get(txn, {sha256});
    if (record.status().code() == Code::kNotFound) continue;
    RETURN_IF_ERROR(record.status());
    if (record->references() > 1) {
      record->set_references(record->references() - 1);
      RETURN_IF_ERROR(kBlobs.put(txn, {sha256}, *record));
      continue;
    }
    record->set_references(0);
    RETURN_IF_ERROR(kGarbage.put(txn, {sha256}, *record));
    RETURN_IF_ERROR(kBlobs.erase(txn, {sha256}));
    RETURN_IF_ERROR(kLost.erase(txn, {sha256}));
    if (is_sha256(sha256)) garbage.push_back(sha256);
  }
  if (!garbage.empty()) txn.after_commit([this, garbage = std::move(garbage)] { collect(garbage); });
  return ok_status();
}

// Unlinks what is garbage still: a later change of the same group may have published it again. On the committer's
// thread, so nothing changes between looking and unlinking.
void Blobs::collect(const std::vector<std::string>& garbage) {
  const ReadTxn txn = index_.read();
  for (const std::string& sha256 : garbage) {
    if (!kGarbage.has(txn, {sha256}) || kBlobs.has(txn, {sha256})) continue;
    const Status removed = env_.remove_file(path(sha256));
    if (!removed.ok() && removed.code() != Code::kNotFound) continue;  // the next start tries again
    const MutexLock lock(mu_);
    unlinked_[sha256] = {next_unlinked_++, false};
  }
}

// The rows of garbage that is gone for good.
Status Blobs::erase_collected(WriteTxn& txn) {
  std::vector<std::string> gone;
  {
    const MutexLock lock(mu_);
    for (const auto& [sha256, unlinked] : unlinked_) {
      if (unlinked.durable) gone.push_back(sha256);
    }
    // Forgotten now, not after the commit: a change further on in this group may make garbage of the same content,
    // and that row must stay. When the commit fails, the rows wait for the next start.
    for (const std::string& sha256 : gone) unlinked_.erase(sha256);
  }
  for (const std::string& sha256 : gone) RETURN_IF_ERROR(kGarbage.erase(txn, {sha256}));
  return ok_status();
}

// One barrier, and what waited for one.
Status Blobs::settle() {
  std::vector<std::string> folders;
  std::vector<std::pair<std::string, uint64_t>> unlinked;
  {
    const MutexLock lock(mu_);
    folders.swap(settling_);
    for (const auto& [sha256, u] : unlinked_) {
      if (!u.durable) unlinked.emplace_back(sha256, u.number);
    }
  }
  Status status = env_.barrier(folder_);
  {
    const MutexLock lock(mu_);
    if (!status.ok()) {
      settling_.insert(settling_.end(), folders.begin(), folders.end());
      return status;
    }
    for (const auto& [sha256, number] : unlinked) {
      const auto found = unlinked_.find(sha256);
      if (found != unlinked_.end() && found->second.number == number) found->second.durable = true;
    }
  }
  for (const std::string& folder : folders) (void)env_.remove_tree(folder);
  return status;
}

// ---- after a crash

Result<std::vector<Blobs::Intent>> Blobs::intents() const {
  std::vector<Intent> intents;
  const auto folders = env_.list(stage_folder());
  if (folders.status().code() == Code::kNotFound) return intents;
  RETURN_IF_ERROR(folders.status());
  for (const auto& folder : *folders) {
    const std::string path = stage_folder() + "/" + folder.name;
    if (folder.type != FileType::kFolder) continue;
    ASSIGN_OR_RETURN(const auto entries, env_.list(path));
    for (const auto& entry : entries) {
      if (!entry.name.starts_with(kListName)) continue;
      ASSIGN_OR_RETURN(const std::string list, read_file(env_, path + "/" + entry.name, kMaxList));
      for (std::string_view line : split(list, '\n')) {
        // A list that a power cut tore was not relied on: no rename came after it.
        const auto parts = split(line, ' ');
        if (parts.size() != 2 || !parse_u64(parts[0]) || !is_sha256(parts[1])) continue;
        intents.push_back({std::string(parts[1]), path + "/" + std::string(parts[0])});
      }
    }
  }
  return intents;
}

Result<bool> Blobs::is_there(const std::string& file) const {
  const Status looked = env_.info(file).status();
  if (!looked.ok() && looked.code() != Code::kNotFound) return looked;
  return looked.ok();
}

Result<bool> Blobs::holds(const std::string& file, const std::string& sha256) const {
  ASSIGN_OR_RETURN(const auto opened, env_.open(file));
  Hasher hasher(Algorithm::kSha256);
  std::vector<char> buffer(kBuffer);
  for (uint64_t at = 0;;) {
    ASSIGN_OR_RETURN(const size_t n, opened->pread(at, buffer));
    if (n == 0) break;
    hasher.update({buffer.data(), n});
    at += n;
  }
  return to_hex(hasher.finish()) == sha256;
}

// Finishes a rename that the index relies on. The staged file is looked at first: another staging may have held the
// same content without having made it durable. A file under the final name is what the rename should have replaced only
// where a damaged content came again.
Status Blobs::restore(const Intent& intent) {
  const std::string to = path(intent.sha256);
  ASSIGN_OR_RETURN(const bool staged, is_there(intent.staged));
  if (!staged) return ok_status();
  ASSIGN_OR_RETURN(const bool there, is_there(to));
  if (there) {
    ASSIGN_OR_RETURN(const bool renamed, holds(to, intent.sha256));
    if (renamed) return ok_status();
  }
  ASSIGN_OR_RETURN(const bool whole, holds(intent.staged, intent.sha256));
  if (!whole) return ok_status();
  RETURN_IF_ERROR(env_.make_folders(to.substr(0, to.rfind('/'))));
  return env_.rename(intent.staged, to);
}

Status Blobs::sweep(WriteTxn& txn) {
  ASSIGN_OR_RETURN(const auto intents, this->intents());
  std::vector<std::string> gone;
  for (const Intent& intent : intents) {
    if (!kBlobs.has(txn, {intent.sha256})) {
      gone.push_back(intent.sha256);
    } else if (Status s = restore(intent); !s.ok()) {
      return s.prefixed("cannot finish what a crash cut short");
    }
  }
  ASSIGN_OR_RETURN(const auto rows, kGarbage.keys(txn));
  for (const Key& row : rows) {
    // A damaged key must not name a file outside.
    if (is_sha256(row.front()) && !kBlobs.has(txn, row)) gone.push_back(row.front());
  }
  for (const std::string& sha256 : gone) {
    const Status removed = env_.remove_file(path(sha256));
    if (!removed.ok() && removed.code() != Code::kNotFound) return removed;
  }
  const bool staged = env_.info(stage_folder()).ok();
  if (rows.empty() && !staged) return ok_status();
  // Before the lists and rows that tell of it go.
  RETURN_IF_ERROR(env_.barrier(folder_));
  for (const Key& row : rows) RETURN_IF_ERROR(kGarbage.erase(txn, row));
  return env_.remove_tree(stage_folder());
}

}  // namespace smslab::store
