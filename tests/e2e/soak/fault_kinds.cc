#include "tests/e2e/soak/fault_kinds.h"

#include <algorithm>

#include "proto/base/digest.h"

namespace smslab::test::soak {
namespace {
const File& file_at(const std::string& path) {
  return *std::find_if(files().begin(), files().end(), [&](const File& file) { return file.path == path; });
}

// Behind the first line, which says what the rest must be.
Fault wrong_bytes(Fault::Kind kind, const File& file, std::mt19937_64& random) {
  Fault fault{.kind = kind, .file = file.path};
  fault.length = 1 + random() % 50;
  fault.offset = kFirstLine + random() % (file.size - kFirstLine - fault.length);
  return fault;
}
bool is_wrong_there(const Fault& fault, std::string_view got, std::string_view truth) {
  if (got.size() != truth.size()) return false;
  for (size_t i = 0; i < truth.size(); i++) {
    const bool touched = i >= fault.offset && i < fault.offset + fault.length;
    if ((got[i] != truth[i]) != touched) return false;
  }
  return true;
}

// For one label; a file that does not change has one alone.
bool explains_label(const Fault& fault, const std::string& package, const Got& got, uint64_t label) {
  const File& file = file_at(fault.file);
  const HttpProbe::Reply& reply = got.reply;
  switch (fault.kind) {
    case Fault::kDamage:  // the validator is that of the bytes that come
      return reply.status == 200 && is_wrong_there(fault, reply.body, content(package, label, file)) &&
             reply.field("ETag") == "\"" + digest_hex(Algorithm::kSha256, reply.body) + "\"";
    case Fault::kWire:  // the network's doing: the server told the truth
      return reply.status == 200 && is_wrong_there(fault, reply.body, content(package, label, file)) &&
             reply.field("ETag") == etag_of(package, label, file);
    case Fault::kCut:
      return reply.status == 0 && reply.field("ETag") == etag_of(package, label, file) &&
             got.rest == content(package, label, file).substr(0, fault.offset);
    case Fault::kSwap: return reply.status == 200 && reply.body == content(package, label, file_at(fault.other));
    case Fault::kStatus: return reply.status == fault.status;
    case Fault::kMissing: return reply.status == 404;
  }
  return false;
}
}  // namespace

const std::vector<FaultKind>& fault_kinds() {
  using Random = std::mt19937_64;
  static const std::vector<FaultKind> all = {
      {Fault::kDamage, [](const File& file, Random& random) { return wrong_bytes(Fault::kDamage, file, random); }},
      {Fault::kWire, [](const File& file, Random& random) { return wrong_bytes(Fault::kWire, file, random); }},
      {Fault::kStatus,
       [](const File& file, Random& random) {
         return Fault{.kind = Fault::kStatus, .file = file.path, .status = random() % 2 == 0 ? 503 : 500};
       }},
      {Fault::kCut,
       [](const File& file, Random& random) {
         return Fault{.kind = Fault::kCut, .file = file.path, .offset = random() % file.size};
       }},
      {Fault::kMissing, [](const File& file, Random&) { return Fault{.kind = Fault::kMissing, .file = file.path}; }},
      {Fault::kSwap, [](const File& file, Random&) {
         const File& other = file.path == files().front().path ? files().back() : files().front();
         return Fault{.kind = Fault::kSwap, .file = file.path, .other = other.path};
       }}};
  return all;
}

v1::FaultRule rule_of(const Fault& fault, const std::string& package) {
  v1::FaultRule rule;
  rule.mutable_match()->set_dp(fault.dp);
  rule.mutable_match()->set_package(package);
  rule.mutable_match()->set_file(fault.file);
  if (fault.kind != Fault::kDamage && fault.kind != Fault::kMissing) rule.mutable_match()->set_method("GET");
  switch (fault.kind) {
    case Fault::kDamage:
    case Fault::kWire:
      rule.mutable_corrupt()->set_where(fault.kind == Fault::kWire ? v1::Corrupt::WIRE : v1::Corrupt::STORE);
      rule.mutable_corrupt()->set_offset(fault.offset);
      rule.mutable_corrupt()->set_length(fault.length);
      break;
    case Fault::kStatus: rule.mutable_status()->set_code(static_cast<uint32_t>(fault.status)); break;
    case Fault::kCut:
      rule.mutable_limit_data()->set_in(v1::LimitData::BODY);
      rule.mutable_limit_data()->set_bytes(fault.offset);
      break;
    case Fault::kMissing: rule.mutable_missing_file(); break;
    case Fault::kSwap: rule.mutable_swap_file()->set_file(fault.other); break;
  }
  return rule;
}

bool explains(const Fault& fault, const std::string& package, const Got& got, uint64_t least, uint64_t most) {
  for (uint64_t label = std::max<uint64_t>(least, 1); label <= most; label++) {
    if (explains_label(fault, package, got, label)) return true;
  }
  return false;
}

}  // namespace smslab::test::soak
