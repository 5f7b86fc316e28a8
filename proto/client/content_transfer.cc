#include "proto/client/content_transfer.h"

#include <fmt/format.h>

namespace smslab::client {

ContentTransfer::ContentTransfer(Host& host, LocationServices& locations, DataTransfer& dts)
    : host_(host), locations_(locations), dts_(dts), log_(host.log(Component::kCtm)) {}

ContentTransferResult ContentTransfer::run(const ContentTransferJob& job, const Observer& observer) {
  ContentTransferResult result;
  log_.info(fmt::format("Starting CTM job {}.", job.job));
  const std::string request = host_.guid("location request");
  log_.info(fmt::format("Queued location request '{}' for CTM job '{}'.", request, job.job));
  log_.info(fmt::format("Attempting to create Location Request for PackageID='{}' and Version='{}'", job.package,
                        job.version));
  log_.info(fmt::format("Created and Sent Location Request '{}' for package {}", request, job.package));
  const auto locations = locations_.find_content(job.package, job.version, request);
  if (!locations.ok()) {
    result.outcome = {ErrorCode::kTransient, locations.status().message()};
    return result;
  }
  std::string persisted = fmt::format("Persisted locations for CTM job {}:", job.job);
  std::vector<std::string> urls;
  for (const auto& location : *locations) {
    if (location.url.empty()) continue;
    urls.push_back(location.url);
    persisted += fmt::format("\r\n\t({}) {}", location.locality, location.url);
  }
  if (urls.empty()) {
    log_.info("Received empty location update");
    log_.info(fmt::format("CTM job {} entered phase CCM_DOWNLOADSTATUS_WAITING_CONTENTLOCATIONS", job.job));
    result.no_location = true;
    return result;
  }
  log_.info(persisted);
  observer.on_locations();
  log_.info(fmt::format("CTM job {} entered phase CCM_DOWNLOADSTATUS_DOWNLOADING_DATA", job.job));
  observer.on_started();

  for (const auto& url : urls) {
    const std::string dts_job = host_.guid("DTS job");
    log_.info(fmt::format("CTM job {} (corresponding DTS job {}) started download from '{}' for full content download.",
                          job.job, dts_job, url));
    TreeTransfer got = dts_.transfer_tree(
        {.job = dts_job, .url = url, .path = job.folder, .shown_as = job.shown_as, .has_files = job.has_files});
    result.stalled = got.stalled;
    result.outcome = std::move(got.outcome);
    result.location = url;
    result.listing = std::move(got.listing);
    result.received += got.received;
    if (result.outcome.ok()) {
      log_.info(fmt::format("CTM job {} successfully processed download completion.", job.job));
      return result;
    }
    if (!result.stalled)
      log_.error("CTM encountered error processing reply from DTS. Code " + to_text(ErrorCode::kCtmReply));
  }
  return result;
}

}  // namespace smslab::client
