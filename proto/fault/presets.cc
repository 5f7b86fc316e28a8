#include "proto/fault/presets.h"

#include <algorithm>
#include <array>

#include "proto/base/text.h"
#include "proto/codec/json.h"

namespace smslab::fault {
namespace {
using Kind = v1::FaultPreset;

constexpr std::array kPresets = {
    Preset{1, "source-changed", "the source is edited, then a DP is added, without an Update (kind B)", "hash mismatch",
           "Update; or restore the source and Refresh; a compressed copy prevents it", "2003", "H KB907979",
           Trouble::kHashMismatch, CuredBy::kUpdate,
           R"([{"match":{"package":"{package}","client":"{client}"},"policyBody":{"how":"PACKAGE_HASH"}}])", "package",
           true},
    Preset{2, "hidden-files",
           "hidden files that the DP's WebDAV does not list: the site's hash has bytes that the "
           "client never gets",
           "hash mismatch", "let WebDAV list hidden files, or un-hide, then Update", "2007", "H",
           Trouble::kHashMismatch, CuredBy::kClear,
           R"([{"match":{"dp":"{dp}","package":"{package}","client":"{client}"},"hiddenUnlisted":{}}])", "package"},
    Preset{3, "damaged-file", "a file on one DP is damaged (kind A)", "hash mismatch, clients of that DP only",
           "Refresh that DP, re-run", "2003", "H cure, M cause", Trouble::kHashMismatch, CuredBy::kRefresh,
           R"([{"match":{"dp":"{dp}","package":"{package}","file":"{file}"},"corrupt":{}}])", "dp package"},
    Preset{4, "binary-delta", "binary differential replication corrupts files", "hash mismatch", "turn it off, Update",
           "2007 and later", "H", Trouble::kHashMismatch, CuredBy::kUpdate,
           R"([{"match":{"dp":"{dp}","package":"{package}","file":"{file}"},"corrupt":{"length":"4096"}}])",
           "dp package file"},
    Preset{5, "drive-root", "the virtual directory is mapped to a drive's root: IIS 6 WebDAV lists no files",
           "There are 0 files in the directory compared to the files expected; mismatch with an empty hash; CTM "
           "0x80040215",
           "map it to a subfolder", "2007", "H", Trouble::kEmptyListing, CuredBy::kClear,
           R"([{"match":{"dp":"{dp}","package":"{package}","client":"{client}"},"emptyListing":{}}])"},
    Preset{.row = 6,
           .name = "extended-ascii",
           .trigger = "extended ASCII in file names",
           .sees = "task sequence 0x80004005, Hash Value failed or hash value is incorrect",
           .cure = "rename; or download everything before starting",
           .era = "2007",
           .confidence = "H KB2261262",
           .trouble = Trouble::kNone,
           .cured_by = CuredBy::kClient,
           .reason = "the reference client runs no task sequences; such names are served and hashed right"},
    Preset{
        7, "hidden-segment", "a folder named bin: 404.8, hidden segment",
        "the download stops silently, waiting for "
        "content",
        "edit hiddenSegments", "2007", "H", Trouble::kFileNotFound, CuredBy::kClear,
        R"([{"match":{"dp":"{dp}","package":"{package}","client":"{client}"},"requestFiltering":{"segments":["bin"]}}])",
        "package"},
    Preset{8, "denied-extension", "an extension is denied: 404.7 (.mdb .cs .config .resx)",
           "stall, or 3 restarts at the same percent, 404", "allow the extension", "2007", "H", Trouble::kFileNotFound,
           CuredBy::kClear,
           R"([{"match":{"dp":"{dp}","package":"{package}","client":"{client}"},)"
           R"("requestFiltering":{"extensions":[".mdb",".cs",".config",".resx"]}}])",
           "package"},
    Preset{
        9, "plus-in-name", "a + in a name: 404.11, double escaping", "404 for these files alone", "allowDoubleEscaping",
        "2007", "H", Trouble::kFileNotFound, CuredBy::kClear,
        R"([{"match":{"dp":"{dp}","package":"{package}","client":"{client}"},"requestFiltering":{"doubleEscaping":true}}])",
        "package"},
    Preset{
        10, "range-ignored", "Range is ignored, or stripped by a proxy", "BITS 0x80200013, BITS event 202",
        "fix server or proxy", "any", "H", Trouble::kNoRanges, CuredBy::kClear,
        R"([{"match":{"dp":"{dp}","package":"{package}","file":"{file}","client":"{client}","route":"content","method":"GET"},)"
        R"("ignoreRange":{}}])"},
    Preset{
        11, "no-size", "HEAD without a size", "BITS 0x80200011", "fix", "any", "H", Trouble::kMissingSize,
        CuredBy::kClear,
        R"([{"match":{"dp":"{dp}","package":"{package}","file":"{file}","client":"{client}","route":"content","method":"HEAD"},)"
        R"("contentLengthOverride":{"missing":true}}])"},
    Preset{
        11, "multipart-range", "a multipart reply to a single range", "BITS 0x80200013, BITS event 202", "fix", "any",
        "H", Trouble::kNoRanges, CuredBy::kClear,
        R"([{"match":{"dp":"{dp}","package":"{package}","file":"{file}","client":"{client}","route":"content","method":"GET"},)"
        R"("forceMultipart":{}}])"},
    Preset{.row = 12,
           .name = "bits-disabled",
           .trigger = "BITS is disabled on the client",
           .sees = "DTS ERROR 0x80070422, 0 seconds",
           .cure = "enable BITS",
           .era = "2003",
           .confidence = "H seed B",
           .trouble = Trouble::kBitsDisabled,
           .cured_by = CuredBy::kClient,
           .client_switch = "--no-bits"},
    Preset{13, "no-locations", "no DP for the client's boundary: empty locations",
           "CTM waits, suspended, up to 8 hours", "boundaries, add a DP", "2012 and later", "H", Trouble::kNoLocations,
           CuredBy::kClear, R"([{"match":{"package":"{package}","client":"{client}"},"locations":{"how":"EMPTY"}}])"},
    Preset{14, "old-version", "DPs are still at version v-1 while policy says v", "as no-locations",
           "wait, or Update or Refresh", "2003", "M", Trouble::kNoLocations, CuredBy::kUpdate,
           R"([{"match":{"package":"{package}","client":"{client}"},"policyBody":{"how":"PACKAGE_VERSION","by":1}}])",
           "package", true},
    Preset{
        15, "content-deleted", "the content folder is deleted behind the site's back",
        "404, 0x80190194; the site still says INSTALLED", "Refresh", "2003", "M", Trouble::kNoContent,
        CuredBy::kRefresh,
        R"([{"match":{"dp":"{dp}","package":"{package}"},"when":{"untilRefresh":true},"status":{"code":404,"page":"404"}}])",
        "dp package"},
    Preset{16, "dp-unreachable", "a DP cannot be reached during distribution",
           "other DPs, or as no-locations; the site 2302, RETRYING", "restore it, or remove it from the package",
           "2007", "H retry, M rest", Trouble::kNoLocations, CuredBy::kClear,
           R"([{"match":{"dp":"{dp}"},"down":{"site":true}}])", "dp"},
    Preset{17, "dp-disk-full", "a DP's disk is full", "as old-version; the site 112, 2328, 2302", "free space",
           "2.0, 2007", "H", Trouble::kNoLocations, CuredBy::kClear,
           R"([{"match":{"dp":"{dp}","package":"{package}"},"noSpace":{}}])", "dp"},
    Preset{18, "anonymous-access-off", "anonymous access is reset on the virtual directory",
           "401 or 403 while the site is fine", "allow clients to connect anonymously", "2007", "H KB2682514, era M",
           Trouble::kUnauthorized, CuredBy::kClear,
           R"([{"match":{"role":"DP","dp":"{dp}","client":"{client}"},"status":{"code":401,"page":"401"}}])"},
    Preset{19, "access-account-added", "an access account is added after distribution",
           "the folder opens, files 401 or 403", "Refresh", "2003", "H KB323832", Trouble::kForbidden,
           CuredBy::kRefresh,
           R"([{"match":{"dp":"{dp}","package":"{package}","route":"content"},"when":{"untilRefresh":true},)"
           R"("status":{"code":403,"page":"403"}}])",
           "dp package"},
    Preset{.row = 20,
           .name = "package-larger-than-cache",
           .trigger = "the package is larger than the cache",
           .sees = "10050, never retried",
           .cure = "enlarge the cache, re-run",
           .era = "2003",
           .confidence = "H KB839513",
           .trouble = Trouble::kCacheTooSmall,
           .cured_by = CuredBy::kClient,
           .client_switch = "--cache-size MB"},
    Preset{.row = 21,
           .name = "cache-full",
           .trigger = "the cache is full of content under 24 hours old",
           .sees = "warning, Retrying: every 4 hours, 18 times",
           .cure = "delete from the cache, no persistence",
           .era = "2003, numbers 2007",
           .confidence = "H",
           .trouble = Trouble::kCacheFull,
           .cured_by = CuredBy::kClient,
           .client_switch = "--cache-size MB"},
    Preset{.row = 22,
           .name = "path-too-long",
           .trigger = "a path is too long in the cache",
           .sees = "0x80070057; the failed event speaks of 255 characters",
           .cure = "shorten",
           .era = "2012 and later",
           .confidence = "H",
           .trouble = Trouble::kPathTooLong,
           .cured_by = CuredBy::kClient,
           .client_switch = "--cache-path PATH"},
    Preset{23, "no-settings", "the client agent policy is absent", "execmgr: the site settings are missing from WMI",
           "assign the site, download and apply policy", "2003", "H seed B", Trouble::kNoSettings, CuredBy::kClear,
           R"([{"match":{"client":"{client}"},"assignments":{"how":"NO_SETTINGS"}}])"},
    Preset{24, "mp-down", "the MP is down: 503", "policy download fails", "repair the MP", "2003", "M",
           Trouble::kMpDown, CuredBy::kClear,
           R"([{"match":{"role":"MP","client":"{client}","address":"{address}"},"status":{"code":503,"page":"503"}}])"},
    Preset{
        24, "mp-database-down", "only the MP's database is down: mpcert answers, mplist fails", "policy download fails",
        "repair the MP; the MP troubleshooter finds which half is down", "2003", "M", Trouble::kMpDown, CuredBy::kClear,
        R"([{"match":{"route":"mplist","client":"{client}","address":"{address}"},"status":{"code":500,"page":"500"}},)"
        R"({"match":{"route":"mplist1","client":"{client}","address":"{address}"},"status":{"code":500,"page":"500"}},)"
        R"({"match":{"route":"mplist2","client":"{client}","address":"{address}"},"status":{"code":500,"page":"500"}}])"},
    Preset{.row = 25,
           .name = "client-clock",
           .trigger = "the client's clock is before start or after expiry",
           .sees = "10002, then nothing",
           .cure = "correct the time",
           .era = "2.0",
           .confidence = "H KB277876",
           .trouble = Trouble::kNotDue,
           .cured_by = CuredBy::kClient,
           .client_switch = "--clock T"},
    Preset{26, "dp-busy", "a workstation-class DP has its 10 connections", "one retry, then at once the next DP",
           "more DPs", "2007", "H", Trouble::kNotReachable, CuredBy::kClear,
           R"([{"match":{"dp":"{dp}","client":"{client}","address":"{address}"},"resetOnAccept":{}}])", "dp"},
    Preset{27, "webdav-off", "WebDAV is off on the DP (Windows Server 2003)",
           "PROPFIND 405; the DP is useless for BITS", "enable WebDAV", "2003", "H, codes M",
           Trouble::kMethodNotAllowed, CuredBy::kClear,
           R"([{"match":{"dp":"{dp}","client":"{client}","route":"propfind"},"status":{"code":405,"page":"405"}}])"},
    Preset{.row = 28,
           .name = "xp-sp2-without-service-pack",
           .trigger = "Windows XP SP2 client, SMS 2003 without service pack",
           .sees = "BITS package downloads fail",
           .cure = "service pack",
           .era = "2003",
           .confidence = "H symptom",
           .trouble = Trouble::kNone,
           .cured_by = CuredBy::kClient,
           .reason = "what went wrong between the two is not known"},
    Preset{
        29, "head-refused", "the DP refuses one HEAD (a 404 is assumed)",
        "SMS logs silent, the job hangs; System log BITS event 16384, CCMDTS Job cancelled by NT AUTHORITY\\SYSTEM",
        "read the DP's web log", "2003, 2007", "H symptom, M cause", Trouble::kFileNotFound, CuredBy::kClear,
        R"([{"match":{"dp":"{dp}","package":"{package}","file":"{file}","client":"{client}","route":"content","method":"HEAD"},)"
        R"("status":{"code":404,"page":"404"}}])",
        "package file"},
    Preset{.row = 30,
           .name = "corrupt-offer",
           .trigger = "one corrupt .ofr on a secondary site: Offer Manager stops loading at it",
           .sees = "later adverts silently never arrive",
           .cure = "put the parent's copy into offermgr.box\\Incoming, or remove it and retrigger the others",
           .era = "2.0",
           .confidence = "H KB246614",
           .trouble = Trouble::kNone,
           .cured_by = CuredBy::kClient,
           .reason = "the lab has no secondary sites"},
    Preset{.row = 31,
           .name = "source-locked",
           .trigger = "a source file is locked during an Update",
           .sees = "the old version stays; server error 32, retries",
           .cure = "close the handle",
           .era = "2.0",
           .confidence = "H KB207416",
           .trouble = Trouble::kNone,
           .cured_by = CuredBy::kClient,
           .reason = "no fault: lock a file of the source, and an update ends so by itself"},
    Preset{.row = 32,
           .name = "program-too-slow",
           .trigger = "a program runs longer than its maximum",
           .sees = "monitoring ends, the program goes on, status exceeded",
           .cure = "raise Duration",
           .era = "2012 and later",
           .confidence = "H",
           .trouble = Trouble::kExceededTime,
           .cured_by = CuredBy::kClient,
           .client_switch = "--run-time MINUTES"},
    Preset{.row = 33,
           .name = "program-disk-full",
           .trigger = "the program's own disk is full",
           .sees = "10007 There is not enough space on the disk.",
           .cure = "free disk",
           .era = "2003",
           .confidence = "H seed A",
           .trouble = Trouble::kProgramDiskFull,
           .cured_by = CuredBy::kClient,
           .client_switch = "--mif 'Failed:There is not enough space on the disk.'"},
    Preset{.row = 34,
           .name = "agent-start-mode",
           .trigger = "SMS Agent Host is set to Automatic by policy or script (XP SP2)",
           .sees = "no policy, action could not be initiated",
           .cure = "undo it",
           .era = "2003",
           .confidence = "H KB919592",
           .trouble = Trouble::kNone,
           .cured_by = CuredBy::kClient,
           .reason = "a matter of Windows' own start order; the reference client is no service"},
    Preset{35, "certificate-expired", "a certificate has expired or is wrong (native mode)", "trust failure, no policy",
           "renew", "2007 and later", "L", Trouble::kUntrusted, CuredBy::kClear,
           R"([{"match":{"role":"MP"},"certExpired":{}}])"},
};

constexpr std::array<std::string_view, 5> kParameters = {"dp", "package", "file", "client", "address"};

std::string* parameter(v1::FaultMatch* match, std::string_view name) {
  if (name == "dp") return match->mutable_dp();
  if (name == "package") return match->mutable_package();
  if (name == "file") return match->mutable_file();
  return name == "client" ? match->mutable_client() : match->mutable_address();
}

std::string placeholder(std::string_view name) { return "{" + std::string(name) + "}"; }

std::vector<v1::FaultRule> templates_of(const Preset& preset) {
  v1::FaultList list;
  if (preset.rules.empty()) return {};
  const Status read = codec::from_json(R"({"faults":)" + std::string(preset.rules) + "}", &list);
  if (!read.ok()) std::abort();  // the table is ours
  return {list.faults().begin(), list.faults().end()};
}

bool has_word(std::string_view words, std::string_view word) {
  return std::ranges::any_of(split(words, ' '), [&](std::string_view one) { return one == word; });
}

// How many letters have to be changed, added or left out.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); j++) row[j] = j;
  for (size_t i = 1; i <= a.size(); i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); j++) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row.back();
}

