#include "proto/fault/symptoms.h"

#include <algorithm>
#include <array>

namespace smslab::fault {
namespace {
constexpr std::string_view kContent = "{content}";

struct Row {
  Trouble trouble;
  const char *error, *log, *line, *event;
  std::array<uint32_t, 2> messages;
};
constexpr const char* kDownloadFailed = "SoftDistDownloadFailedEvent";

constexpr Row http_row(Trouble trouble, const char* error, const char* line) {
  return {trouble, error, "DataTransferService.log", line, kDownloadFailed, {}};
}

// 10075 is the advertisement's message of a mismatch in both profiles (one source has 10057 for 2007).
constexpr std::array kRows = {
    Row{Trouble::kHashMismatch,
        "0x80091007",
        "CAS.log",
        "Download failed for content {content} under context System, error 0x80091007",
        "SoftDistHashMismatchEvent",
        {10030, 10075}},
    Row{Trouble::kNoLocations,
        "",
        "LocationServices.log",
        "Calling back with empty distribution points list",
        "SoftDistWaitingContentEvent",
        {}},
    Row{Trouble::kDeadLocation,
        "0x800704CF",
        "ContentTransferManager.log",
        "CTM encountered error processing reply from DTS. Code 0x80040215",
        "",
        {}},
    Row{Trouble::kEmptyListing,
        "0x80091007",
        "DataTransferService.log",
        "There are 0 files in the directory compared to 1 expected files",
        "SoftDistHashMismatchEvent",
        {10030, 10075}},
    Row{Trouble::kFileNotFound,
        "0x80190194",
        "System.log",
        "BITS event 16384: The administrator NT AUTHORITY\\SYSTEM canceled job \"CCMDTS Job\"",
        "",
        {}},
    http_row(Trouble::kNoContent, "0x80190194", "Error sending DAV request. HTTP code 404"),
    http_row(Trouble::kUnauthorized, "0x80190191", "Error sending DAV request. HTTP code 401"),
    http_row(Trouble::kForbidden, "0x80190193", "with error 0x80190193"),
    http_row(Trouble::kMethodNotAllowed, "0x80190195", "Error sending DAV request. HTTP code 405"),
    http_row(Trouble::kMissingSize, "0x80200011", "with error 0x80200011"),
    http_row(Trouble::kCutOff, "0x80200010", "with error 0x80200010"),
    Row{Trouble::kNoRanges, "0x80200013", "System.log", "BITS event 202", kDownloadFailed, {}},
    Row{Trouble::kBitsDisabled, "0x80070422", "DataTransferService.log", "Status : ERROR (0x80070422)", "", {}},
    http_row(Trouble::kNotReachable, "0x800704CF", "failed with code 0x800704cf"),
    http_row(Trouble::kPathTooLong, "0x80070057", "Status : ERROR (0x80070057)"),
    Row{Trouble::kCacheTooSmall,
        "",
        "execmgr.log",
        "instance of SoftDistErrorInsufficientCacheSizeEvent",
        "SoftDistErrorInsufficientCacheSizeEvent",
        {10050}},
    Row{Trouble::kCacheFull,
        "",
        "execmgr.log",
        "instance of SoftDistWarningInsufficientCacheEvent",
        "SoftDistWarningInsufficientCacheEvent",
        {}},
    Row{Trouble::kNotDue, "", "execmgr.log", "is not due", "SoftDistProgramOfferReceivedEvent", {10002}},
    Row{Trouble::kExceededTime,
        "",
        "execmgr.log",
        "instance of SoftDistProgramExceededTime",
        "SoftDistProgramExceededTime",
        {10010}},
    Row{Trouble::kProgramDiskFull,
        "",
        "execmgr.log",
        "There is not enough space on the disk.",
        "SoftDistProgramErrorMIFEvent",
        {10007}},
    Row{Trouble::kMpDown, "0x87D0027E", "CcmMessaging.log", "Text=CCM_E_BAD_HTTP_STATUS_CODE", "", {}},
    Row{Trouble::kNoSettings,
        "",
        "execmgr.log",
        "Software Distribution Site Settings for the client are missing from WMI.",
        "",
        {}},
    Row{Trouble::kNoReply, "", "CcmMessaging.log", "doesn't have reply", "", {}},
    Row{Trouble::kBadStatus, "0x87D0027E", "CcmMessaging.log", "Text=CCM_E_BAD_HTTP_STATUS_CODE", "", {}},
    Row{Trouble::kPolicyDownload, "", "PolicyAgent.log", "", "CCM_PolicyAgent_PolicyDownloadFailed", {}},
};
}  // namespace

v1::ClientSymptom symptom_of(Trouble trouble, std::string_view content) {
  v1::ClientSymptom out;
  const auto row = std::ranges::find(kRows, trouble, &Row::trouble);
  if (row == kRows.end()) return out;
  out.set_error(row->error);
  out.set_log(row->log);
  std::string line = row->line;
  if (const size_t at = line.find(kContent); at != std::string::npos) {
    if (content.empty()) {
      line.resize(at - 1);
    } else {
      line.replace(at, kContent.size(), content);
    }
  }
  out.set_line(line);
  out.set_event(row->event);
  for (const uint32_t message : row->messages) {
    if (message != 0) out.add_messages(message);
  }
  return out;
}

}  // namespace smslab::fault
