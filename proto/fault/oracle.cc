#include "proto/fault/oracle.h"

#include <cstdio>
#include <optional>
#include <string>

#include "proto/base/text.h"
#include "proto/fault/routes.h"
#include "proto/fault/sayings.h"
#include "proto/fault/symptoms.h"

namespace smslab::fault {
namespace {
using Rule = v1::FaultRule;

// What of a download a rule strikes at.
struct Reach {
  bool mp = true, listing = true, head = true, get = true;

  explicit Reach(const v1::FaultMatch& match) {
    const bool dp_alone =
        match.role() == v1::FaultMatch::DP || !match.dp().empty() || !match.package().empty() || !match.file().empty();
    const auto asked = [&](std::string_view route, std::string_view method) {
      return match.role() != v1::FaultMatch::MP && (match.route().empty() || iequals(match.route(), route)) &&
             (match.method().empty() || iequals(match.method(), method));
    };
    const Route* route = route_of(match.route());
    mp = route != nullptr ? route->role == v1::FaultMatch::MP : !dp_alone;
    listing = match.file().empty() && !match.has_range() && asked("propfind", "PROPFIND");
    head = !match.has_range() && asked("content", "HEAD");
    get = !match.has_range() && asked("content", "GET");
  }
  bool content() const { return head || get; }
};

bool always(const Rule& rule) {
  const v1::FaultWhen& when = rule.when();
  const bool counted = when.nth() != 0 || when.every() > 1 || when.first() != 0 || when.after() != 0;
  const bool drawn = when.has_probability() && when.probability() < 1;
  return rule.limit() == 0 && !counted && !drawn && !when.has_from() && !when.has_until();
}

v1::ClientSymptom of_status(uint32_t status, const Reach& reach) {
  char code[16];
  std::snprintf(code, sizeof code, "0x%08X", 0x80190000U + status);
  v1::ClientSymptom symptom = symptom_of(Trouble::kForbidden);
  symptom.set_error(code);
  symptom.set_line(reach.listing ? "Error sending DAV request. HTTP code " + std::to_string(status)
                                 : std::string("with error ") + code);
  return symptom;
}

std::optional<Trouble> trouble_of_status(uint32_t status, const Reach& reach) {
  if (reach.mp) return Trouble::kMpDown;
  if (status == 404 && !reach.listing) return Trouble::kFileNotFound;
  return std::nullopt;  // by its number
}

// A reply that does not come.
Trouble trouble_of_silence(const Reach& reach) {
  if (reach.listing) return Trouble::kNotReachable;
  return reach.content() ? Trouble::kCutOff : Trouble::kNone;
}

bool leaves_nothing(const v1::LimitData& limit) {
  return limit.bytes() == 0 && limit.end() != v1::LimitData::GARBAGE && limit.end() != v1::LimitData::STALL;
}

// What a client makes of it whose every attempt meets the rule.
Trouble trouble_of(const Rule& rule, const Reach& reach) {
  switch (rule.effect_case()) {
    case Rule::kCorrupt: return reach.get ? Trouble::kHashMismatch : Trouble::kNone;
    case Rule::kLimitData: return leaves_nothing(rule.limit_data()) ? trouble_of_silence(reach) : Trouble::kNone;
    case Rule::kEmptyResponse:
    case Rule::kResetPeer:
    case Rule::kRandomDataThenClose: return trouble_of_silence(reach);
    case Rule::kEmptyBody: return reach.get && !reach.listing ? Trouble::kCutOff : Trouble::kNone;
    case Rule::kContentLengthOverride:
      // Which of two a client believes is its own affair.
      return reach.head && !reach.listing && !rule.content_length_override().twice() ? Trouble::kMissingSize
                                                                                     : Trouble::kNone;
    case Rule::kIgnoreRange:
    case Rule::kForceMultipart: return reach.get ? Trouble::kNoRanges : Trouble::kNone;
    case Rule::kMissingFile:
      if (rule.missing_file().from() == v1::MissingFile::CONTENT) return Trouble::kFileNotFound;
      return rule.match().file().empty() ? Trouble::kEmptyListing : Trouble::kHashMismatch;
    case Rule::kExtraFile:
    case Rule::kHugeListing:
    case Rule::kRequestFiltering: return Trouble::kFileNotFound;
    case Rule::kWrongSize: return Trouble::kMissingSize;
    case Rule::kEmptyListing: return rule.match().file().empty() ? Trouble::kEmptyListing : Trouble::kHashMismatch;
    case Rule::kHiddenUnlisted: return Trouble::kHashMismatch;
    case Rule::kEio: return Trouble::kCutOff;
    case Rule::kStale: return reach.listing && reach.content() ? Trouble::kHashMismatch : Trouble::kNone;
    case Rule::kNoSpace: return Trouble::kNoLocations;
    case Rule::kDown:
    case Rule::kResetOnAccept: return reach.mp ? Trouble::kNone : Trouble::kNotReachable;
    default: {
      const Saying* saying = saying_of(rule);
      return saying == nullptr ? Trouble::kNone : saying->trouble;
    }
  }
}

// The HTTP status that the rule makes; 0: the reply keeps its own.
uint32_t status_of(const Rule& rule) {
  switch (rule.effect_case()) {
    case Rule::kStatus: return rule.status().code();
    case Rule::kRefuse: return rule.refuse().code() == 0 ? 200 : rule.refuse().code();
    case Rule::kIgnoreRange: return 200;
    case Rule::kForceMultipart: return 206;
    case Rule::kExtraFile:
    case Rule::kHugeListing:
    case Rule::kRequestFiltering: return 404;
    case Rule::kMissingFile: return rule.missing_file().from() == v1::MissingFile::LISTING ? 0 : 404;
    default: return 0;
  }
}

// Of the file, in one reply.
std::optional<uint64_t> bytes_of(const Rule& rule) {
  switch (rule.effect_case()) {
    case Rule::kEmptyResponse:
    case Rule::kResetPeer:
    case Rule::kRandomDataThenClose:
    case Rule::kTimeout:
    case Rule::kEmptyBody:
    case Rule::kResetOnAccept:
    case Rule::kDown: return 0;
    case Rule::kLimitData:
      if (rule.limit_data().bytes() == 0) return 0;
      if (rule.limit_data().in() == v1::LimitData::BODY) return rule.limit_data().bytes();
      return std::nullopt;  // the head has its part of them
    case Rule::kEio:
      if (rule.eio().has_offset()) return rule.eio().offset();
      return std::nullopt;
    default: return std::nullopt;
  }
}
}  // namespace

v1::Foretold foretell_effect(const v1::FaultRule& rule, std::string_view content) {
  const Reach reach(rule.match());
  v1::Foretold told;
  told.set_status(status_of(rule));
  if (const auto bytes = bytes_of(rule)) told.set_bytes(*bytes);
  if (!always(rule)) return told;
  if (rule.has_status() && rule.status().code() >= 400) {
    const auto known = trouble_of_status(rule.status().code(), reach);
    *told.mutable_client() = known ? symptom_of(*known, content) : of_status(rule.status().code(), reach);
    return told;
  }
  const Trouble trouble = trouble_of(rule, reach);
  if (trouble != Trouble::kNone) *told.mutable_client() = symptom_of(trouble, content);
  return told;
}

}  // namespace smslab::fault
