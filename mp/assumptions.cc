#include "mp/assumptions.h"

namespace smslab::mp {

const std::vector<Assumption>& assumptions() {
  // clang-format off
  static const std::vector<Assumption> kTable = {
    {"A1", "what an SMS 2003 agent puts on the wire", "envelope and bodies of 2007, unknown hooks ignored, registration optional in profile 2003", "mp/who.cc"},
    {"A1a", "Status and ApprovalStatus of a refused registration", "2 asks for a new identity, 3 refuses, with -1", "mp/registration.cc"},
    {"A2", "response headers of .sms_aut, .sms_pol and /ccm_system/request", "those of the recorded replies", "mp/client_plane.cc"},
    {"A3", "a real MP's reply <Msg>", "a mirror of the request's", "proto/ccm/envelope_write.cc"},
    {"A4", "what the signatures of assignments, certificates and keys cover; PayloadSignature of an uncompressed payload", "empty attributes, no Signature element; an uncompressed payload is not checked", "mp/aut.cc, mp/who.cc"},
    {"A5", "the bytes under PolicyHash, PolicyHashEx and SHA256: in the URL", "the whole HTTP entity with its BOM; upper-case hex of MD5 and of SHA-1", "mp/policy_set.cc, mp/policy_download.cc"},
    {"A6", "ServerCookie text, and when a reply counts as unchanged", "yyyy-MM-dd HH:mm:ss.fff UTC of the last change; an equal cookie gets an empty 200", "mp/policy.cc"},
    {"A7", "ValidationData (CRC) of assignments", "not sent", "mp/policy_set.cc"},
    {"A8", "the agent's PROPFIND headers and the real property set", "the documented set; no Depth means infinity", "proto/dav/multistatus.cc"},
    {"A9", "tree hash of the MD5 and SHA-1 generations; order and case of non-ASCII names", "the SHA-256 construction with the other digest; simple upper-case code point order", "proto/base/tree_hash.cc, proto/base/names.cc"},
    {"A10", "value sets of Locality, SiteLocality, DPType and PackageFlags; ranking of DPs", "those of the public samples; DPs whose own boundaries hold the client, then LOCAL, then REMOTE, by NAL path; a client that says nothing is where its connection comes from", "mp/location.cc, mp/boundaries.cc"},
    {"A11", "WMI-MOF text, condition, ActiveMessage and PolicyCategory of a real policy", "a plain instance layout, no condition, no ActiveMessage, SoftwareDist", "mp/policy_document.cc, mp/policy_body.cc"},
    {"A11a", "triggers of weekly and monthly schedules; IDs of several scheduled messages of one advert; meaning of PRG_DependentPolicy", "Weekly;.. and Monthly..;.. in the manner of SimpleInterval; the policy's ID and a number; a program that comes only to run before another", "mp/schedule.cc, mp/policy_body.cc"},
    {"A12", "numeric ID of most status types; order of properties", "a table of the known ones, others kept by their class; an EventId on the wire is a message ID", "mp/status_messages.yaml, mp/sinks.cc"},
    {"A13", "AssignedSiteReply", "one Site with its SiteCode", "mp/location.cc"},
    {"A14", "PackageHash.1, PackageHash.2 and NewPackageHash of SWDReserved", "MD5, SHA-1 and SHA-256", "mp/policy_body.cc"},
    {"A15", "signature containers, BITS deltas, BranchCache", "404; ignored", "dp/"},
    {"A16", "unknown endpoint, unknown site in MPLIST, unknown policy ID", "empty 200; empty list; 404", "mp/ccm_request.cc, mp/aut.cc, mp/policy_download.cc"},
    {"A17", "sign of the bias in client logs", "UTC = local time + bias", "proto/base/log.cc"},
    {"A18", "how a site mints an SMSID", "from seed, computer name and signing key, so that runs repeat", "mp/registration.cc"},
    {"A18a", "an SMSID that a client proposes and another one holds", "the holder keeps it; the other gets one of its own", "mp/registration.cc"},
    {"S5.1", "when a component's light changes", "WARNING at 1 error or 10 warnings, CRITICAL at 5 or 50, since the site was made", "mp/status.cc"},
    {"S8.5", "lines of offermgr.log; names, components and lines of most MP_*.log", "our own words", "mp/site_log.cc, mp/mp_log.cc"},
    {"S6.2", "states of an advert's client by events without a number", "by what their class names say", "mp/status_messages.yaml"},
    {"S11.1", "SMS 2003 hash of a package of several files", "the construction of 2012 with SHA-1", "proto/base/tree_hash.cc"},
    {"S11.2", "whether Refresh reads the live source", "a direct package's is read; else the site's copy is sent again", "mp/package_dps.cc"},
    {"S11.3", "retries of a distribution", "100, every 30 minutes", "mp/settings.cc"},
    {"S11.4", "messages of a refresh", "those of an assignment without 30009", "mp/delivery.cc"},
    {"S11.5", "messages of a removal from a DP", "30011, 2300, 2301", "mp/delivery.cc"},
    {"S11.6", "order of several DPs", "by NAL path, each DP's messages together; one that is much slower when it is done", "mp/distribution.cc"},
    {"S11.7", "2329 before or after 2330", "before", "mp/delivery.cc"},
    {"S11.8", "messages of a new advertisement", "30006 only", "mp/adverts.cc"},
    {"S11.9", "texts without a verbatim source", "our own words, marked assumed", "mp/status_messages.yaml"},
    {"S11.10", "date form of SMS 2003 server logs", "MM-DD-YYYY HH:MM:SS.mmm+bbb", "proto/base/log.cc"},
    {"S11.11", "SMS 2003 location reply and policy body", "the 2007 reply with URL and SMBPath; WMI-MOF in profile 2003, WMI-XML in 2007", "mp/location.cc, mp/profile.cc"},
    {"S11.12", "ID of the cache-full warning", "none is known, none is sent", "mp/status_messages.yaml"},
    {"S11.13", "which hash-mismatch messages a client sends", "10030, 10057 and 10075 are known alike; SoftDistAdvertHashMismatchEvent is 10075", "mp/profile.cc"},
    {"S11.14", "numbers of download started, completed, failed and content removed", "kept by class name under the client", "mp/sinks.cc"},
    {"S11.15", "counters when a client runs again", "each client once per counter", "mp/status.cc"},
    {"S11.15a", "whether messages of clients that are not approved are counted", "they are", "mp/status.cc"},
    {"S11.16", "a second Update within a running distribution", "the DP ends at the newest version", "mp/distribution.cc"},
    {"S11.17", "location of an older version than every DP holds", "an empty list", "mp/location.cc"},
    {"S11.18", "contents of .RPT, .pkg, .nal and .ofr", "short plain text of our own, with --inboxes", "mp/inboxes.cc"},
    {"S11.19", "whether a DP keeps the old version during an Update", "until the new copy is complete", "dp/"},
  };
  // clang-format on
  return kTable;
}

}  // namespace smslab::mp
