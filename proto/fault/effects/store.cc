// What a distribution point says of its content: files that are listed and not there, there and not listed, or of
// another version. The bytes at rest stay as they are.
//
//   listing (PROPFIND)   a.msi 100, b.txt 20, extra.dat 5        the request is asked again under a pretence
//   content (GET, HEAD)  a.msi 404, b.txt of the version before  (fault/pretence.h), so the DP makes the reply itself
#include <algorithm>
#include <utility>

#include "proto/base/digest.h"
#include "proto/base/names.h"
#include "proto/base/text.h"
#include "proto/fault/effects.h"
#include "proto/fault/plan.h"
#include "proto/wire/reply_head.h"

namespace smslab::fault {
namespace {
constexpr uint64_t kMostEntries = 10'000'000;
constexpr std::string_view kContent = "content", kListing = "propfind", kManifest = "manifest";

Status check_content(const v1::FaultRule& rule) { return check_asked(rule, {kContent}, {"GET", "HEAD"}); }
Status check_listed(const v1::FaultRule& rule) { return check_asked(rule, {kListing}, {"PROPFIND"}); }

Status too_large(const std::string& field) {
  return invalid_argument("at most " + std::to_string(kMostBytes) + " bytes", field);
}

// Whether a listing of `folder` (a file's, of itself) may hold what fits.
bool may_list(const std::string& pattern, const std::string& folder) {
  return pattern.empty() || folder.empty() || is_glob(pattern) || iequals(pattern, folder) ||
         istarts_with(pattern, folder + '/');
}

bool concerns_listed(const v1::FaultRule& rule, const Occasion& occasion) {
  return occasion.route == kListing && matches_but_file(rule.match(), occasion) &&
         may_list(rule.match().file(), occasion.file);
}

void pretend(const Stroke& stroke, const std::function<void(StorePretence*)>& change) {
  const auto under = [&](wire::Request* request) {
    auto pretence = std::make_shared<StorePretence>();
    if (const auto* before = dynamic_cast<const StorePretence*>(request->pretence.get())) *pretence = *before;
    change(pretence.get());
    request->pretence = std::move(pretence);
  };
  ask_again(stroke, under, Failures::kServed);
}

void relist(const Stroke& stroke, std::function<void(v1::Manifest*)> change) {
  pretend(stroke, [&](StorePretence* pretence) { pretence->changes.push_back(std::move(change)); });
}

template <class Drop>
void drop_files(v1::Manifest* manifest, Drop drop) {
  auto& files = *manifest->mutable_files();
  files.erase(std::remove_if(files.begin(), files.end(), drop), files.end());
}

// nullptr: nobody has it any more.
std::shared_ptr<const PackageVersion> older(const Stroke& stroke, uint32_t version) {
  const wire::Topic* topic = stroke.reply->topic.get();
  if (topic == nullptr || topic->version == 0 || stroke.old_versions == nullptr) return nullptr;
  auto found = (*stroke.old_versions)(topic->package, version != 0 ? version : topic->version - 1);
  return found.ok() ? *std::move(found) : nullptr;
}
}  // namespace

// ---- the listing and what is there
Status check_missing_file(const v1::FaultRule& rule) {
  if (rule.match().file().empty()) return invalid_argument("name the file that is missing", "match.file");
  switch (rule.missing_file().from()) {
    case v1::MissingFile::CONTENT: return check_content(rule);
    case v1::MissingFile::LISTING: return check_listed(rule);
    default: return check_asked(rule, {kContent, kListing}, {"GET", "HEAD", "PROPFIND"});
  }
}

bool missing_file_concerns(const v1::FaultRule& rule, const Occasion& occasion) {
  const auto from = rule.missing_file().from();
  if (occasion.route == kListing) return from != v1::MissingFile::CONTENT && concerns_listed(rule, occasion);
  return from != v1::MissingFile::LISTING && occasion.route == kContent && matches(rule.match(), occasion);
}

void missing_file(const Stroke& stroke) {
  const auto topic = stroke.reply->topic;
  if (topic->route == kContent) {
    *stroke.reply = wire::error_reply(404, "'" + topic->file + "' is not in " + topic->package);
    stroke.reply->topic = topic;
    return;
  }
  relist(stroke, [pattern = stroke.rule.match().file()](v1::Manifest* manifest) {
    drop_files(manifest, [&](const v1::FileEntry& file) { return glob_matches(pattern, file.path()); });
  });
}

bool listed_file_concerns(const v1::FaultRule& rule, const Occasion& occasion) {
  return concerns_listed(rule, occasion);
}

// Of listings match.file is the folder asked about, where the effect names the file itself.
bool listing_concerns(const v1::FaultRule& rule, const Occasion& occasion) {
  return occasion.route == kListing && matches(rule.match(), occasion);
}

Status check_listing(const v1::FaultRule& rule) { return check_listed(rule); }

Status check_extra_file(const v1::FaultRule& rule) {
  if (rule.extra_file().file().empty()) return invalid_argument("name the file to be listed", "extraFile.file");
  if (const Status path = check_content_path(rule.extra_file().file()); !path.ok()) {
    return invalid_argument(path.message(), "extraFile.file");
  }
  if (rule.extra_file().size() > kMostBytes) return too_large("extraFile.size");
  return check_listed(rule);
}

void extra_file(const Stroke& stroke) {
  relist(stroke, [extra = stroke.rule.extra_file()](v1::Manifest* manifest) {
    const std::string folded = fold_name(extra.file());
    for (const auto& file : manifest->files()) {
      if (fold_name(file.path()) == folded) return;
    }
    v1::FileEntry file;
    file.set_path(extra.file());
    file.set_size(extra.size());
    file.mutable_hash()->set_sha256(digest_hex(Algorithm::kSha256, extra.file()));
    if (!manifest->files().empty()) *file.mutable_modified() = manifest->files(0).modified();
    *manifest->add_files() = std::move(file);
  });
}

uint64_t wrong_size_of(const v1::WrongSize& how, uint64_t size) {
  return how.has_size() ? how.size() : moved(size, how.by());
}

Status check_wrong_size(const v1::FaultRule& rule) {
  using How = v1::WrongSize;
  if (rule.match().file().empty()) return invalid_argument("name the file whose size is wrong", "match.file");
  switch (rule.wrong_size().how_case()) {
    case How::HOW_NOT_SET: return invalid_argument("say size or by", "wrongSize");
    case How::kBy:
      if (rule.wrong_size().by() == 0) return invalid_argument("by 0 would change nothing", "wrongSize.by");
      if (std::cmp_greater(rule.wrong_size().by(), kMostBytes)) return too_large("wrongSize.by");
      break;
    case How::kSize:
      if (rule.wrong_size().size() > kMostBytes) return too_large("wrongSize.size");
      break;
  }
  return check_listed(rule);
}

void wrong_size(const Stroke& stroke) {
  relist(stroke, [pattern = stroke.rule.match().file(), how = stroke.rule.wrong_size()](v1::Manifest* manifest) {
    for (auto& file : *manifest->mutable_files()) {
      if (glob_matches(pattern, file.path())) file.set_size(wrong_size_of(how, file.size()));
    }
  });
}

void empty_listing(const Stroke& stroke) {
  relist(stroke, [](v1::Manifest* manifest) {
    manifest->clear_files();
    manifest->clear_folders();
  });
}

Status check_huge_listing(const v1::FaultRule& rule) {
  const uint64_t entries = rule.huge_listing().entries();
  if (entries == 0 || entries > kMostEntries) {
    return invalid_argument("from 1 to 10000000 made-up files", "hugeListing.entries");
  }
  return check_listed(rule);
}

void huge_listing(const Stroke& stroke) {
  pretend(stroke, [&](StorePretence* pretence) { pretence->made_up += stroke.rule.huge_listing().entries(); });
}

void hidden_unlisted(const Stroke& stroke) {
  relist(stroke, [pattern = stroke.rule.match().file()](v1::Manifest* manifest) {
    drop_files(manifest, [&](const v1::FileEntry& file) {
      return file.hidden() && (pattern.empty() || glob_matches(pattern, file.path()));
    });
  });
}

// ---- other versions
Status check_stale(const v1::FaultRule& rule) {
  if (rule.match().package().empty()) return invalid_argument("name the package that is stale", "match.package");
  return check_asked(rule, {kContent, kListing, kManifest}, {"GET", "HEAD", "PROPFIND"});
}

bool stale_concerns(const v1::FaultRule& rule, const Occasion& occasion) {
  const bool about_it = occasion.route == kContent || occasion.route == kListing || occasion.route == kManifest;
  return about_it && matches(rule.match(), occasion);
}

void stale(const Stroke& stroke) {
  const auto version = older(stroke, stroke.rule.stale().version());
  if (version == nullptr) return;
  pretend(stroke, [&](StorePretence* pretence) { pretence->version = version; });
}

Status check_torn_refresh(const v1::FaultRule& rule) {
  const v1::TornRefresh& torn = rule.torn_refresh();
  if (rule.match().package().empty()) return invalid_argument("name the package", "match.package");
  if (torn.has_offset() && torn.old() != v1::TornRefresh::BEGINNING) {
    return invalid_argument("only a BEGINNING has an end", "tornRefresh.offset");
  }
  if (torn.has_offset() && torn.offset() == 0) {
    return invalid_argument("the bytes before byte 0 are none", "tornRefresh.offset");
  }
  if (torn.old() == v1::TornRefresh::LISTING) {
    return check_asked(rule, {kListing, kManifest}, {"GET", "HEAD", "PROPFIND"});
  }
  return check_content(rule);
}

bool torn_concerns(const v1::FaultRule& rule, const Occasion& occasion) {
  if (!matches(rule.match(), occasion)) return false;
  switch (rule.torn_refresh().old()) {
    case v1::TornRefresh::LISTING: return occasion.route == kListing || occasion.route == kManifest;
    case v1::TornRefresh::FIRST_RANGE: return occasion.route == kContent && !occasion.resumes;
    default: return occasion.route == kContent;
  }
}

void torn_refresh(const Stroke& stroke) {
  const v1::TornRefresh& torn = stroke.rule.torn_refresh();
  const auto version = older(stroke, torn.version());
  if (version == nullptr) return;
  pretend(stroke, [&](StorePretence* pretence) {
    pretence->version = version;
    pretence->beginning = torn.old() == v1::TornRefresh::BEGINNING;
    if (torn.has_offset()) pretence->torn_at = torn.offset();
  });
}

}  // namespace smslab::fault
