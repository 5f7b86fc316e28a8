#include "proto/client/data_transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "proto/base/time_text.h"
#include "proto/base/uri.h"
#include "proto/client/http.h"
#include "proto/client/partial_content.h"

namespace smslab::client {
namespace {
constexpr size_t kMaxListing = size_t{64} << 20;
constexpr int kFileRestarts = 3;       // of a file that is not found (semantics 9, row 8)
constexpr size_t kMaxCachePath = 255;  // semantics 7.1

struct Source {
  std::string base, target;
};
Result<Source> parse_source(const std::string& text) {
  ASSIGN_OR_RETURN(const Url url, parse_url(text, "url"));
  if (!sendable_target(url.target)) return invalid_argument("'" + text + "' is not a URL");
  return Source{url.scheme + "://" + format_host_port(url.at), url.target};
}

// 10/29/2007 11:26:41, as the result block has it
std::string block_time(LabTime time) {
  std::string date = format_log_date(time);
  for (char& c : date) c = c == '-' ? '/' : c;
  return date + " " + format_log_time(time).substr(0, 8);
}
}  // namespace

DataTransfer::DataTransfer(Host& host, TransferOptions options)
    : host_(host), options_(options), log_(host.log(Component::kDts)), bits_(host.env, options.block_bytes) {}

void DataTransfer::enter(const std::string& job, std::string_view state) {
  log_.info(fmt::format("DTSJob {} in state '{}'.", job, state));
}

void DataTransfer::finish(const std::string& job, LabTime start, const Outcome& outcome) {
  if (outcome.ok()) {
    enter(job, "RetrievedData");
    log_.info(fmt::format("DTSJob {} successfully completed download.", job));
    enter(job, "NotifiedComplete");
  }
  const LabTime end = host_.clock.now();
  const std::string result = outcome.ok() ? "SUCCESS" : "ERROR (" + to_text(outcome.code) + ")";
  log_.write(outcome.ok() ? LogLevel::kInfo : LogLevel::kError,
             fmt::format("DTS job {} has completed:\r\nStatus : {}\r\nStart time : {}\r\nCompletion time : {}\r\n"
                         "Elapsed time : {} seconds",
                         job, result, block_time(start), block_time(end),
                         std::chrono::duration_cast<std::chrono::seconds>(end - start).count()));
}

Outcome DataTransfer::transfer_file(const TransferJob& job, uint64_t limit) {
  const LabTime start = host_.clock.now();
  log_.info(fmt::format("DTSJob {} created to download from '{}' to '{}'.", job.job, job.url, job.shown_as));
  enter(job.job, "PendingDownload");
  Outcome outcome = [&]() -> Outcome {
    if (!options_.bits) return {ErrorCode::kServiceDisabled, "the BITS service is disabled"};
    const auto source = parse_source(job.url);
    if (!source.ok()) return {ErrorCode::kInvalidParameter, source.status().message()};
    log_.info(fmt::format("Starting BITS download for DTS job '{}'.", job.job));
    enter(job.job, "DownloadingData");
    auto http = connect_to(host_, source->base);
    uint64_t received = 0;
    return bits_.fetch(http, {.target = source->target, .path = job.path, .limit = limit}, &received);
  }();
  finish(job.job, start, outcome);
  return outcome;
}

Outcome DataTransfer::list_tree(control::HttpClient& http, const std::string& url, const std::string& root,
                                Listing* listing) {
  log_.info("Sending PROPFIND request using URL " + url);
  // `logged` of a status is one code for all (protocol 6.2); what the job ends with tells them apart (semantics 9).
  const auto failed = [&](ErrorCode code, std::string why, std::optional<ErrorCode> logged = {}) -> Outcome {
    const auto number = static_cast<uint32_t>(logged.value_or(code));
    log_.error(fmt::format("GetDirectoryList_HTTP('{}') failed with code 0x{:08x}", url, number));
    log_.error(fmt::format("Error retrieving manifest (0x{:08x})", number));
    return {code, std::move(why)};
  };
  const auto ask = [&] {
    return fetch(http,
                 {.method = "PROPFIND",
                  .target = root + "/",
                  .fields = {{"User-Agent", "SMS CCM 5.0"},
                             {"Depth", "infinity"},
                             {"Translate", "f"},
                             {"Content-Type", "text/xml"},
                             {"Content-Length", "0"}}},
                 kMaxListing);
  };
  auto reply = ask();
  if (!reply.ok()) reply = ask();
  if (!reply.ok()) return failed(ErrorCode::kNotReachable, reply.status().message());
  if (reply->status / 100 != 2) {
    log_.error(fmt::format("Error sending DAV request. HTTP code {}, status '{}'", reply->status, reply->reason));
    return failed(http_error(reply->status), "the DP answers PROPFIND with " + status_line(*reply),
                  ErrorCode::kBadHttpStatus);
  }
  const auto items = dav::read_multistatus(reply->body);
  if (!items.ok()) return failed(ErrorCode::kFail, items.status().message());
  auto result = make_listing(*items, root);
  if (!result.ok()) return failed(ErrorCode::kFail, result.status().message());
  *listing = *std::move(result);
  return {};
}

Outcome DataTransfer::fetch_tree(control::HttpClient& http, const TransferJob& job, TreeTransfer* transfer) {
  const Listing& listing = transfer->listing;
  auto partial = PartialContent::open(host_.env, job.path, listing);
  if (!partial.ok()) return disk_outcome(partial.status());
  const auto progress = [&](size_t files) {
    log_.info(fmt::format("Job: {}, Total Files: {}, Transferred Files: {}, Total Bytes: {}, Transferred Bytes: {}",
                          job.job, listing.files.size(), files, listing.bytes, transfer->received));
  };
  progress(0);
  for (size_t done = 0; done < listing.files.size(); done++) {
    const ListedFile& file = listing.files[done];
    std::string shown = job.shown_as + "\\" + file.path;
    std::replace(shown.begin(), shown.end(), '/', '\\');
    const Outcome outcome = fetch_file(
        http, job,
        {.target = file.target,
         .path = partial->path_of(file.path),
         .expected_size = file.size,
         .etag = partial->etag(file.path),
         .on_etag = [&](const std::string& etag) { return partial->note(file.path, etag); }},
        shown, [&] { progress(done); }, &transfer->received);
    if (outcome.ok()) continue;
    transfer->stalled = outcome.code == http_error(404);
    return {outcome.code, file.path + ": " + outcome.why};
  }
  progress(listing.files.size());
  return {};
}

Outcome DataTransfer::fetch_file(control::HttpClient& http, const TransferJob& job, const BitsFile& file,
                                 const std::string& shown, const std::function<void()>& progress, uint64_t* received) {
  if (shown.size() > kMaxCachePath) {
    return {ErrorCode::kInvalidParameter, "its path in the cache has more than 255 characters"};
  }
  Outcome outcome;
  for (int restart = 0; restart <= kFileRestarts; restart++) {
    outcome = bits_.fetch(http, file, received);
    if (outcome.ok()) return outcome;
    log_.error(fmt::format("DTS job {} BITS job {} failed to download source file {} to destination {} with error {}",
                           job.job, host_.guid("BITS job"), file.target, shown, to_text(outcome.code)));
    if (outcome.code != http_error(404)) break;
    if (restart < kFileRestarts) progress();
  }
  tell_system(outcome);
  return outcome;
}

// The events of BITS by their numbers (semantics 9, rows 10 and 29); the wording of 202 is ours.
void DataTransfer::tell_system(const Outcome& outcome) {
  const Log& log = host_.log(Component::kSystem);
  if (outcome.code == ErrorCode::kNoRanges) {
    log.error("BITS event 202: the server does not give the ranges that BITS needs, " + to_text(outcome.code));
  } else if (outcome.code == http_error(404)) {
    log.info(
        "BITS event 16384: The administrator NT AUTHORITY\\SYSTEM canceled job \"CCMDTS Job\" on behalf of "
        "NT AUTHORITY\\SYSTEM.  The job ID was " +
        host_.guid("BITS job") + ".");
  }
}

TreeTransfer DataTransfer::transfer_tree(const TransferJob& job) {
  const LabTime start = host_.clock.now();
  log_.info(fmt::format("DTSJob {} created to download from '{}' to '{}'.", job.job, job.url, job.shown_as));
  TreeTransfer transfer;
  transfer.outcome = [&]() -> Outcome {
    const auto source = parse_source(job.url);
    if (!source.ok()) return {ErrorCode::kInvalidParameter, source.status().message()};
    std::string root = source->target;
    while (root.ends_with('/')) root.pop_back();
    auto http = connect_to(host_, source->base);

    enter(job.job, "DownloadingManifest");
    if (Outcome o = list_tree(http, source->base + root, root, &transfer.listing); !o.ok()) return o;
    if (job.has_files && transfer.listing.files.empty()) {
      log_.error("There are 0 files in the directory compared to 1 expected files");
      return {ErrorCode::kHashMismatch, "the distribution point lists no files"};
    }
    enter(job.job, "RetrievedManifest");
    enter(job.job, "PendingDownload");
    if (!options_.bits) return {ErrorCode::kServiceDisabled, "the BITS service is disabled"};
    log_.info(fmt::format("Starting BITS download for DTS job '{}'.", job.job));
    enter(job.job, "DownloadingData");
    return fetch_tree(http, job, &transfer);
  }();
  if (!transfer.stalled) finish(job.job, start, transfer.outcome);
  return transfer;
}

}  // namespace smslab::client