std::string names_near(const std::string& wanted) {
  constexpr size_t kNear = 3;
  std::string near, all;
  for (const Preset& preset : kPresets) {
    const std::string name(preset.name);
    const bool alike = distance(wanted, name) <= kNear || (wanted.size() > kNear && name.find(wanted) != name.npos);
    for (std::string* list : {&all, alike ? &near : nullptr}) {
      if (list != nullptr) *list += (list->empty() ? "" : ", ") + name;
    }
  }
  return near.empty() ? "there are " + all : "did you mean " + near + "?";
}

std::string_view verb_of(CuredBy cure) {
  switch (cure) {
    case CuredBy::kClear: return "fault clear";
    case CuredBy::kRefresh: return "package refresh";
    case CuredBy::kUpdate: return "package update";
    default: return "";
  }
}
}  // namespace

v1::FaultPreset::Kind Preset::kind() const {
  if (!rules.empty()) return Kind::SERVER;
  return client_switch.empty() ? Kind::NOT_REPRODUCED : Kind::CLIENT;
}

std::span<const Preset> all_presets() { return kPresets; }

Result<const Preset*> find_preset(std::string_view name) {
  const auto row = std::ranges::find_if(kPresets, [&](const Preset& one) { return iequals(one.name, name); });
  if (row != kPresets.end()) return &*row;
  return not_found("there is no preset '" + std::string(name) + "'; " + names_near(ascii_lower(name)), "name");
}

