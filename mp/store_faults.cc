#include "mp/store_faults.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "mp/old_versions.h"
#include "proto/base/names.h"
#include "proto/fault/damage.h"
#include "proto/fault/plan.h"
#include "store/manifest.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using Foretelling = Result<std::optional<v1::Foretold>>;

// The package that a rule names, in the version it names, else the current one.
struct Subject {
  const Site& site;
  const v1::FaultRule& rule;
  v1::Manifest manifest;

  // The one file that match.file spells out; nullptr when it stands for several, or for none.
  const v1::FileEntry* file() const {
    const std::string& name = rule.match().file();
    if (name.empty() || fault::is_glob(name)) return nullptr;
    const auto at = std::ranges::find_if(
        manifest.files(), [&](const v1::FileEntry& one) { return fault::glob_matches(name, one.path()); });
    return at == manifest.files().end() ? nullptr : &*at;
  }
  bool meant(const v1::FileEntry& one) const {
    return rule.match().file().empty() || fault::glob_matches(rule.match().file(), one.path());
  }
  // The files that `match` leaves over.
  template <class Wanted>
  bool any(Wanted wanted) const {
    return std::ranges::any_of(manifest.files(), [&](const v1::FileEntry& one) { return meant(one) && wanted(one); });
  }
  std::string name() const { return manifest.package_id() + "." + std::to_string(manifest.version()); }
};

v1::Foretold with_status(uint32_t status) {
  v1::Foretold foretold;
  foretold.set_status(status);
  return foretold;
}

v1::Foretold with_package(const v1::Manifest& seen) {
  v1::Foretold foretold;
  *foretold.mutable_package() = store::package_hash(seen);
  return foretold;
}

// What a client has that takes all that is listed.
template <class Drop>
v1::Manifest without(v1::Manifest manifest, Drop drop) {
  auto& files = *manifest.mutable_files();
  files.erase(std::remove_if(files.begin(), files.end(), drop), files.end());
  return manifest;
}

Foretelling foretell_missing(const Subject& subject) {
  const auto from = subject.rule.missing_file().from();
  const auto meant = [&](const v1::FileEntry& file) { return subject.meant(file); };
  v1::Foretold foretold;
  if (from != v1::MissingFile::CONTENT) foretold = with_package(without(subject.manifest, meant));
  if (from != v1::MissingFile::LISTING) foretold.set_status(404);
  return std::optional(std::move(foretold));
}

Foretelling foretell_extra(const Subject& subject) {
  const std::string& extra = subject.rule.extra_file().file();
  const auto same = [&](const v1::FileEntry& file) { return fold_name(file.path()) == fold_name(extra); };
  if (std::ranges::any_of(subject.manifest.files(), same)) {
    return invalid_argument("'" + extra + "' is in " + subject.name() + " already", "extraFile.file");
  }
  return std::optional(with_status(404));
}

Foretelling foretell_wrong_size(const Subject& subject) {
  const v1::WrongSize& how = subject.rule.wrong_size();
  const bool changes =
      subject.any([&](const v1::FileEntry& file) { return fault::wrong_size_of(how, file.size()) != file.size(); });
  if (changes) return std::optional<v1::Foretold>();
  return invalid_argument("that is its size in " + subject.name(), how.has_size() ? "wrongSize.size" : "wrongSize.by");
}

Foretelling foretell_empty(const Subject& subject) {
  if (!subject.rule.match().file().empty()) return std::optional<v1::Foretold>();  // a folder in it
  return std::optional(with_package({}));
}

Foretelling foretell_hidden(const Subject& subject) {
  const auto hidden = [&](const v1::FileEntry& file) { return file.hidden() && subject.meant(file); };
  if (!subject.any(hidden)) {
    return invalid_argument("no such file of " + subject.name() + " is hidden",
                            subject.rule.match().file().empty() ? "match.package" : "match.file");
  }
  return std::optional(with_package(without(subject.manifest, hidden)));
}

Foretelling foretell_filtering(const Subject& subject) {
  const v1::RequestFiltering& filter = subject.rule.request_filtering();
  if (subject.any([&](const v1::FileEntry& file) { return fault::is_filtered(filter, file.path()); })) {
    return std::optional(with_status(404));
  }
  return invalid_argument("no such file of " + subject.name() + " would be refused", "requestFiltering");
}

Foretelling foretell_eio(const Subject& subject) {
  const v1::Eio& eio = subject.rule.eio();
  if (!subject.any([&](const v1::FileEntry& file) { return file.size() > eio.offset(); })) {
    return invalid_argument("no such file of " + subject.name() + " has this byte", "eio.offset");
  }
  const v1::FileEntry* file = subject.file();
  const std::string& dp = subject.rule.match().dp();
  v1::Foretold foretold;
  if (eio.has_offset()) {
    foretold.set_bytes(eio.offset());
  } else if (file != nullptr && !dp.empty()) {
    foretold.set_bytes(fault::eio_offset(subject.site.random.seed(), subject.rule.id(), dp,
                                         subject.manifest.package_id(), file->path(), file->size()));
  } else {
    return std::optional<v1::Foretold>();
  }
  return std::optional(std::move(foretold));
}

