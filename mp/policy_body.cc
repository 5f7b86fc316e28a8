#include "mp/policy_body.h"

#include <algorithm>

#include "mp/dependencies.h"
#include "mp/policy_document.h"
#include "mp/schedule.h"
#include "proto/base/ids.h"
#include "proto/schema/timestamp.h"

namespace smslab::mp {
namespace {
constexpr uint32_t kUnknownDuration = 720;  // minutes (semantics 2.3)

// Defaults of the client agent policy (semantics 6.5, 7.2). Seconds where a time is meant.
constexpr uint32_t kCacheContentTimeout = 30 * 86400;
constexpr uint32_t kCacheTombstoneMinimum = 86400;
constexpr uint32_t kCacheRetryCount = 18;
constexpr uint32_t kCacheRetryInterval = 14400;
constexpr uint32_t kLocationTimeout = 28800;
constexpr uint32_t kExecutionRetryCount = 1008;
constexpr uint32_t kExecutionRetryInterval = 600;
const std::vector<uint32_t>& retry_codes() {
  static const std::vector<uint32_t> codes = {4,    5,    8,    13,   14,   39,   51,   53,   54,   55,
                                              59,   64,   65,   67,   70,   71,   85,   86,   87,   112,
                                              128,  170,  267,  999,  1003, 1203, 1219, 1220, 1222, 1231,
                                              1232, 1238, 1265, 1311, 1323, 1326, 1330, 1618, 1622, 2250};
  return codes;
}

bool mandatory(const v1::Advert& advert) { return advert.has_mandatory() || !advert.schedule().empty(); }

// One mandatory assignment gives RerunIfFail, several RerunAlways (protocol 5.6); a recurring one counts as several
// (assumed).
std::string rerun_behavior(const v1::Advert& advert) {
  switch (advert.rerun()) {
    case v1::Advert::ALWAYS: return "RerunAlways";
    case v1::Advert::NEVER: return "RerunNever";
    case v1::Advert::IF_SUCCEEDED: return "RerunIfSuccess";
    case v1::Advert::IF_FAILED: return "RerunIfFail";
    default: return advert.schedule().empty() ? "RerunIfFail" : "RerunAlways";
  }
}

// The XML inside PRG_Requirements, where 2007 clients find the package hashes (protocol 5.6). Which hash stands in
// which element is A14, assumed. Nothing in it needs escaping.
std::string reserved_requirements(const v1::Hash& hash, const std::string& policy) {
  return "<?xml version='1.0' ?><SWDReserved><PackageHashVersion>2</PackageHashVersion><PackageHash.1>" + hash.md5() +
         "</PackageHash.1><PackageHash.2>" + hash.sha1() + "</PackageHash.2><NewPackageHash>" + hash.sha256() +
         "</NewPackageHash><ProductCode></ProductCode><DisableMomAlerts>false</DisableMomAlerts>"
         "<RaiseMomAlertOnFailure>false</RaiseMomAlertOnFailure>"
         "<BalloonRemindersRequired>false</BalloonRemindersRequired>"
         "<PersistOnWriteFilterDevices>true</PersistOnWriteFilterDevices><DefaultProgram>true</DefaultProgram>"
         "<PersistInCache>0</PersistInCache><DistributeOnDemand>false</DistributeOnDemand><Multicast>false</Multicast>"
         "<MulticastOnly>false</MulticastOnly><MulticastEncrypt>false</MulticastEncrypt>"
         "<DonotFallback>false</DonotFallback><PeerCaching>true</PeerCaching>"
         "<OptionalPreDownload>true</OptionalPreDownload><PreDownloadRule></PreDownloadRule>"
         "<Requirements></Requirements><AssignmentID></AssignmentID><ScheduledMessageID>" +
         policy +
         "</ScheduledMessageID><OverrideServiceWindows>TRUE</OverrideServiceWindows>"
         "<RebootOutsideOfServiceWindows>FALSE</RebootOutsideOfServiceWindows></SWDReserved>";
}

// Properties in order of their names. Values that the model has no field for are the product's defaults; the value sets
// of RCF_*, PRF_ShowWindow, PRF_AfterRunning and of a system program's PRF_UserLogonRequirement are assumed (A11).
//
// PRG_DependentPolicy marks a policy that comes only so that another program can run first (assumed: the name is
// public, its meaning is not); such a program is not offered by itself.
WmiInstance software_distribution(const Profile& profile, const std::string& policy, const v1::Advert& advert,
                                  const v1::Package& package, const v1::Program& program, bool dependent) {
  WmiInstance out("CCM_SoftwareDistribution");
  const char* run_from = advert.download() ? "Download" : "RunFromServer";
  out.set("ADV_ActiveTime", from_timestamp(advert.start()))
      .set("ADV_ActiveTimeIsGMT", true)
      .set("ADV_ADF_Published", !dependent)
      .set("ADV_AdvertisementID", advert.id());
  if (advert.has_expires()) {
    out.set("ADV_ExpirationTime", from_timestamp(advert.expires())).set("ADV_ExpirationTimeIsGMT", true);
  }
  out.set("ADV_MandatoryAssignments", !dependent && mandatory(advert))
      .set("ADV_RCF_InstallFromLocalDPOptions", run_from)
      .set("ADV_RCF_InstallFromRemoteDPOptions", run_from)
      .set("ADV_RCF_PostponeToAC", false)
      .set("ADV_RepeatRunBehavior", rerun_behavior(advert));
  out.set("PKG_ContentSize", static_cast<uint32_t>(std::min<uint64_t>((package.size() + 1023) / 1024, UINT32_MAX)))
      .set("PKG_Language", package.language())
      .set("PKG_Manufacturer", package.manufacturer())
      .set("PKG_MIFChecking", false)
      .set("PKG_Name", package.name())
      .set("PKG_PackageID", package.id())
      .set("PKG_PSF_ContainsSourceFiles", package.source_version() > 0)
      .set("PKG_SourceHash", told_package_hash(profile, package))
      .set("PKG_SourceVersion", std::to_string(package.source_version()))
      .set("PKG_version", package.version());
  const bool user = program.user_context();
  out.set("PRG_CommandLine", program.command_line())
      .set("PRG_Comment", program.comment())
      .set("PRG_DependentPolicy", dependent);
  if (const auto first = first_of(package.id(), program, "runFirst"); first.ok() && *first) {
    out.set("PRG_DependentProgramPackageID", (*first)->package).set("PRG_DependentProgramProgramID", (*first)->program);
  }
  if (!program.disk_space().empty()) out.set("PRG_DiskSpaceReq", program.disk_space());
  out.set("PRG_ForceDependencyRun", program.run_first_always())
      .set("PRG_HistoryLocation", user ? "User" : "Machine")
      .set("PRG_MaxDuration", program.duration_minutes() == 0 ? kUnknownDuration : program.duration_minutes())
      .set("PRG_PRF_AfterRunning", "NoAction")
      .set("PRG_PRF_Disabled", program.disabled())
      .set("PRG_PRF_InstallsApplication", false)
      .set("PRG_PRF_MappedDriveRequired", false)
      .set("PRG_PRF_PersistMappedDrive", false)
      .set("PRG_PRF_RunWithAdminRights", !user)
      .set("PRG_PRF_ShowWindow", "Normal")
      .set("PRG_PRF_UserInputRequired", false)
      .set("PRG_PRF_UserLogonRequirement", user ? "UserLoggedOn" : "None")
      .set("PRG_ProgramID", program.name())
      .set("PRG_ProgramName", program.name());
  if (profile.reserved_requirements) out.set("PRG_Requirements", reserved_requirements(package.hash(), policy));
  out.set("PRG_WorkingDirectory", program.working_directory());
  return out;
}

// The schedules of the mandatory assignments, each a message of its own; that of a single one has the policy's ID,
// which is known, the others a number behind it (assumed). ActiveTime is when the first comes; OneShot has no time of
// its own.
void add_scheduled_messages(const std::string& policy, const v1::Advert& advert, std::vector<WmiInstance>* out) {
  std::vector<Schedule> schedules;
  if (advert.has_mandatory()) schedules.push_back({.start = from_timestamp(advert.mandatory())});
  for (const std::string& token : advert.schedule()) {
    if (auto schedule = parse_schedule(token, "schedule"); schedule.ok()) schedules.push_back(*std::move(schedule));
  }
  for (size_t n = 0; n < schedules.size(); n++) {
    WmiInstance& message = out->emplace_back("CCM_Scheduler_ScheduledMessage");
    message.set("ActiveTime", schedules[n].start).set("ActiveTimeIsGMT", true);
    if (advert.has_expires()) message.set("ExpireTime", from_timestamp(advert.expires())).set("ExpireTimeIsGMT", true);
    message.set("ScheduledMessageID", n == 0 ? policy : policy + "-" + std::to_string(n))
        .set("TargetEndpoint", "direct:execmgr")
        .set("Triggers", std::vector<std::string>{schedules[n].trigger()});
  }
}

PolicyDocument document(const Site& site, const std::string& id, uint32_t version) {
  return {.id = id,
          .version = version,
          .source = "SMS:" + site.options.site,
          // Not of the site's seed: bodies are the same in every lab.
          .rule_id = Random(0).guid("policy rule", {site.options.site, id}),
          .instances = {}};
}
}  // namespace

const std::string& told_package_hash(const Profile& profile, const v1::Package& package) {
  switch (profile.package_hash) {
    case Algorithm::kMd5: return package.hash().md5();
    case Algorithm::kSha1: return package.hash().sha1();
    case Algorithm::kSha256: break;
  }
  return package.hash().sha256();
}

PolicyBody advert_policy(const Site& site, const v1::Advert& advert, const v1::Package& package,
                         const v1::Program& program, bool dependent) {
  const std::string id = policy_id(advert.id(), package.id(), program.name());
  PolicyDocument policy = document(site, id, std::max(advert.policy_version(), 1U));
  policy.instances.push_back(software_distribution(site.profile, id, advert, package, program, dependent));
  if (!dependent) add_scheduled_messages(id, advert, &policy.instances);
  return {.id = id, .version = policy.version, .bytes = encode_policy(policy, site.profile.policy_as_mof)};
}

PolicyBody settings_policy(const Site& site, bool enabled, uint32_t version) {
  PolicyDocument policy = document(site, std::string(kSettingsPolicyId), version);
  policy.instances.emplace_back("CCM_SoftwareDistributionClientConfig")
      .set("CacheContentTimeout", kCacheContentTimeout)
      .set("CacheSpaceFailureRetryCount", kCacheRetryCount)
      .set("CacheSpaceFailureRetryInterval", kCacheRetryInterval)
      .set("CacheTombstoneContentMinDuration", kCacheTombstoneMinimum)
      .set("ComponentName", "SmsSoftwareDistribution")
      .set("ContentLocationTimeoutInterval", kLocationTimeout)
      .set("Enabled", enabled)
      .set("ExecutionFailureRetryCount", kExecutionRetryCount)
      .set("ExecutionFailureRetryErrorCodes", retry_codes())
      .set("ExecutionFailureRetryInterval", kExecutionRetryInterval)
      .set("RebootReturnCodes", std::vector<uint32_t>{1604, 1641, 3010, 3011})
      .set("SiteSettingsKey", uint32_t{1})
      .set("SuccessReturnCodes", std::vector<uint32_t>{0});
  return {.id = policy.id, .version = policy.version, .bytes = encode_policy(policy, site.profile.policy_as_mof)};
}

}  // namespace smslab::mp
