#include "store/check.h"

#include <array>
#include <utility>

#include "proto/base/text.h"
#include "store/manifest.h"

namespace smslab::store {
namespace {

constexpr size_t kPiece = size_t{256} << 10;

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

std::string words_of(std::string_view table, const Key& key) {
  std::string words = "record '" + std::string(table);
  for (const std::string& part : key) words += " " + part;
  return words + "'";
}

template <class Record>
bool parses(std::string_view bytes, Record* record) {
  return record->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

// Those whose damage has words of its own.
bool is_looked_at_elsewhere(std::string_view table) {
  return table == kBlobs.name() || table == kManifests.name() || table == kDpContents.name() ||
         table == kGarbage.name() || table == kLost.name();  // the last two: nobody reads their records
}

}  // namespace

Status Check::run(const Settled& settled) {
  if (mode_ == Mode::kAtRest) RETURN_IF_ERROR(look_for_leftovers());
  {
    const ReadTxn txn = index_.read();
    RETURN_IF_ERROR(parse_everything(txn));
    RETURN_IF_ERROR(read_records(txn));
    RETURN_IF_ERROR(read_manifests(txn));
    RETURN_IF_ERROR(read_contents(txn));
    RETURN_IF_ERROR(read_packages(txn));
    RETURN_IF_ERROR(follow_pointers(txn));
  }
  count_references();
  for (const Key& key : manifests_) RETURN_IF_ERROR(check_manifest_alone(key));
  for (const auto& [sha256, record] : records_) check_blob(sha256, record);
  return find_orphans(settled);
}

v1::FsckReply Check::report() const {
  v1::FsckReply report = counts_;
  for (const Damage& damage : damages_) report.add_problems(damage.text);
  return report;
}

void Check::found(Damage::Kind kind, std::string name, Key key, std::string text) {
  if (kind == Damage::Kind::kManifest || kind == Damage::Kind::kContent) manifests_known_ = false;
  damages_.push_back({kind, std::move(name), std::move(key), std::move(text)});
}

Status Check::each_row(const ReadTxn& txn, std::string_view table, const RawVisit& visit) const {
  return txn.scan(join_key(table, {""}), [&](std::string_view key, std::string_view bytes) {
    visit(split_key(table, key), bytes);
    return true;
  });
}

Status Check::look_for_leftovers() {
  ASSIGN_OR_RETURN(const auto intents, blobs_.intents());
  for (const auto& intent : intents) staged_.emplace(intent.sha256, intent.staged);
  const auto stagings = env_.list(blobs_.stage_folder());
  if (stagings.status().code() == Code::kNotFound) return ok_status();
  RETURN_IF_ERROR(stagings.status());
  for (const auto& staging : *stagings) {
    counts_.add_leftovers("staging: " + blobs_.stage_folder() + "/" + staging.name);
  }
  return ok_status();
}

Status Check::parse_everything(const ReadTxn& txn) {
  std::set<std::string_view> tables;
  Status status;
  for_each_table([&]<class Record>(const Table<Record>& table) {
    tables.insert(table.name());
    if (!status.ok() || is_looked_at_elsewhere(table.name())) return;
    status = each_row(txn, table.name(), [&](const Key& key, std::string_view bytes) {
      Record record;
      if (parses(bytes, &record)) return;
      found(Damage::Kind::kRecord, std::string(table.name()), key, words_of(table.name(), key) + ": it is damaged");
    });
  });
  RETURN_IF_ERROR(status);
  return txn.scan("", [&](std::string_view key, std::string_view) {
    const std::string_view table = key.substr(0, key.find('\0'));
    if (!tables.contains(table)) {
      const Key parts = split_key(table, key);
      found(Damage::Kind::kRecord, std::string(table), parts, words_of(table, parts) + ": there is no such table");
    }
    return true;
  });
}

// Rows that say nothing by themselves.
Status Check::follow_pointers(const ReadTxn& txn) {
  const auto follow = [&](const auto& table, const auto& points_at) {
    return each_row(txn, table.name(), [&](const Key& key, std::string_view bytes) {
      if (points_at(key, bytes)) return;
      found(Damage::Kind::kPointer, std::string(table.name()), key,
            words_of(table.name(), key) + ": what it points at is not there");
    });
  };
  const auto to_client = [&](const Key&, std::string_view bytes) {
    v1::Client client;
    return !parses(bytes, &client) || kClients.has(txn, {client.name()});
  };
  const auto to_collection = [&](const Key&, std::string_view bytes) {
    v1::Collection collection;
    return !parses(bytes, &collection) || kCollections.has(txn, {ascii_upper(collection.name())});
  };
  const auto to_message = [&](const Key& key, std::string_view) { return kStatusMessages.has(txn, {key.back()}); };
  RETURN_IF_ERROR(follow(kClientBySmsid, to_client));
  RETURN_IF_ERROR(follow(kClientByKey, to_client));
  RETURN_IF_ERROR(follow(kCollectionById, to_collection));
  RETURN_IF_ERROR(follow(kStatusByPackage, to_message));
  RETURN_IF_ERROR(follow(kStatusByAdvert, to_message));
  return follow(kStatusByClient, to_message);
}

Status Check::read_records(const ReadTxn& txn) {
  ASSIGN_OR_RETURN(const auto garbage, kGarbage.keys(txn));
  for (const Key& key : garbage) garbage_.insert(key.front());
  ASSIGN_OR_RETURN(lost_, blobs_.lost(txn));
  return each_row(txn, kBlobs.name(), [&](const Key& key, std::string_view bytes) {
    v1::BlobRecord record;
    if (!parses(bytes, &record)) {
      found(Damage::Kind::kBlob, key.front(), key, "blob " + key.front() + ": its record is damaged");
      unreadable_records_.insert(key.front());
      record.Clear();
    }
    records_.emplace(key.front(), std::move(record));
  });
}

Status Check::read_manifests(const ReadTxn& txn) {
  return each_row(txn, kManifests.name(), [&](const Key& key, std::string_view bytes) {
    v1::Manifest manifest;
    if (!parses(bytes, &manifest)) {
      found(Damage::Kind::kManifest, {}, key, "manifest " + name_of(key) + ": its record is damaged");
      return;
    }
    manifests_.push_back(key);
    digests_[key] = digest_hex(Algorithm::kSha256, bytes);
    read_manifest(key, manifest);
  });
}

void Check::read_manifest(const Key& key, const v1::Manifest& manifest) {
  const std::string what = "manifest " + name_of(key) + ": ";
  if (key != manifest_key(manifest.package_id(), manifest.version())) {
    found(Damage::Kind::kManifest, {}, key,
          what + "holds " + manifest.package_id() + " version " + std::to_string(manifest.version()));
  }
  std::set<std::string_view> contents;
  for (const auto& file : manifest.files()) {
    const std::string& sha256 = file.hash().sha256();
    if (!contents.insert(sha256).second) continue;
    Named& named = named_[sha256];
    if (named.manifests++ == 0) named.file = file;
    const auto record = records_.find(sha256);
    if (record == records_.end()) {
      found(Damage::Kind::kBlob, sha256, key,
            what + "'" + file.path() + "' names the blob " + sha256 + ", which has no record");
    } else if (file.size() != record->second.size() && !unreadable_records_.contains(sha256)) {
      found(Damage::Kind::kBlob, sha256, key,
            what + "'" + file.path() + "' has " + std::to_string(file.size()) + " bytes, its blob " +
                std::to_string(record->second.size()));
    }
  }
}

Status Check::read_contents(const ReadTxn& txn) {
  return each_row(txn, kDpContents.name(), [&](const Key& key, std::string_view bytes) {
    v1::DpContent content;
    if (!parses(bytes, &content)) {
      found(Damage::Kind::kRecord, std::string(kDpContents.name()), key,
            "content " + name_of(key) + ": its record is damaged");
      return;
    }
    if (content.version() == 0) return;  // taken away; the row keeps its generation
    const Key manifest = manifest_key(content.package_id(), content.version());
    const auto digest = digests_.find(manifest);
    const std::string what = "content " + name_of(key) + " version " + std::to_string(content.version());
    if (digest == digests_.end()) {
      found(Damage::Kind::kContent, {}, manifest, what + ": its manifest is missing");
    } else if (!content.manifest_digest().empty() && content.manifest_digest() != digest->second) {
      found(Damage::Kind::kContent, {}, manifest, what + ": its manifest is altered");
    }
  });
}

Status Check::read_packages(const ReadTxn& txn) {
  return each_row(txn, kPackages.name(), [&](const Key& key, std::string_view bytes) {
    v1::Package package;
    if (!parses(bytes, &package) || package.source_version() == 0) return;
    const Key manifest = manifest_key(package.id(), package.source_version());
    if (digests_.contains(manifest)) return;
    found(Damage::Kind::kContent, {}, manifest,
          "package " + name_of(key) + " version " + std::to_string(package.source_version()) +
              ": its manifest is missing");
  });
}

void Check::count_references() {
  for (const auto& [sha256, record] : records_) {
    const auto named = named_.find(sha256);
    const uint64_t manifests = named == named_.end() ? 0 : named->second.manifests;
    if (record.references() == manifests || unreadable_records_.contains(sha256)) continue;
    found(Damage::Kind::kBlob, sha256, {sha256},
          "blob " + sha256 + ": " + std::to_string(record.references()) + " references recorded, " +
              std::to_string(manifests) + " manifests name it");
  }
}

// By itself, in a short transaction of its own: hashing the tree of a large package takes a second.
Status Check::check_manifest_alone(const Key& key) {
  const auto manifest = kManifests.get(index_.read(), key);
  if (manifest.status().code() == Code::kNotFound) return ok_status();  // dropped meanwhile
  RETURN_IF_ERROR(manifest.status());
  counts_.set_manifests(counts_.manifests() + 1);
  if (const Status s = check_manifest(*manifest); !s.ok()) {
    found(Damage::Kind::kManifest, {}, key, "manifest " + name_of(key) + ": altered: " + s.message());
  }
  return ok_status();
}

void Check::check_blob(const std::string& sha256, const v1::BlobRecord& record) {
  const std::string wrong = what_is_wrong(sha256, record);
  if (wrong.empty() || !kBlobs.has(index_.read(), {sha256})) return;
  found(Damage::Kind::kBlob, sha256, {sha256},
        "blob " + sha256 + ": " + wrong + std::string(lost_.contains(sha256) ? kComesAgain : ""));
}

std::string Check::what_is_wrong(const std::string& sha256, const v1::BlobRecord& record) {
  Result<std::shared_ptr<const ReadableFile>> file = blobs_.open(sha256);
  const auto staged = staged_.find(sha256);
  if (file.status().code() == Code::kNotFound && staged != staged_.end()) {
    if (auto there = env_.open(staged->second); there.ok())
      file = std::shared_ptr<const ReadableFile>(*std::move(there));
  }
  if (file.status().code() == Code::kNotFound) return "its file is missing";
  if (!file.ok()) return "cannot be read: " + file.status().message();
  buffer_.resize(kPiece);
  ContentHasher hasher;
  uint64_t size = 0;
  while (true) {
    const auto n = (*file)->pread(size, buffer_);
    if (!n.ok()) return "cannot be read: " + n.status().message();
    if (*n == 0) break;
    hasher.update({buffer_.data(), *n});
    size += *n;
  }
  counts_.set_blobs(counts_.blobs() + 1);
  counts_.set_bytes(counts_.bytes() + size);
  const ContentDigests is = hasher.finish();
  if (is.sha256 != sha256) {
    return "altered: " + std::to_string(size) + " bytes with SHA-256 " + is.sha256 + ", should be " +
           std::to_string(record.size()) + " bytes";
  }
  const bool right = size == record.size() && is.sha1 == record.sha1() && is.md5 == record.md5();
  return right || unreadable_records_.contains(sha256) ? "" : "its record does not match its bytes";
}

Status Check::find_orphans(const Settled& settled) {
  std::map<std::string, std::string> unknown;  // path -> file name
  const auto folders = env_.list(blobs_.blobs_folder());
  if (folders.status().code() == Code::kNotFound) return ok_status();
  RETURN_IF_ERROR(folders.status());
  for (const auto& folder : *folders) {
    const std::string path = blobs_.blobs_folder() + "/" + folder.name;
    std::vector<FolderEntry> files{{"", FileType::kFile}};
    // A link to a folder elsewhere is somebody's way to more room.
    if (const auto info = env_.info(path); info.ok() && info->type == FileType::kFolder) {
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
      const bool expected = path == blobs_.path(name) && (kBlobs.has(txn, {name}) || kGarbage.has(txn, {name}));
      if (!expected && env_.link_info(path).ok()) orphans.push_back(path);
    }
  }));
  for (const std::string& path : orphans) {
    found(Damage::Kind::kOrphan, path, {}, "orphan: no record names the file " + path);
  }
  return ok_status();
}

bool Check::known(const std::string& sha256) const {
  return records_.contains(sha256) || garbage_.contains(sha256) || staged_.contains(sha256);
}

}  // namespace smslab::store