// ---- other versions
using ByPath = std::map<std::string, const v1::FileEntry*>;  // folded
ByPath by_path(const v1::Manifest& manifest) {
  ByPath files;
  for (const auto& file : manifest.files()) files[fold_name(file.path())] = &file;
  return files;
}

Result<std::shared_ptr<const fault::PackageVersion>> older(const Subject& subject, uint32_t wanted,
                                                           const std::string& field) {
  const uint32_t version = wanted != 0 ? wanted : subject.manifest.version() - 1;
  if (version == 0) return not_found(subject.name() + " is the first version: there is none before it", field);
  if (version == subject.manifest.version()) return invalid_argument("that is the version itself", field);
  auto found = old_version(subject.site.store, subject.manifest.package_id(), version);
  if (found.status().code() != Code::kNotFound) return found;
  return not_found("the site keeps no version " + std::to_string(version) + " of " + subject.manifest.package_id() +
                       "; it has the current one and the five before it",
                   field);
}

// `listed` with the bytes that `has` has under its names, where `meant`; false: there is a name without bytes.
bool with_bytes_of(const v1::Manifest& has, const std::function<bool(const v1::FileEntry&)>& meant,
                   v1::Manifest* listed) {
  const ByPath bytes = by_path(has);
  for (auto& file : *listed->mutable_files()) {
    if (!meant(file)) continue;
    const auto at = bytes.find(fold_name(file.path()));
    if (at == bytes.end()) return false;
    *file.mutable_hash() = at->second->hash();
  }
  return true;
}

// All of it, or the bytes of some files.
Foretelling foretell_old(const Subject& subject, const v1::Manifest& old, bool listing_too, const std::string& field) {
  v1::Manifest seen = listing_too ? old : subject.manifest;
  const bool whole = listing_too || with_bytes_of(
                                        old, [&](const v1::FileEntry& file) { return subject.meant(file); }, &seen);
  if (!whole) return std::optional(with_status(404));
  v1::Foretold foretold = with_package(seen);
  if (foretold.package().sha256() == subject.manifest.hash().sha256()) {
    return invalid_argument("version " + std::to_string(old.version()) + " is the same there", field);
  }
  if (const v1::FileEntry* file = subject.file(); file != nullptr) {
    *foretold.mutable_file() = by_path(seen).at(fold_name(file->path()))->hash();
  }
  return std::optional(std::move(foretold));
}

// The old names, with the bytes that stand behind them now.
Foretelling foretell_old_listing(const Subject& subject, const v1::Manifest& old, const std::string& field) {
  v1::Manifest seen = old;
  const bool whole = with_bytes_of(
      subject.manifest, [](const v1::FileEntry&) { return true; }, &seen);
  const auto lists = [](const v1::Manifest& manifest) {
    std::map<std::string, uint64_t> files;
    for (const auto& file : manifest.files()) files[file.path()] = file.size();
    return files;
  };
  if (lists(old) == lists(subject.manifest)) {
    return invalid_argument("version " + std::to_string(old.version()) + " lists the same names and sizes", field);
  }
  return std::optional(whole ? with_package(seen) : with_status(404));
}

