#include "store/journal_query.h"

#include <algorithm>
#include <cstring>

#include "proto/base/hex.h"
#include "proto/base/text.h"
#include "proto/base/utf16.h"
#include "proto/fault/plan.h"
#include "proto/schema/timestamp.h"
#include "proto/wire/recorder.h"

namespace smslab::store {
namespace {
constexpr size_t kRemembered = size_t{1} << 16;  // texts a wish
constexpr size_t kNearest = 3;

std::optional<uint64_t> last_of(const JournalRow& row) {
  return row.last == JournalRow::kNone ? std::nullopt : std::optional(row.last);
}

// As JSON can hold it: of what is no UTF-8 (a client's whim, a text that was cut, a disk's damage) the bytes above 7F
// are percent-encoded.
std::string shown(const Journal& journal, uint32_t number) {
  const std::string_view text = journal.read(number);
  if (valid_utf8(text)) return std::string(text);
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80) {
      out += c;
    } else {
      out += '%' + to_hex({&c, 1});
    }
  }
  return out;
}

// "3 17": the IDs of the rules that hit.
bool names_rule(std::string_view rule, std::string_view rules) {
  const auto ids = split(rules, ' ');
  return std::ranges::find(ids, rule) != ids.end();
}

v1::JournalRecord::Ended ended_of(const JournalRow& row) {
  return static_cast<v1::JournalRecord::Ended>(row.ended.load(std::memory_order_acquire));
}

v1::Difference difference(std::string_view field, std::string wanted, std::string was) {
  v1::Difference one;
  one.set_field(std::string(field));
  one.set_wanted(std::move(wanted));
  one.set_was(std::move(was));
  return one;
}

std::string span_text(uint64_t first, std::optional<uint64_t> last) {
  return std::to_string(first) + "-" + (last ? std::to_string(*last) : "");
}
std::string span_text(const v1::ByteSpan& span) {
  return span_text(span.first(), span.has_last() ? std::optional(span.last()) : std::nullopt);
}

// Of a row that a disk has altered it may be anything, also what no calendar has.
LabTime lab_time(int64_t milliseconds) {
  constexpr int64_t kYear1 = -62'135'596'800'000, kYear9999 = 253'402'300'799'999;
  return LabTime(LabDuration(std::clamp(milliseconds, kYear1, kYear9999)));
}
}  // namespace

JournalQuery::JournalQuery(const Journal& journal, const JournalWanted& wanted) : journal_(journal), wanted_(wanted) {
  const v1::FaultMatch& match = wanted_.match;
  wish("dp", &JournalRow::dp, match.dp(), fault::name_fits);
  wish("client", &JournalRow::client, match.client(), fault::name_fits);
  wish("smsid", &JournalRow::smsid, match.smsid(), fault::name_fits);
  wish("address", &JournalRow::address, match.address(), fault::name_fits);
  wish("route", &JournalRow::route, match.route(), fault::name_fits);
  wish("method", &JournalRow::method, match.method(), fault::name_fits);
  wish("package", &JournalRow::package, match.package(), fault::name_fits);
  wish("file", &JournalRow::file, match.file(), fault::glob_matches);
  wish("target", &JournalRow::target, wanted_.target, fault::glob_matches);
  wish("rule", &JournalRow::rules, wanted_.rule, names_rule);
}

void JournalQuery::wish(std::string_view field, uint32_t JournalRow::*text, const std::string& wanted,
                        bool (*compare)(std::string_view wanted, std::string_view is)) {
  if (wanted.empty()) return;
  wishes_.push_back({field, text, wanted, compare, std::vector<uint64_t>(kRemembered, UINT64_MAX)});
}

bool JournalQuery::granted(Wish& wish, uint32_t text) const {
  uint64_t& known = wish.known[(text * 0x9E3779B1U) >> 16];
  if (known >> 1 != text) known = uint64_t{text} << 1 | (wish.compare(wish.wanted, shown(journal_, text)) ? 1U : 0U);
  return (known & 1U) != 0;
}