v1::FaultPreset describe(const Preset& preset) {
  v1::FaultPreset out;
  out.set_name(std::string(preset.name));
  out.set_row(preset.row);
  out.set_kind(preset.kind());
  out.set_trigger(std::string(preset.trigger));
  out.set_sees(std::string(preset.sees));
  out.set_cure(std::string(preset.cure));
  out.set_era(std::string(preset.era));
  out.set_confidence(std::string(preset.confidence));
  for (const std::string_view one : split(preset.needs, ' ')) {
    if (!one.empty()) out.add_needs(std::string(one));
  }
  for (auto& rule : templates_of(preset)) *out.add_rules() = std::move(rule);
  out.set_client_switch(std::string(preset.client_switch));
  out.set_reason(std::string(preset.reason));
  if (preset.trouble != Trouble::kNone) *out.mutable_client() = symptom_of(preset.trouble);
  out.set_cured_by(std::string(verb_of(preset.cured_by)));
  return out;
}

Result<std::vector<v1::FaultRule>> rules_of(const Preset& preset, const v1::FaultMatch& parameters) {
  const std::string name(preset.name);
  if (preset.kind() == Kind::CLIENT) {
    return failed_precondition(name + " is the client's: smslab-client run " + std::string(preset.client_switch),
                               "name");
  }
  if (preset.kind() == Kind::NOT_REPRODUCED) {
    return failed_precondition(name + " is not reproduced: " + std::string(preset.reason), "name");
  }
  v1::FaultMatch given = parameters;
  for (const std::string_view key : kParameters) {
    const std::string& value = *parameter(&given, key);
    if (value.empty() && has_word(preset.needs, key)) {
      return invalid_argument(name + " needs it", std::string(key));
    }
    if (!value.empty() && preset.rules.find(placeholder(key)) == std::string_view::npos) {
      return invalid_argument(name + " has no use for it", std::string(key));
    }
  }
  std::vector<v1::FaultRule> rules = templates_of(preset);
  for (v1::FaultRule& rule : rules) {
    for (const std::string_view key : kParameters) {
      std::string* place = parameter(rule.mutable_match(), key);
      if (*place == placeholder(key)) *place = *parameter(&given, key);
    }
  }
  return rules;
}

}  // namespace smslab::fault
