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