// What is compared without looking at a text.
bool JournalQuery::plain_fits(const JournalRow& row) const {
  const v1::FaultMatch& match = wanted_.match;
  if (match.role() != v1::FaultMatch::ANY_ROLE && match.role() != static_cast<int>(row.role)) return false;
  if (match.version() != 0 && match.version() != row.version) return false;
  if (match.has_range() && !fault::span_fits(match.range(), row.first, last_of(row))) return false;
  const uint32_t status = row.status.load(std::memory_order_relaxed);
  if (status < wanted_.least_status || status > wanted_.most_status) return false;
  if (wanted_.ended && *wanted_.ended != ended_of(row)) return false;
  return !wanted_.over || ended_of(row) != v1::JournalRecord::UNDER_WAY;
}

bool JournalQuery::fits(const JournalRow& row) {
  if (!plain_fits(row)) return false;
  return std::ranges::all_of(wishes_, [&](Wish& wish) { return granted(wish, row.*wish.text); });
}

uint64_t JournalQuery::count(uint64_t from, uint64_t to) {
  uint64_t count = 0;
  for (uint64_t n = from; n < to; n++) {
    const JournalRow* row = journal_.row(n);
    if (row != nullptr && fits(*row)) count++;
  }
  return count;
}

std::vector<v1::Difference> JournalQuery::differences(const JournalRow& row) {
  std::vector<v1::Difference> all;
  const v1::FaultMatch& match = wanted_.match;
  const auto role = static_cast<v1::FaultMatch::Role>(row.role);
  if (match.role() != v1::FaultMatch::ANY_ROLE && match.role() != role) {
    all.push_back(difference("role", v1::FaultMatch::Role_Name(match.role()), v1::FaultMatch::Role_Name(role)));
  }
  for (Wish& wish : wishes_) {
    const uint32_t text = row.*wish.text;
    if (!granted(wish, text)) all.push_back(difference(wish.field, wish.wanted, shown(journal_, text)));
  }
  if (match.version() != 0 && match.version() != row.version) {
    all.push_back(difference("version", std::to_string(match.version()), std::to_string(row.version)));
  }
  if (match.has_range() && !fault::span_fits(match.range(), row.first, last_of(row))) {
    all.push_back(difference("range", span_text(match.range()), span_text(row.first, last_of(row))));
  }
  const uint32_t status = row.status;
  if (status < wanted_.least_status || status > wanted_.most_status) {
    all.push_back(difference("status", wanted_.status, std::to_string(status)));
  }
  if (wanted_.ended && *wanted_.ended != ended_of(row)) {
    all.push_back(difference("ended", v1::JournalRecord::Ended_Name(*wanted_.ended),
                             v1::JournalRecord::Ended_Name(ended_of(row))));
  }
  return all;
}

// How many wishes are not met, `most` when they are so many or more.
size_t JournalQuery::misses(const JournalRow& row, size_t most) {
  const v1::FaultMatch& match = wanted_.match;
  const uint32_t status = row.status.load(std::memory_order_relaxed);
  size_t count = 0;
  count += match.role() != v1::FaultMatch::ANY_ROLE && match.role() != static_cast<int>(row.role) ? 1 : 0;
  count += match.version() != 0 && match.version() != row.version ? 1 : 0;
  count += match.has_range() && !fault::span_fits(match.range(), row.first, last_of(row)) ? 1 : 0;
  count += status < wanted_.least_status || status > wanted_.most_status ? 1 : 0;
  count += wanted_.ended && *wanted_.ended != ended_of(row) ? 1 : 0;
  for (Wish& wish : wishes_) {
    if (count >= most) return most;
    count += granted(wish, row.*wish.text) ? 0 : 1;
  }
  return std::min(count, most);
}