Foretelling foretell_beginning(const Subject& subject, const fault::PackageVersion& old) {
  const v1::FileEntry* file = subject.file();
  if (file == nullptr) return std::optional<v1::Foretold>();
  const ByPath before = by_path(old.manifest);
  const auto at = before.find(fold_name(file->path()));
  const v1::TornRefresh& torn = subject.rule.torn_refresh();
  const uint64_t wanted = torn.has_offset() ? torn.offset() : file->size() / 2;
  const uint64_t end = at == before.end() ? 0 : std::min({wanted, at->second->size(), file->size()});
  if (wanted > file->size()) return invalid_argument("'" + file->path() + "' is shorter", "tornRefresh.offset");
  v1::Foretold foretold;
  if (end > 0) {
    ASSIGN_OR_RETURN(const auto was, old.open(at->second->hash().sha256()));
    ASSIGN_OR_RETURN(const auto is, subject.site.store.blobs().open(file->hash().sha256()));
    std::optional<uint64_t> first_wrong;
    std::string old_bytes;
    const auto read = [&](uint64_t offset, std::span<char> into) -> Status {
      ASSIGN_OR_RETURN(const size_t got, is->pread(offset, into));
      if (got != into.size()) return Status(Code::kDataLoss, "the stored bytes are too few");
      if (offset >= end) return ok_status();
      old_bytes.resize(std::min<uint64_t>(into.size(), end - offset));
      ASSIGN_OR_RETURN(const size_t older_got, was->pread(offset, old_bytes));
      if (older_got != old_bytes.size()) return Status(Code::kDataLoss, "the stored bytes are too few");
      const auto differs = std::mismatch(old_bytes.begin(), old_bytes.end(), into.begin()).first;
      if (!first_wrong && differs != old_bytes.end()) {
        first_wrong = offset + static_cast<uint64_t>(differs - old_bytes.begin());
      }
      std::ranges::copy(old_bytes, into.begin());
      return ok_status();
    };
    ASSIGN_OR_RETURN(*foretold.mutable_file(), fault::hash_file(file->size(), read));
    if (first_wrong) {
      v1::Manifest seen = subject.manifest;
      for (auto& one : *seen.mutable_files()) {
        if (one.path() == file->path()) *one.mutable_hash() = foretold.file();
      }
      *foretold.mutable_package() = store::package_hash(seen);
      foretold.set_first_wrong_offset(*first_wrong);
      return std::optional(std::move(foretold));
    }
  }
  return invalid_argument("both versions begin with the same bytes", "tornRefresh.offset");
}

Foretelling foretell_stale(const Subject& subject) {
  const std::string field = "stale.version";
  ASSIGN_OR_RETURN(const auto old, older(subject, subject.rule.stale().version(), field));
  const v1::FaultMatch& match = subject.rule.match();
  const bool all = match.file().empty() && match.route().empty() && match.method().empty();
  if (!all && match.file().empty()) return std::optional<v1::Foretold>();  // of some requests alone
  return foretell_old(subject, old->manifest, all, field);
}

Foretelling foretell_torn(const Subject& subject) {
  const v1::TornRefresh& torn = subject.rule.torn_refresh();
  const std::string field = "tornRefresh.version";
  ASSIGN_OR_RETURN(const auto old, older(subject, torn.version(), field));
  switch (torn.old()) {
    case v1::TornRefresh::LISTING: return foretell_old_listing(subject, old->manifest, field);
    case v1::TornRefresh::BEGINNING: return foretell_beginning(subject, *old);
    case v1::TornRefresh::BYTES: return foretell_old(subject, old->manifest, false, field);
    default: break;  // it depends on how the client cuts the file
  }
  ASSIGN_OR_RETURN(const auto known, foretell_old(subject, old->manifest, false, field));
  (void)known;
  return std::optional<v1::Foretold>();
}

Foretelling foretell(const Subject& subject) {
  switch (subject.rule.effect_case()) {
    case v1::FaultRule::kMissingFile: return foretell_missing(subject);
    case v1::FaultRule::kExtraFile: return foretell_extra(subject);
    case v1::FaultRule::kWrongSize: return foretell_wrong_size(subject);
    case v1::FaultRule::kEmptyListing: return foretell_empty(subject);
    case v1::FaultRule::kHiddenUnlisted: return foretell_hidden(subject);
    case v1::FaultRule::kRequestFiltering: return foretell_filtering(subject);
    case v1::FaultRule::kEio: return foretell_eio(subject);
    case v1::FaultRule::kStale: return foretell_stale(subject);
    case v1::FaultRule::kTornRefresh: return foretell_torn(subject);
    default: return std::optional<v1::Foretold>();
  }
}

// Of no package in particular.
std::optional<v1::Foretold> foretell_anywhere(const v1::FaultRule& rule) {
  switch (rule.effect_case()) {
    case v1::FaultRule::kMissingFile:
      if (rule.missing_file().from() == v1::MissingFile::LISTING) return std::nullopt;
      return with_status(404);
    case v1::FaultRule::kExtraFile:
    case v1::FaultRule::kRequestFiltering: return with_status(404);
    case v1::FaultRule::kEmptyListing:
      return rule.match().file().empty() ? std::optional(with_package({})) : std::nullopt;
    default: return std::nullopt;
  }
}
}  // namespace

Foretelling foretell_store_fault(const Site& site, const store::ReadTxn& txn, const v1::FaultRule& rule) {
  const v1::FaultMatch& match = rule.match();
  if (match.package().empty()) return foretell_anywhere(rule);
  ASSIGN_OR_RETURN(const v1::Package package, store::kPackages.get(txn, {match.package()}));
  const uint32_t version = match.version() == 0 ? package.source_version() : match.version();
  ASSIGN_OR_RETURN(v1::Manifest manifest, store::load_manifest(txn, package.id(), version));
  return foretell({site, rule, std::move(manifest)});
}

}  // namespace smslab::mp
