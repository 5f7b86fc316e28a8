#include "proto/client/content_access.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "proto/base/hex.h"
#include "proto/base/text.h"
#include "proto/base/tree_hash.h"
#include "proto/client/partial_content.h"
#include "proto/schema/timestamp.h"

namespace smslab::client {
namespace {
// Default cache folder of the Advanced Client (semantics 7.1), as the emulated computer names it.
constexpr std::string_view kCacheFolder = "C:\\WINDOWS\\system32\\CCM\\Cache";
constexpr std::chrono::hours kLocked{24};  // after its use (semantics 7.1)

Algorithm generation_of(size_t hash_digits) {
  return hash_digits == 32 ? Algorithm::kMd5 : hash_digits == 64 ? Algorithm::kSha256 : Algorithm::kSha1;
}

Result<std::string> file_digest(Env& env, const std::string& path, Algorithm algorithm) {
  ASSIGN_OR_RETURN(const auto file, env.open(path));
  Hasher hasher(algorithm);
  std::string buffer(size_t{1} << 20, '\0');
  for (uint64_t at = 0;;) {
    ASSIGN_OR_RETURN(const size_t n, file->pread(at, buffer));
    if (n == 0) return to_hex(hasher.finish());
    hasher.update(std::string_view(buffer).substr(0, n));
    at += n;
  }
}

std::string content_of(const ContentRequest& request) { return request.package + "." + request.version; }
}  // namespace

ContentAccess::ContentAccess(Host& host, ClientState& state, LocationServices& locations, ContentTransfer& ctm,
                             Events& events, CacheOptions options)
    : host_(host),
      state_(state),
      locations_(locations),
      ctm_(ctm),
      events_(events),
      options_(std::move(options)),
      log_(host.log(Component::kCas)) {}

uint64_t ContentAccess::free_kb() const {
  uint64_t used = 0;
  for (const auto& one : state_.record().cache()) used += one.size_kb();
  return options_.size_mb * 1024 > used ? options_.size_mb * 1024 - used : 0;
}

Result<ContentState> ContentAccess::make_room(const ContentRequest& request) {
  if (options_.size_mb == 0) return ContentState::kAvailable;
  if (request.size_kb > options_.size_mb * 1024) return ContentState::kTooLarge;
  auto& cache = *state_.record().mutable_cache();
  while (request.size_kb > free_kb()) {
    const auto oldest =
        std::ranges::min_element(cache, {}, [](const v1::CachedContent& one) { return from_timestamp(one.used()); });
    if (oldest == cache.end() || host_.clock.now() - from_timestamp(oldest->used()) < kLocked) {
      return ContentState::kCacheFull;
    }
    RETURN_IF_ERROR(host_.env.remove_tree(host_.folder + "/cache/" + oldest->content() + ".System"));
    cache.erase(oldest);
    RETURN_IF_ERROR(state_.save());
  }
  return ContentState::kAvailable;
}

Status ContentAccess::remember(const ContentRequest& request) {
  const std::string content = content_of(request);
  auto& cache = *state_.record().mutable_cache();
  auto record = std::ranges::find(cache, content, &v1::CachedContent::content);
  if (record == cache.end()) {
    cache.Add()->set_content(content);
    record = cache.end() - 1;
  }
  record->set_size_kb(request.size_kb);
  *record->mutable_used() = to_timestamp(host_.clock.now());
  return state_.save();
}

Result<std::string> ContentAccess::hash_of(const Listing& listing, const std::string& content,
                                           size_t hash_digits) const {
  const Algorithm generation = generation_of(hash_digits);
  PackageTree tree;
  for (const auto& folder : listing.folders) tree.add_folder(folder);
  for (const auto& file : listing.files) {
    ASSIGN_OR_RETURN(const std::string digest, file_digest(host_.env, content + "/" + file.path, generation));
    tree.add_file(file.path, {.md5 = digest, .sha1 = digest, .sha256 = digest});  // only `generation`'s is read
  }
  return tree.hash(generation);
}

void ContentAccess::release(const std::string& request, const std::string& content, std::string_view end) {
  log_.info("Releasing content request " + request);
  if (!end.empty()) log_.info(fmt::format("All references to Content {} in cache have been removed{}", content, end));
}

ContentResult ContentAccess::fail(const ContentRequest& request, const std::string& id, Outcome outcome,
                                  ContentResult result) {
  const std::string content = content_of(request);
  const bool mismatch = outcome.code == ErrorCode::kHashMismatch;
  const std::string event = mismatch ? "SoftDistHashMismatchEvent" : "SoftDistDownloadFailedEvent";
  log_.error(
      fmt::format("Download failed for content {} under context System, error {}", content, to_text(outcome.code)));
  log_.error("Download failed for download request " + id);
  events_.raise(Component::kCas, package_event(event, request.package, request.version));
  if (mismatch) log_.info("Successfully raised " + event + " event.");
  release(id, content, "");
  result.report.set_error_code(to_text(outcome.code));
  result.state = ContentState::kFailed;
  result.outcome = std::move(outcome);
  return result;
}

ContentResult ContentAccess::download(const ContentRequest& request) {
  const std::string content = content_of(request), id = host_.guid("content request");
  const std::string cache = host_.folder + "/cache", cached = cache + "/" + content + ".System",
                    partial = cache + "/" + content + ".partial";
  const std::string shown_as =
      fmt::format("{}\\{}.System", options_.path.empty() ? kCacheFolder : std::string_view(options_.path), content);
  ContentResult result;
  result.folder = shown_as + "\\";
  result.report.set_expected_hash(request.hash);

  log_.info(fmt::format("Requesting content {}, size(KB) {}, under context System", content, request.size_kb));
  if (const auto info = host_.env.link_info(cached); info.ok() && info->type == FileType::kFolder) {
    log_.info(fmt::format("Content for {} was found in cache", content));
    release(id, content, ".");
    if (const Status s = remember(request); !s.ok()) return fail(request, id, disk_outcome(s), std::move(result));
    result.state = ContentState::kAvailable;
    result.report.set_from_cache(true);
    return result;
  }
  const auto room = make_room(request);
  if (!room.ok()) return fail(request, id, disk_outcome(room.status()), std::move(result));
  if (*room != ContentState::kAvailable) {
    log_.warning(fmt::format("Content {} of {} KB does not fit into the cache: {} KB free of {} MB", content,
                             request.size_kb, free_kb(), options_.size_mb));  // our wording
    result.state = *room;
    return result;
  }

  const std::string job = host_.guid("CTM job");
  log_.info(fmt::format("Submitted CTM job {} to download Content {} under context System", job, content));
  log_.info(fmt::format("Successfully created download request {} for content {}", id, content));
  ContentTransferResult got =
      ctm_.run({.job = job,
                .package = request.package,
                .version = request.version,
                .folder = partial,
                .shown_as = shown_as,
                .has_files = request.size_kb > 0},
               {.on_locations =
                    [&] {
                      log_.info(fmt::format("Location update from CTM for content {} and request {}", content, id));
                      log_.info("Download request only, ignoring location update");
                    },
                .on_started =
                    [&] {
                      log_.info("Download started for content " + content);
                      events_.raise(Component::kCas,
                                    package_event("SoftDistDownloadStartedEvent", request.package, request.version));
                    }});
  result.report.set_location(got.location);
  result.report.set_files(got.listing.files.size());
  result.report.set_received_bytes(got.received);
  if (got.no_location) {
    result.state = ContentState::kNoLocation;
    return result;
  }
  if (got.stalled) {
    result.report.set_error_code(to_text(got.outcome.code));
    result.state = ContentState::kStalled;
    result.outcome = std::move(got.outcome);
    return result;
  }
  if (got.outcome.code == ErrorCode::kHashMismatch) {  // of nothing at all
    log_.error(fmt::format("Hash does not match expected {}, actual {}", request.hash, ""));
  }
  if (!got.outcome.ok()) return fail(request, id, std::move(got.outcome), std::move(result));

  log_.info(fmt::format("Download completed for content {} under context System", content));
  const std::string files = PartialContent::content_folder(partial);
  if (!request.hash.empty()) {
    const auto actual = hash_of(got.listing, files, request.hash.size());
    if (!actual.ok()) return fail(request, id, disk_outcome(actual.status()), std::move(result));
    result.report.set_actual_hash(*actual);
    if (!iequals(*actual, request.hash)) {
      log_.error(fmt::format("Hash does not match expected {}, actual {}", request.hash, *actual));
      Outcome outcome{ErrorCode::kHashMismatch,
                      "hash does not match: expected " + request.hash + ", actual " + *actual};
      if (const Status s = host_.env.remove_tree(partial); !s.ok()) outcome.why += "; " + s.message();
      return fail(request, id, std::move(outcome), std::move(result));
    }
    log_.info(fmt::format("Hash verification succeeded for content {} downloaded under context System", content));
  }
  // Durable before it has the name that later runs trust without a look.
  const Status moved = [&] {
    RETURN_IF_ERROR(host_.env.barrier(cache));
    RETURN_IF_ERROR(host_.env.rename(files, cached));
    RETURN_IF_ERROR(remember(request));
    return host_.env.remove_tree(partial);
  }();
  if (!moved.ok()) return fail(request, id, disk_outcome(moved), std::move(result));
  log_.info("Download succeeded for download request " + id);
  events_.raise(Component::kCas, package_event("SoftDistDownloadCompletedEvent", request.package, request.version));
  release(id, content, ". Content will be Tombstoned.");
  result.state = ContentState::kAvailable;
  return result;
}

ContentResult ContentAccess::locate(const ContentRequest& request) {
  const std::string content = content_of(request), job = host_.guid("LS job"), id = host_.guid("location request");
  ContentResult result;
  log_.info(fmt::format("Requesting content {}, size(KB) {}, under context System", content, request.size_kb));
  log_.info(fmt::format("LS job {} submitted to get DP locations for content {}", job, content));
  log_.info(fmt::format("Successfully created location request {} for content {}", id, content));
  const auto locations = locations_.find_content(request.package, request.version, id);
  if (!locations.ok()) {
    result.outcome = {ErrorCode::kTransient, locations.status().message()};
    result.report.set_error_code(to_text(result.outcome.code));
    log_.info(fmt::format("Canceling LS Job {} for content {}", job, content));
    return result;
  }
  log_.info(fmt::format("Location update from LS for content {} and location request {}", content, id));
  size_t found = 0;
  for (const auto& location : *locations) {
    if (location.smb_path.empty()) continue;
    log_.info(fmt::format("Matching DP Location found {} - {}", found++, location.smb_path));
    if (result.folder.empty()) result.folder = location.smb_path;
  }
  log_.info(fmt::format("Canceling LS Job {} for content {}", job, content));
  result.report.set_location(result.folder);
  result.state = found == 0 ? ContentState::kNoLocation : ContentState::kAvailable;
  return result;
}

}  // namespace smslab::client