std::vector<v1::NearMiss> JournalQuery::nearest(uint64_t from, uint64_t to) {
  struct Candidate {
    size_t misses;
    uint64_t sequence;
  };
  std::vector<Candidate> best;
  for (uint64_t n = to; n-- > from;) {  // newest first
    const JournalRow* row = journal_.row(n);
    if (row == nullptr) continue;
    const size_t bar = best.size() < kNearest ? SIZE_MAX : best.back().misses;
    const size_t count = misses(*row, bar);
    if (count == 0 || count >= bar) continue;
    const auto place = std::ranges::upper_bound(best, count, {}, &Candidate::misses);
    best.insert(place, {count, n});
    if (best.size() > kNearest) best.pop_back();
  }
  std::vector<v1::NearMiss> all;
  for (const Candidate& one : best) {
    const JournalRow& row = *journal_.row(one.sequence);
    v1::NearMiss near;
    *near.mutable_record() = journal_record(journal_, one.sequence, row);
    for (auto& difference : differences(row)) *near.add_differs() = std::move(difference);
    if (near.differs_size() > 0) all.push_back(std::move(near));  // it may have changed meanwhile
  }
  return all;
}

v1::JournalRecord journal_record(const Journal& journal, uint64_t sequence, const JournalRow& row) {
  const auto text = [&](uint32_t number) { return shown(journal, number); };
  v1::JournalRecord out;
  out.set_sequence(sequence);
  *out.mutable_time() = to_timestamp(lab_time(row.time));
  out.set_client(text(row.client));
  out.set_smsid(text(row.smsid));
  out.set_address(text(row.address));
  out.set_port(row.port);
  out.set_client_sequence(row.client_sequence);
  out.set_connection(row.connection);
  out.set_request(row.request);
  out.set_role(static_cast<v1::FaultMatch::Role>(row.role));
  out.set_dp(text(row.dp));
  out.set_tls(row.tls != 0);
  out.set_method(text(row.method));
  out.set_target(text(row.target));
  out.set_route(text(row.route));
  out.set_package(text(row.package));
  out.set_version(row.version);
  out.set_file(text(row.file));
  if (row.first != 0 || row.last != JournalRow::kNone) {
    out.mutable_range()->set_first(row.first);
    if (const auto last = last_of(row)) out.mutable_range()->set_last(*last);
  }
  out.set_request_bytes(row.request_bytes);
  if (row.rules != 0) {
    const std::string rules = text(row.rules);
    for (const auto rule : split(rules, ' ')) out.add_rules(std::string(rule));
  }

  const bool settled = row.settled.load(std::memory_order_acquire) != 0;
  out.set_ended(ended_of(row));  // first: what it says is there then
  out.set_status(row.status);
  out.set_head_bytes(row.head);
  if (const uint64_t whole = row.whole; whole != wire::kUnknownSize) out.set_reply_bytes(whole);
  if (const uint64_t planned = row.planned; planned != wire::kUnknownSize) out.set_planned_bytes(planned);
  out.set_sent_bytes(row.sent);
  out.set_acknowledged_bytes(row.acknowledged);
  out.set_settled(settled);
  if (out.ended() != v1::JournalRecord::UNDER_WAY) *out.mutable_ended_at() = to_timestamp(lab_time(row.finished));
  out.set_reason(text(row.reason));
  const auto of = static_cast<wire::BodyDigest::Of>(row.digest_of.load(std::memory_order_acquire));
  if (of != wire::BodyDigest::Of::kNothing) {
    std::array<char, sizeof row.sha256> raw;
    for (size_t i = 0; i < row.sha256.size(); i++) {
      const uint64_t word = row.sha256[i];
      std::memcpy(raw.data() + i * sizeof word, &word, sizeof word);
    }
    const std::string hex = to_hex({raw.data(), raw.size()});
    if (of == wire::BodyDigest::Of::kBody) out.set_sha256(hex);
    if (of == wire::BodyDigest::Of::kPartOfFile) out.set_part_of_sha256(hex);
  }
  out.set_names_addresses((row.flags & JournalRow::kNamesAddresses) != 0);
  out.set_named((row.flags & JournalRow::kNamed) != 0);
  return out;
}

}  // namespace smslab::store
