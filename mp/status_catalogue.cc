// The catalogue of semantics 5.2: rows that SMS 2.0, 2003 or 2007 have. `kExact`: word for word from a source (T = X).
// `kAssumed`: a paraphrase or our own words (T = P or -, 11.9); rows marked L there are placeholders altogether.
#include <algorithm>
#include <array>

#include "mp/status.h"
#include "proto/base/text.h"

namespace smslab::mp {
namespace {
using M = v1::StatusMessage;
constexpr auto kInfo = M::INFORMATIONAL;
constexpr auto kWarn = M::WARNING;
constexpr auto kError = M::ERROR;
constexpr auto kMilestone = M::MILESTONE;
constexpr auto kDetail = M::DETAIL;
constexpr auto kAudit = M::AUDIT;
constexpr bool kExact = false;
constexpr bool kAssumed = true;

constexpr std::string_view kDm = "SMS_DISTRIBUTION_MANAGER";
constexpr std::string_view kDesp = "SMS_DESPOOLER";
constexpr std::string_view kOss = "SMS_OFFER_STATUS_SUMMARIZER";
constexpr std::string_view kOm = "SMS_OFFER_MANAGER";
constexpr std::string_view kSp = "SMS Provider";
constexpr std::string_view kSd = "Software Distribution";
constexpr std::string_view kSdca = "Software Distribution Content Access";

// clang-format off
constexpr std::array kRows = {
  StatusRow{2300, kInfo, kMilestone, kDm, R"(SMS Distribution Manager is beginning to process package "%1" (package ID = %2).)", kAssumed},
  StatusRow{2301, kInfo, kMilestone, kDm, R"(SMS Distribution Manager successfully processed package "%1" (package ID = %2).)", kExact},
  StatusRow{2302, kError, kDetail, kDm, R"(SMS Distribution Manager failed to process package "%1" (package ID = %2).)", kExact},
  StatusRow{2303, kInfo, kDetail, kDm, R"(SMS Distribution Manager refreshed package "%1".)", kAssumed},
  StatusRow{2304, kInfo, kDetail, kDm, R"(SMS Distribution Manager is trying again to distribute package "%1".)", kAssumed},
  StatusRow{2305, kError, kDetail, kDm, R"(SMS Distribution Manager could not read the data of package "%1" or of a program of it.)", kAssumed},
  StatusRow{2306, kError, kDetail, kDm, R"(The source directory "%1" of package "%2" does not exist, or SMS Distribution Manager has no rights to it.)", kAssumed},
  StatusRow{2307, kError, kDetail, kDm, R"(SMS Distribution Manager could not read the source directory "%1" of package "%2".)", kAssumed},
  StatusRow{2311, kInfo, kMilestone, kDm, R"(SMS Distribution Manager created or updated package "%1".)", kAssumed},
  StatusRow{2312, kError, kDetail, kDm, R"(SMS Distribution Manager could not create or update package "%1".)", kAssumed},
  StatusRow{2321, kError, kDetail, kDm, "SMS Distribution Manager failed to decompress package %1 from %2 to %3.", kExact},
  StatusRow{2323, kError, kDetail, kDm, "SMS Distribution Manager could not initialise the network connection for package \"%1\".", kAssumed},
  StatusRow{2324, kError, kDetail, kDm, "SMS Distribution Manager could not reach or create the share for package \"%1\".", kAssumed},
  StatusRow{2328, kError, kDetail, kDm, "SMS Distribution Manager failed to copy package %1 from %2 to %3.", kExact},
  StatusRow{2329, kInfo, kDetail, kDm, R"(SMS Distribution Manager copied package "%1" from "%2" to "%3".)", kAssumed},
  StatusRow{2330, kInfo, kMilestone, kDm, R"(SMS Distribution Manager successfully distributed package "%1" to distribution point "%2".)", kExact},
  StatusRow{2333, kInfo, kMilestone, kDm, R"(SMS Distribution Manager prepares the compressed copy of package "%1" for child site "%2".)", kAssumed},
  StatusRow{2335, kInfo, kDetail, kDm, R"(SMS Distribution Manager told the Scheduler to send package "%1" to child site "%2".)", kAssumed},
  StatusRow{2336, kError, kDetail, kDm, R"(SMS Distribution Manager could not tell the Scheduler to send package "%1" to child site "%2".)", kAssumed},
  StatusRow{2339, kInfo, kDetail, kDm, "SMS Distribution Manager instructed SMS Scheduler and Sender to send the package information for package %1 to child site %2.", kExact},
  StatusRow{2342, kInfo, kMilestone, kDm, R"(SMS Distribution Manager is starting to distribute package "%1" to distribution point "%2".)", kAssumed},
  StatusRow{2344, kError, kDetail, kDm, R"(SMS Distribution Manager could not create the virtual directory on distribution point "%1".)", kAssumed},
  // From 2012 on; here only for `package validate`, an extension.
  StatusRow{2380, kInfo, kDetail, kDm, R"(SMS Distribution Manager has begun to validate the content of package "%1" on distribution point "%2".)", kAssumed},
  StatusRow{2382, kError, kDetail, kDm, R"(The content hash of package "%1" on distribution point "%2" is not valid.)", kAssumed},
  StatusRow{2383, kError, kDetail, kDm, R"(SMS Distribution Manager could not validate the content of package "%1" on distribution point "%2".)", kAssumed},
  StatusRow{2384, kInfo, kDetail, kDm, R"(The content of package "%1" on distribution point "%2" has been verified.)", kAssumed},
  StatusRow{2385, kError, kDetail, kDm, R"(Files of package "%1" are missing on distribution point "%2".)", kAssumed},
  StatusRow{3812, kWarn, kDetail, kOss, R"(The status message was reported by component "%1" with message ID %2 which is not within the valid range of message IDs for that component (10000 to 10099). The message will be ignored.)", kExact},
  StatusRow{3900, kInfo, kDetail, kOm, "SMS Offer Manager processed the new advertisement %1.", kAssumed},
  StatusRow{3901, kInfo, kDetail, kOm, "SMS Offer Manager processed the changed advertisement %1.", kAssumed},
  StatusRow{3902, kInfo, kDetail, kOm, "SMS Offer Manager processed the deleted advertisement %1.", kAssumed},
  StatusRow{4400, kInfo, kDetail, kDesp, R"(SMS Despooler received package "%1" and stored it at "%2".)", kAssumed},
  StatusRow{4402, kError, kDetail, kDesp, R"(SMS Despooler found the destination drive full for package "%1" and will try again.)", kAssumed},
  StatusRow{10000, kError, kDetail, kSd, "A data integrity error was detected for advertisement %1 (%2%1.ofr).", kExact},
  StatusRow{10001, kError, kDetail, kSd, "A data integrity error was detected for package %1 (%2%1.pkg).", kExact},
  StatusRow{10002, kInfo, kDetail, kSd, "Advertisement %1 was received from site %2.", kExact},
  StatusRow{10003, kError, kDetail, kSd, R"(The program for advertisement "%1" could not start ("%4" - "%5"): its environment could not be prepared.)", kAssumed},
  StatusRow{10004, kError, kDetail, kSd, R"(The program for advertisement "%1" could not start ("%4" - "%5"): its command line could not be run.)", kAssumed},
  StatusRow{10005, kInfo, kDetail, kSd, R"(Program started for advertisement "%1" ("%4" - "%5"). Command line: %2 Working directory: %3 User context: %6)", kExact},
  StatusRow{10006, kError, kDetail, kSd, R"(The program for advertisement "%1" failed ("%4" - "%5"). Its exit code %2 means failure.)", kAssumed},
  StatusRow{10007, kError, kDetail, kSd, R"(The program for advertisement "%1" failed ("%4" - "%5"). The failure description was "%2". Possible cause: The program generated an installation status Management Information Format (MIF) file with a status value of Failed. Solution: For more information about the failure, refer to the documentation for the program you are distributing.)", kExact},
  StatusRow{10008, kInfo, kDetail, kSd, R"(The program for advertisement "%1" succeeded ("%4" - "%5"), by its exit code; it left no status MIF file.)", kAssumed},
  StatusRow{10009, kInfo, kDetail, kSd, R"(The program for advertisement "%1" completed successfully ("%4" - "%5"). The success description was "%2". The program generated an installation status Management Information Format (MIF) file with a status value of Success. For more information, see the documentation for the program you are distributing.)", kExact},
  StatusRow{10010, kWarn, kDetail, kSd, R"(The program for advertisement "%1" runs longer than its maximum run time ("%4" - "%5"); it is no longer monitored.)", kAssumed},
  StatusRow{10012, kWarn, kDetail, kSd, R"(The computer restarted unexpectedly while the program for advertisement "%1" ran ("%4" - "%5").)", kAssumed},
  StatusRow{10018, kWarn, kDetail, kSd, R"(Advertisement "%1" was rejected: its program does not run on this platform ("%4" - "%5").)", kAssumed},
  StatusRow{10019, kWarn, kDetail, kSd, R"(Advertisement "%1" was rejected: it has expired ("%4" - "%5").)", kAssumed},
  StatusRow{10020, kWarn, kDetail, kSd, R"(Advertisement "%1" was rejected: its policy is not valid ("%4" - "%5").)", kAssumed},
  StatusRow{10021, kWarn, kDetail, kSd, R"(Advertisement "%1" was rejected ("%4" - "%5").)", kAssumed},
  StatusRow{10030, kError, kDetail, kSdca, R"(Download of the content "%4" - "%2" has failed. The download failed because the content downloaded to the client does not match the content specified in the content source.)", kExact},
  StatusRow{10045, kWarn, kDetail, kSd, R"(The program for advertisement "%1" waits for its content ("%4" - "%5").)", kAssumed},
  StatusRow{10050, kError, kDetail, kSd, "The program for the advertisement %1 (%4 - %5) requires package content to be downloaded, but the total cache size is smaller than the size of the package content. The current cache size is %2 MB, and %3 MB of cache space is available. This program requires %6 MB to be available in the cache.", kExact},
  StatusRow{10051, kWarn, kDetail, kSd, R"(The program for advertisement "%1" waits for room in the cache ("%4" - "%5").)", kAssumed},
  StatusRow{10053, kWarn, kDetail, kSd, R"(The program for advertisement "%1" has no location of its content ("%4" - "%5").)", kAssumed},
  StatusRow{10054, kWarn, kDetail, kSd, R"(The program for advertisement "%1" waits: its content could not be downloaded ("%4" - "%5").)", kAssumed},
  StatusRow{10057, kError, kDetail, kSd, R"(The program for advertisement "%1" has failed because download of the content "%4" - "%5" has failed. The download failed because the content downloaded to the client does not match the content specified in the content source. Possible causes: The content on the distribution point has been manually modified, or a local administrator on the computer has modified the content in the computer's hash. Solution: Refresh the content on the distribution point and retry the download.)", kExact},
  StatusRow{10060, kWarn, kDetail, kSd, R"(The program for advertisement "%1" waits: the download of its content will be tried again ("%4" - "%5").)", kAssumed},
  StatusRow{10075, kError, kDetail, kSd, R"(The program for advertisement "%1 has failed because content download for the package "%4" - "%5" has failed. The download failed because the content downloaded to the client does not match the content specified in the package source.)", kExact},
  StatusRow{10093, kWarn, kDetail, kSd, "The source list of a Windows Installer product could not be updated.", kAssumed},
  StatusRow{30000, kInfo, kAudit, kSp, R"(User "%1" created package "%2" (%3).)", kAssumed},
  StatusRow{30001, kInfo, kAudit, kSp, R"(User "%1" modified package "%2" (%3).)", kAssumed},
  StatusRow{30002, kInfo, kAudit, kSp, R"(User "%1" deleted package "%2" (%3).)", kAssumed},
  StatusRow{30003, kInfo, kAudit, kSp, R"(User "%1" created program "%3" of package "%2".)", kAssumed},
  StatusRow{30004, kInfo, kAudit, kSp, R"(User "%1" modified program "%3" of package "%2".)", kAssumed},
  StatusRow{30005, kInfo, kAudit, kSp, R"(User "%1" deleted program "%3" of package "%2".)", kAssumed},
  StatusRow{30006, kInfo, kAudit, kSp, R"(User "%1" created advertisement "%2" (%3).)", kAssumed},
  StatusRow{30007, kInfo, kAudit, kSp, R"(User "%1" modified advertisement "%2" (%3).)", kAssumed},
  StatusRow{30008, kInfo, kAudit, kSp, R"(User "%1" deleted advertisement "%2" (%3).)", kAssumed},
  StatusRow{30009, kInfo, kAudit, kSp, R"(User "%1" assigned package "%2" to distribution point "%3".)", kAssumed},
  StatusRow{30010, kInfo, kAudit, kSp, R"(User "%1" changed the assignment of package "%2" to distribution point "%3".)", kAssumed},
  StatusRow{30011, kInfo, kAudit, kSp, R"(User "%1" removed package "%2" from distribution point "%3".)", kAssumed},
  StatusRow{30015, kInfo, kAudit, kSp, R"(User "%1" created collection "%2" (%3).)", kAssumed},
  StatusRow{30016, kInfo, kAudit, kSp, R"(User "%1" modified collection "%2" (%3).)", kAssumed},
  StatusRow{30017, kInfo, kAudit, kSp, R"(User "%1" deleted collection "%2" (%3).)", kAssumed},
};

// Class -> number (semantics 7.6), and what fills %2, %3 and %6 beside the strings that all have. The names of the last
// columns are assumed but for those of SoftDistProgramStartedEvent. 0: the profile decides.
struct EventRow {
  std::string_view event_class;
  uint32_t id;
  std::string_view second, third, sixth;
};
constexpr std::array kEvents = {
  EventRow{"SoftDistProgramOfferReceivedEvent", 10002, "SiteCode", "", ""},
  EventRow{"SoftDistProgramBadEnvironmentEvent", 10003, "", "", ""},
  EventRow{"SoftDistProgramUnableToExecuteEvent", 10004, "", "", ""},
  EventRow{"SoftDistProgramStartedEvent", 10005, "CommandLine", "WorkingDirectory", "UserContext"},
  EventRow{"SoftDistProgramErrorEvent", 10006, "ExitCode", "", ""},
  EventRow{"SoftDistProgramErrorMIFEvent", 10007, "MIFDescription", "", ""},
  EventRow{"SoftDistProgramCompletedSuccessfullyEvent", 10008, "", "", ""},
  EventRow{"SoftDistProgramCompletedSuccessfulMIFEvent", 10009, "MIFDescription", "", ""},
  EventRow{"SoftDistProgramExceededTime", 10010, "", "", ""},
  EventRow{"SoftDistProgramUnexpectedRebootEvent", 10012, "", "", ""},
  EventRow{"SoftDistOfferRejectedPlatformEvent", 10018, "", "", ""},
  EventRow{"SoftDistOfferRejectedExpiredEvent", 10019, "", "", ""},
  EventRow{"SoftDistOfferRejectedInvalidPolicyEvent", 10020, "", "", ""},
  EventRow{"SoftDistHashMismatchEvent", 10030, "PackageVersion", "", ""},
  EventRow{"SoftDistErrorInsufficientCacheSizeEvent", 10050, "CacheSize", "CacheAvailable", "PackageSize"},
  EventRow{"SoftDistAdvertHashMismatchEvent", 0, "PackageVersion", "", ""},
};
// clang-format on

const EventRow* event_row(std::string_view event_class) {
  const auto* found =
      std::find_if(kEvents.begin(), kEvents.end(), [&](const EventRow& row) { return row.event_class == event_class; });
  return found == kEvents.end() ? nullptr : found;
}
}  // namespace

const std::vector<StatusRow>& status_catalogue() {
  static const std::vector<StatusRow> rows(kRows.begin(), kRows.end());
  return rows;
}

const StatusRow* status_row(uint32_t id) {
  const auto* found =
      std::lower_bound(kRows.begin(), kRows.end(), id, [](const StatusRow& row, uint32_t n) { return row.id < n; });
  return found == kRows.end() || found->id != id ? nullptr : found;
}

uint32_t status_id_of_event(std::string_view event_class, const Profile& profile) {
  const EventRow* row = event_row(event_class);
  if (row == nullptr) return 0;
  return row->id != 0 ? row->id : profile.hash_mismatch_message;
}

std::vector<std::string> strings_of_event(std::string_view event_class,
                                          const std::map<std::string, std::string>& properties) {
  const auto value = [&](std::string_view name) -> std::string {
    if (name.empty()) return {};
    // The wire has AdvertisementId and AdvertisementID alike.
    const auto found =
        std::find_if(properties.begin(), properties.end(), [&](const auto& p) { return iequals(p.first, name); });
    return found == properties.end() ? std::string() : found->second;
  };
  const EventRow* row = event_row(event_class);
  std::string package = value("PackageName");
  if (package.empty()) package = value("PackageId");
  std::vector<std::string> strings = {value("AdvertisementId"),
                                      value(row == nullptr ? "PackageVersion" : row->second),
                                      value(row == nullptr ? "" : row->third),
                                      package,
                                      value("ProgramName"),
                                      value(row == nullptr ? "" : row->sixth)};
  while (!strings.empty() && strings.back().empty()) strings.pop_back();
  return strings;
}

std::string format_status(std::string_view text, const std::vector<std::string>& strings) {
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%' || i + 1 == text.size() || text[i + 1] < '1' || text[i + 1] > '9') {
      out += text[i];
      continue;
    }
    auto n = static_cast<size_t>(text[++i] - '0');
    if (n == 1 && i + 1 < text.size() && text[i + 1] == '0') {
      n = 10;
      i++;
    }
    if (n <= strings.size()) out += strings[n - 1];
  }
  return out;
}

}  // namespace smslab::mp
