#include "proto/fault/effects.h"

#include <algorithm>
#include <array>

#include "proto/base/text.h"

namespace smslab::fault {
namespace {
using Rule = v1::FaultRule;

constexpr std::array kEffects = {
    Effect{Rule::kCorrupt, "corrupt", Stage::kStore, "wrong bytes: at rest on one DP, or in the reply", check_corrupt,
           corrupt_reply},
    Effect{Rule::kLimitData, "limit_data", Stage::kReply,
           "exactly N bytes of the reply, then FIN, RST, a stall or garbage", check_limit_data, limit_data},
    Effect{Rule::kTruncateBodyAtFraction, "truncate_body_at_fraction", Stage::kReply,
           "a part of the body under a head that is right, then FIN", check_truncate, truncate_body},
    Effect{Rule::kEmptyResponse, "empty_response", Stage::kReply, "FIN instead of a reply", nullptr, empty_response},
    Effect{Rule::kTimeout, "timeout", Stage::kReply, "silence instead of a reply, then FIN or nothing", nullptr,
           timeout},
    Effect{Rule::kResetPeer, "reset_peer", Stage::kReply, "RST instead of a reply", nullptr, reset_peer},
    Effect{Rule::kRandomDataThenClose, "random_data_then_close", Stage::kReply, "garbage instead of a reply, then FIN",
           check_random_data, random_data_then_close},
    Effect{Rule::kMalformedResponseChunk, "malformed_response_chunk", Stage::kReply,
           "a chunked head, garbage for a chunk, then FIN", nullptr, malformed_response_chunk},
    Effect{Rule::kResponseBytes, "response_bytes", Stage::kReply, "these bytes as the whole reply, then FIN",
           check_response_bytes, response_bytes},
    Effect{Rule::kLatency, "latency", Stage::kReply, "a delay before the first byte", check_latency, latency},
    Effect{Rule::kBandwidth, "bandwidth", Stage::kReply, "so many KB a second", check_bandwidth, bandwidth},
    Effect{Rule::kSlicer, "slicer", Stage::kReply, "small pieces with pauses", check_slicer, slicer},
    Effect{Rule::kSlowClose, "slow_close", Stage::kReply, "the last reply of the connection, and a late FIN",
           check_slow_close, slow_close},
    Effect{Rule::kContentLengthOverride, "content_length_override", Stage::kReply,
           "Content-Length wrong, missing or twice", check_content_length, content_length_override},
    Effect{Rule::kStatus, "status", Stage::kReply, "another status, with or without a body and Retry-After",
           check_status, status_reply},
    Effect{Rule::kHeader, "header", Stage::kReply,
           "fields removed, replaced, doubled: ETag, Last-Modified, Content-Range, any", check_header, header_edit},
    Effect{Rule::kMalformedBody, "malformed_body", Stage::kReply, "garbage behind the body, counted in Content-Length",
           check_malformed_body, malformed_body},
    Effect{Rule::kEmptyBody, "empty_body", Stage::kReply, "the head of success, and no body", nullptr, empty_body},
    Effect{Rule::kIgnoreRange, "ignore_range", Stage::kReply, "200 and the whole file for a Range", nullptr,
           ignore_range},
    Effect{Rule::kForceMultipart, "force_multipart", Stage::kReply, "multipart/byteranges for a single range", nullptr,
           force_multipart},
    Effect{Rule::kSwapFile, "swap_file", Stage::kReply, "another file of the package under this one's name",
           check_swap_file, swap_file},
    Effect{Rule::kClockSkew, "clock_skew", Stage::kReply, "a Date of another time", check_clock_skew, clock_skew},
    Effect{Rule::kAssignments, "assignments", Stage::kAnswer, "policy assignments, wrong in the way that `how` names",
           check_assignments, nullptr},
    Effect{Rule::kPolicyBody, "policy_body", Stage::kAnswer, "a policy, in the same manner", check_policy_body,
           nullptr},
    Effect{Rule::kLocations, "locations", Stage::kAnswer, "a package's locations, in the same manner", check_locations,
           nullptr},
    Effect{Rule::kRegistration, "registration", Stage::kAnswer, "the answer to a registration, in the same manner",
           check_registration, nullptr},
    Effect{Rule::kRefuse, "refuse", Stage::kAnswer, "a message that the site does not take", check_refuse, nullptr},
    Effect{Rule::kResetOnAccept, "reset_on_accept", Stage::kConnection, "RST as soon as it connects", nullptr, nullptr},
    Effect{Rule::kNeverRead, "never_read", Stage::kConnection, "accepted, and never read", nullptr, nullptr},
    Effect{Rule::kHandshakeAbort, "handshake_abort", Stage::kConnection,
           "a TLS client is dropped after its first message", nullptr, nullptr},
    // Listeners and their certificates.
    Effect{Rule::kDown, "down", Stage::kListener, "the listener is closed: refused, and idle connections ended",
           check_down, nullptr},
    Effect{Rule::kCertExpired, "cert_expired", Stage::kConnection, "a certificate of the year 2000", nullptr, nullptr},
    Effect{Rule::kCertNotYetValid, "cert_not_yet_valid", Stage::kConnection, "a certificate of the year 2099", nullptr,
           nullptr},
    Effect{Rule::kCertWrongHost, "cert_wrong_host", Stage::kConnection, "a certificate for another host", nullptr,
           nullptr},
    Effect{Rule::kCertUnknownCa, "cert_unknown_ca", Stage::kConnection, "a certificate of a CA that nobody trusts",
           nullptr, nullptr},
    Effect{Rule::kCertBadChain, "cert_bad_chain", Stage::kConnection,
           "a certificate without the intermediate one between it and the CA", nullptr, nullptr},
    Effect{Rule::kOldTls, "old_tls", Stage::kConnection, "TLS 1.0 and 1.1 alone", nullptr, nullptr},
    // What a distribution point says of its content.
    Effect{Rule::kMissingFile, "missing_file", Stage::kReply, "404, not listed, or only one of the two",
           check_missing_file, missing_file, missing_file_concerns},
    Effect{Rule::kExtraFile, "extra_file", Stage::kReply, "a file that is listed and not there", check_extra_file,
           extra_file, listing_concerns},
    Effect{Rule::kWrongSize, "wrong_size", Stage::kReply, "another size in the listing", check_wrong_size, wrong_size,
           listed_file_concerns},
    Effect{Rule::kEmptyListing, "empty_listing", Stage::kReply, "a listing without any file", check_listing,
           empty_listing, listing_concerns},
    Effect{Rule::kHugeListing, "huge_listing", Stage::kReply, "so many made-up files behind the true ones",
           check_huge_listing, huge_listing, listing_concerns},
    Effect{Rule::kHiddenUnlisted, "hidden_unlisted", Stage::kReply, "hidden files are there and not listed",
           check_listing, hidden_unlisted, listed_file_concerns},
    Effect{Rule::kRequestFiltering, "request_filtering", Stage::kReply,
           "IIS's 404.7, 404.8, 404.11 for extensions, segments, double escapes", check_request_filtering,
           request_filtering, filtering_concerns},
    Effect{Rule::kEio, "eio", Stage::kReply, "the reply breaks off at a byte that cannot be read", check_eio, eio,
           eio_concerns},
    Effect{Rule::kNoSpace, "no_space", Stage::kReceive, "what the site sends does not fit on the DP's disk",
           check_no_space, nullptr},
    Effect{Rule::kStale, "stale", Stage::kReply, "an older version under the new one's name", check_stale, stale,
           stale_concerns},
    Effect{Rule::kTornRefresh, "torn_refresh", Stage::kReply,
           "old listing with new bytes, new with old, or both in one download", check_torn_refresh, torn_refresh,
           torn_concerns},
};
bool contains(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::any_of(words, [&](std::string_view one) { return iequals(one, word); });
}

std::string listed(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}
}  // namespace

std::span<const Effect> all_effects() { return kEffects; }

const Effect* effect_of(const v1::FaultRule& rule) {
  const auto row = std::ranges::find(kEffects, rule.effect_case(), &Effect::kind);
  return row == kEffects.end() ? nullptr : &*row;
}

std::string Noise::bytes(uint64_t size) const {
  std::string out;
  for (uint64_t n = 0; out.size() < size; n++) out += random_.bytes("fault-noise", {key_}, n);
  out.resize(size);
  return out;
}

uint64_t Noise::below(uint64_t bound, std::string_view purpose) const {
  return random_.below(bound, "fault-draw", {purpose, key_});
}

std::string Noise::spoil(std::string bytes) const {
  const std::string noise = this->bytes(bytes.size());
  for (size_t i = 0; i < bytes.size(); i++) {
    const auto mask = static_cast<unsigned char>(1 + static_cast<unsigned char>(noise[i]) % 255);
    bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) ^ mask);
  }
  return bytes;
}

