#include "store/fsck.h"

#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "store/manifest.h"

namespace smslab::store {
namespace {

using Contents = std::map<std::string, v1::BlobRecord>;  // by SHA-256

std::string name_of(const Key& key) {  // "LON00001 version 3"
  std::string name = key.front();
  if (key.size() > 1) {
    const auto raw = from_hex(key[1]);
    uint64_t n = 0;
    for (const char c : raw.value_or("")) n = n << 8 | static_cast<unsigned char>(c);
    name += " version " + std::to_string(n);
  }
  return name;
}

class Check {
 public:
  Check(Env& env, Index& index, const Blobs& blobs) : env_(env), index_(index), blobs_(blobs) {}

  // What a crash left for the next start to finish or to remove is no damage.
  Status allow_for_a_crash() {
    ASSIGN_OR_RETURN(const auto intents, blobs_.intents());
    for (const auto& intent : intents) staged_.emplace(intent.sha256, intent.staged);
    return ok_status();
  }

  // `settled` runs a function while no change is half done.
  using Settled = std::function<Status(const std::function<void(const ReadTxn&)>&)>;

  Result<v1::FsckReply> run(const Settled& settled) {
    {
      const ReadTxn txn = index_.read();
      RETURN_IF_ERROR(read_records(txn));
      RETURN_IF_ERROR(read_manifests(txn));
      RETURN_IF_ERROR(read_contents(txn));
    }
    count_references();
    for (const Key& key : manifests_) RETURN_IF_ERROR(check_one(key));
    for (const auto& [sha256, record] : records_) check_blob(sha256, record);
    RETURN_IF_ERROR(find_orphans(settled));
    return std::move(report_);
  }

 private:
  void problem(std::string text) { report_.add_problems(std::move(text)); }

  // Table::each would end at the first damaged record; here every other one counts as well.
  template <class Record>
  static Status each(const ReadTxn& txn, const Table<Record>& table,
                     const std::function<void(const Key&, std::string_view bytes, const Record*)>& visit) {
    return txn.scan(join_key(table.name(), {""}), [&](std::string_view key, std::string_view bytes) {
      Record record;
      const bool whole = record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
      visit(split_key(table.name(), key), bytes, whole ? &record : nullptr);
      return true;
    });
  }

  Status read_records(const ReadTxn& txn) {
    RETURN_IF_ERROR(
        each<v1::BlobRecord>(txn, kGarbage, [&](const Key& key, auto, auto) { garbage_.insert(key.front()); }));
    return each<v1::BlobRecord>(txn, kBlobs, [&](const Key& key, auto, const v1::BlobRecord* record) {
      if (record == nullptr) problem("blob " + key.front() + ": its record is damaged");
      records_.emplace(key.front(), record == nullptr ? v1::BlobRecord() : *record);
    });
  }

  Status read_manifests(const ReadTxn& txn) {
    return each<v1::Manifest>(txn, kManifests, [&](const Key& key, auto bytes, const v1::Manifest* manifest) {
      if (manifest == nullptr) {
        problem("manifest " + name_of(key) + ": its record is damaged");
        return;
      }
      manifests_.push_back(key);
      digests_[key] = digest_hex(Algorithm::kSha256, bytes);
      if (key != manifest_key(manifest->package_id(), manifest->version())) {
        problem("manifest " + name_of(key) + ": holds " + manifest->package_id() + " version " +
                std::to_string(manifest->version()));
      }
      std::set<std::string_view> contents;
      for (const auto& file : manifest->files()) {
        const std::string& sha256 = file.hash().sha256();
        if (!contents.insert(sha256).second) continue;
        references_[sha256]++;
        const auto record = records_.find(sha256);
        if (record == records_.end()) {
          problem("manifest " + name_of(key) + ": '" + file.path() + "' names the blob " + sha256 +
                  ", which has no record");
        } else if (file.size() != record->second.size()) {
          problem("manifest " + name_of(key) + ": '" + file.path() + "' has " + std::to_string(file.size()) +
                  " bytes, its blob " + std::to_string(record->second.size()));
        }
      }
    });
  }

  Status read_contents(const ReadTxn& txn) {
    return each<v1::DpContent>(txn, kDpContents, [&](const Key& key, auto, const v1::DpContent* content) {
      if (content == nullptr) {
        problem("content " + name_of(key) + ": its record is damaged");
        return;
      }
      if (content->version() == 0) return;  // taken away; the row keeps its generation
      const auto digest = digests_.find(manifest_key(content->package_id(), content->version()));
      const std::string what = "content " + name_of(key) + " version " + std::to_string(content->version());
      if (digest == digests_.end()) {
        problem(what + ": its manifest is missing");
      } else if (!content->manifest_digest().empty() && content->manifest_digest() != digest->second) {
        problem(what + ": its manifest is altered");
      }
    });
  }

  void count_references() {
    for (const auto& [sha256, record] : records_) {
      const uint64_t named = references_[sha256];
      if (record.references() != named) {
        problem("blob " + sha256 + ": " + std::to_string(record.references()) + " references recorded, " +
                std::to_string(named) + " manifests name it");
      }
    }
  }