void rewrite_last(wire::Delivery* delivery, Rewrite change) {
  delivery->rewrite = [before = std::move(delivery->rewrite), change = std::move(change)](std::string* head,
                                                                                          wire::Body* body) {
    if (before) before(head, body);
    change(head, body);
  };
}

std::string take_field(std::string* head, std::string_view name) {
  std::string first;
  bool found = false;
  for (size_t line = head->find("\r\n"); line != std::string::npos;) {
    const size_t begin = line + 2, end = head->find("\r\n", begin);
    if (end == begin || end == std::string::npos) break;
    const std::string_view text = std::string_view(*head).substr(begin, end - begin);
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos || !iequals(text.substr(0, colon), name)) {
      line = end;
      continue;
    }
    if (!found) first = trim(text.substr(colon + 1));
    found = true;
    head->erase(begin, end + 2 - begin);
  }
  return first;
}

void add_field(std::string* head, std::string_view name, std::string_view value) {
  head->insert(head->size() - 2, std::string(name) + ": " + std::string(value) + "\r\n");
}

Status check_asked(const v1::FaultRule& rule, std::initializer_list<std::string_view> routes,
                   std::initializer_list<std::string_view> methods) {
  const v1::FaultMatch& match = rule.match();
  if (match.role() == v1::FaultMatch::MP) {
    return invalid_argument("the management point has no content; this is for a distribution point", "match.role");
  }
  if (!match.route().empty() && !contains(routes, match.route())) {
    return invalid_argument("this can be seen in " + listed(routes) + " alone", "match.route");
  }
  if (!match.method().empty() && !contains(methods, match.method())) {
    return invalid_argument("this can be seen in " + listed(methods) + " alone", "match.method");
  }
  if (match.has_range() && !contains(routes, "content")) {
    return invalid_argument("a listing has no ranges", "match.range");
  }
  return ok_status();
}

}  // namespace smslab::fault