  // By itself, in a short transaction of its own: hashing the tree of a large package takes a second.
  Status check_one(const Key& key) {
    const auto manifest = kManifests.get(index_.read(), key);
    if (manifest.status().code() == Code::kNotFound) return ok_status();  // dropped meanwhile
    RETURN_IF_ERROR(manifest.status());
    report_.set_manifests(report_.manifests() + 1);
    if (const Status s = check_manifest(*manifest); !s.ok()) {
      problem("manifest " + name_of(key) + ": altered: " + s.message());
    }
    return ok_status();
  }

  void check_blob(const std::string& sha256, const v1::BlobRecord& record) {
    const std::string wrong = what_is_wrong(sha256, record);
    if (!wrong.empty() && blobs_.has(index_.read(), sha256)) problem("blob " + sha256 + ": " + wrong);
  }

  std::string what_is_wrong(const std::string& sha256, const v1::BlobRecord& record) {
    Result<std::shared_ptr<const ReadableFile>> file = blobs_.open(sha256);
    const auto staged = staged_.find(sha256);
    if (file.status().code() == Code::kNotFound && staged != staged_.end()) {
      if (auto there = env_.open(staged->second); there.ok())
        file = std::shared_ptr<const ReadableFile>(*std::move(there));
    }
    if (file.status().code() == Code::kNotFound) return "its file is missing";
    if (!file.ok()) return "cannot be read: " + file.status().message();
    buffer_.resize(size_t{256} << 10);
    ContentHasher hasher;
    uint64_t size = 0;
    while (true) {
      const auto n = (*file)->pread(size, buffer_);
      if (!n.ok()) return "cannot be read: " + n.status().message();
      if (*n == 0) break;
      hasher.update({buffer_.data(), *n});
      size += *n;
    }
    report_.set_blobs(report_.blobs() + 1);
    report_.set_bytes(report_.bytes() + size);
    const ContentDigests is = hasher.finish();
    if (is.sha256 != sha256) {
      return "altered: " + std::to_string(size) + " bytes with SHA-256 " + is.sha256 + ", should be " +
             std::to_string(record.size()) + " bytes";
    }
    if (size != record.size() || is.sha1 != record.sha1() || is.md5 != record.md5()) {
      return "its record does not match its bytes";
    }
    return {};
  }

  Status find_orphans(const Settled& settled) {
    std::map<std::string, std::string> unknown;  // file name -> path
    const auto folders = env_.list(blobs_.blobs_folder());
    if (folders.status().code() == Code::kNotFound) return ok_status();
    RETURN_IF_ERROR(folders.status());
    for (const auto& folder : *folders) {
      const std::string path = blobs_.blobs_folder() + "/" + folder.name;
      std::vector<FolderEntry> files{{"", FileType::kFile}};
      if (folder.type == FileType::kFolder) {
        ASSIGN_OR_RETURN(files, env_.list(path));
      }
      for (const auto& file : files) {
        const std::string at = file.name.empty() ? path : path + "/" + file.name;
        if (at == blobs_.path(file.name) && known(file.name)) continue;
        unknown.emplace(at, file.name);
      }
    }
    if (unknown.empty()) return ok_status();
    // A publication may be under way: looked at again once it is over.
    std::vector<std::string> orphans;
    RETURN_IF_ERROR(settled([&](const ReadTxn& txn) {
      orphans.clear();
      for (const auto& [path, name] : unknown) {
        const bool expected = path == blobs_.path(name) && (blobs_.has(txn, name) || kGarbage.has(txn, {name}));
        if (!expected && env_.link_info(path).ok()) orphans.push_back(path);
      }
    }));
    for (const std::string& path : orphans) problem("orphan: no record names the file " + path);
    return ok_status();
  }

  bool known(const std::string& sha256) const {
    return records_.contains(sha256) || garbage_.contains(sha256) || staged_.contains(sha256);
  }

  Env& env_;
  Index& index_;
  const Blobs& blobs_;
  v1::FsckReply report_;
  Contents records_;
  std::set<std::string> garbage_;
  std::map<std::string, std::string> staged_;  // intents: SHA-256 -> path
  std::vector<Key> manifests_;
  std::map<Key, std::string> digests_;          // of the manifests' bytes
  std::map<std::string, uint64_t> references_;  // SHA-256 -> manifests that name it
  std::vector<char> buffer_;
};

}  // namespace

Result<v1::FsckReply> fsck(Env& env, const std::string& folder, const std::string& lab) {
  // Before the lock, which would leave a file in a folder that is no store.
  if (!posix_env().info(folder + "/index/data.mdb").ok()) return not_found("there is no smslab store in " + folder);
  ASSIGN_OR_RETURN(const auto lock, env.lock_folder(folder));
  ASSIGN_OR_RETURN(const auto index, Index::open(folder + "/index", lab, Index::Mode::kReadOnly));
  const Blobs blobs(env, *index, folder);
  Check check(env, *index, blobs);
  RETURN_IF_ERROR(check.allow_for_a_crash());
  return check.run([&](const std::function<void(const ReadTxn&)>& look) {
    look(index->read());
    return ok_status();
  });
}

Result<v1::FsckReply> fsck(Store& store) {
  return Check(store.env(), store.index(), store.blobs()).run([&](const std::function<void(const ReadTxn&)>& look) {
    return store.commit([&](WriteTxn& txn) {
      look(txn);
      return ok_status();
    });
  });
}

}  // namespace smslab::store
