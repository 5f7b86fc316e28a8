#include "mp/journal.h"

#include <algorithm>
#include <utility>

#include "mp/api_route.h"
#include "proto/base/text.h"

namespace smslab::mp {
namespace {
using store::JournalQuery;
using store::JournalRow;
constexpr std::chrono::milliseconds kSettling{100};
constexpr size_t kMostRecords = 10'000;  // of one reply

Result<store::Journal*> journal_of(const Site& site) {
  if (site.journal) return site.journal.get();
  return failed_precondition("this lab keeps no journal; start it without --no-journal");
}

// A name of an enumeration, in any letter case.
template <class E>
Result<E> parse_name(const google::protobuf::EnumDescriptor* type, const std::string& text, const std::string& field) {
  std::string names;
  for (int i = 0; i < type->value_count(); i++) {
    const std::string& name = type->value(i)->name();
    if (name == "ANY_ROLE") continue;
    if (iequals(name, text)) return static_cast<E>(type->value(i)->number());
    names += (names.empty() ? "" : ", ") + name;
  }
  return invalid_argument("'" + text + "' is none of " + names, field);
}

// "100-199", "100-"
Status parse_span(const std::string& text, v1::ByteSpan* span) {
  const size_t dash = text.find('-');
  const auto first = parse_u64(std::string_view(text).substr(0, dash));
  const bool open = dash != std::string::npos && dash + 1 == text.size();
  const auto last =
      dash == std::string::npos || open ? std::nullopt : parse_u64(std::string_view(text).substr(dash + 1));
  if (!first || (!open && !last))
    return invalid_argument("'" + text + "' is no range of bytes, as 0-99 or 100-", "range");
  if (last && *last < *first) return invalid_argument("the last byte is before the first", "range");
  span->set_first(*first);
  if (last) span->set_last(*last);
  return ok_status();
}

// "404", "4xx"
Status parse_status(const std::string& text, store::JournalWanted* wanted) {
  wanted->status = text;
  const bool is_class = text.size() == 3 && text[0] >= '1' && text[0] <= '5' && iequals(text.substr(1), "xx");
  const auto number = is_class ? std::optional<uint64_t>((text[0] - '0') * 100) : parse_u64(text);
  if (!number || *number > 999) {
    return invalid_argument("'" + text + "' is no status, as 404, 4xx, or 0 for none", "status");
  }
  wanted->least_status = static_cast<uint32_t>(*number);
  wanted->most_status = wanted->least_status + (is_class ? 99 : 0);
  return ok_status();
}

// What is compared with names as they are: any text can be one.
struct NameKey {
  const char* name;
  const char* summary;
  void (*set)(store::JournalWanted& wanted, const std::string& value);
};
const NameKey kNameKeys[] = {
    {"dp", "of this distribution point", [](auto& w, const std::string& v) { w.match.set_dp(v); }},
    {"client", "of this computer", [](auto& w, const std::string& v) { w.match.set_client(v); }},
    {"smsid", "of this GUID, where the message says it", [](auto& w, const std::string& v) { w.match.set_smsid(v); }},
    {"address", "from this address", [](auto& w, const std::string& v) { w.match.set_address(v); }},
    {"route", "of this kind, as faults name it", [](auto& w, const std::string& v) { w.match.set_route(v); }},
    {"method", "of this method", [](auto& w, const std::string& v) { w.match.set_method(v); }},
    {"package", "about this package", [](auto& w, const std::string& v) { w.match.set_package(v); }},
    {"file", "about this file; * and ? stand for whatever", [](auto& w, const std::string& v) { w.match.set_file(v); }},
    {"target", "for this target, as sent; * and ? stand for whatever",
     [](auto& w, const std::string& v) { w.target = v; }},
    {"rule", "that this fault has hit", [](auto& w, const std::string& v) { w.rule = v; }},
};

uint64_t begin_of(const store::Journal& journal, const JournalAsk& ask) {
  return std::max(journal.first(), ask.after + 1);
}

void settle(const Site& site, store::Journal& journal) { journal.wait_settled(site.clock.steady() + kSettling); }

v1::JournalCount counted(const store::Journal& journal, JournalQuery& query, uint64_t count, uint64_t from,
                         uint64_t to) {
  v1::JournalCount out;
  out.set_count(count);
  out.set_lost(journal.lost());
  out.set_last(to - 1);
  if (count == 0) {
    for (auto& near : query.nearest(from, to)) *out.add_nearest() = std::move(near);
  }
  return out;
}
}  // namespace

std::vector<control::QueryParameter> journal_query_keys() {
  std::vector<control::QueryParameter> keys = {{.name = "role", .summary = "to the MP or to a DP"}};
  for (const NameKey& key : kNameKeys) keys.push_back({.name = key.name, .summary = key.summary});
  keys.push_back({.name = "version", .summary = "about this version of the package", .number = true});
  keys.push_back({.name = "range", .summary = "for any of these bytes, as 0-99"});
  keys.push_back({.name = "status", .summary = "answered with this status, as 404 or 4xx"});
  keys.push_back({.name = "ended", .summary = "whose reply ended so: whole, cut, stalled, peer_left, ..."});
  keys.push_back({.name = "after", .summary = "with a sequence above this one", .number = true});
  return keys;
}

Result<JournalAsk> read_journal_ask(const control::ControlRequest& request) {
  JournalAsk ask;
  store::JournalWanted& wanted = ask.wanted;
  for (const NameKey& key : kNameKeys) key.set(wanted, request.query_value(key.name));
  if (const std::string role = request.query_value("role"); !role.empty()) {
    ASSIGN_OR_RETURN(const auto value,
                     parse_name<v1::FaultMatch::Role>(v1::FaultMatch::Role_descriptor(), role, "role"));
    wanted.match.set_role(value);
  }
  if (wanted.match.role() == v1::FaultMatch::MP && !wanted.match.dp().empty()) {
    return invalid_argument("a distribution point is not the management point", "dp");
  }
  ASSIGN_OR_RETURN(const uint64_t version, query_number(request, "version", 0));
  if (version > UINT32_MAX) return invalid_argument("no package has that version", "version");
  wanted.match.set_version(static_cast<uint32_t>(version));
  if (const std::string range = request.query_value("range"); !range.empty()) {
    RETURN_IF_ERROR(parse_span(range, wanted.match.mutable_range()));
  }
  if (const std::string status = request.query_value("status"); !status.empty()) {
    RETURN_IF_ERROR(parse_status(status, &wanted));
  }
  if (!wanted.rule.empty() && !parse_u64(wanted.rule)) {
    return invalid_argument("'" + wanted.rule + "' is not the number of a fault", "rule");
  }
  if (const std::string ended = request.query_value("ended"); !ended.empty()) {
    ASSIGN_OR_RETURN(wanted.ended,
                     parse_name<v1::JournalRecord::Ended>(v1::JournalRecord::Ended_descriptor(), ended, "ended"));
  }
  ASSIGN_OR_RETURN(ask.after, query_number(request, "after", 0));
  ASSIGN_OR_RETURN(ask.limit, query_limit(request, kMostRecords, kMostRecords));
  return ask;
}

Result<v1::JournalList> list_journal(const Site& site, const JournalAsk& ask) {
  ASSIGN_OR_RETURN(store::Journal* const journal, journal_of(site));
  settle(site, *journal);
  JournalQuery query(*journal, ask.wanted);
  v1::JournalList list;
  list.set_lost(journal->lost());
  const uint64_t from = begin_of(*journal, ask), to = journal->end();
  for (uint64_t n = from; n < to && static_cast<size_t>(list.records_size()) < ask.limit; n++) {
    const JournalRow* row = journal->row(n);
    if (row != nullptr && query.fits(*row)) *list.add_records() = store::journal_record(*journal, n, *row);
  }
  if (list.records().empty()) {
    for (auto& near : query.nearest(from, to)) *list.add_nearest() = std::move(near);
  }
  return list;
}

Result<v1::JournalCount> count_journal(const Site& site, const JournalAsk& ask) {
  ASSIGN_OR_RETURN(store::Journal* const journal, journal_of(site));
  settle(site, *journal);
  JournalQuery query(*journal, ask.wanted);
  const uint64_t from = begin_of(*journal, ask), to = journal->end();
  return counted(*journal, query, query.count(from, to), from, to);
}

Result<v1::JournalCount> wait_journal(const Site& site, JournalAsk ask, uint64_t wanted,
                                      std::chrono::milliseconds time) {
  ASSIGN_OR_RETURN(store::Journal* const journal, journal_of(site));
  ask.wanted.over = true;
  JournalQuery query(*journal, ask.wanted);
  const SteadyTime deadline = site.clock.steady() + time;
  uint64_t seen = journal->changes();
  // What was over stays so: only the others are looked at again.
  uint64_t count = 0, next = begin_of(*journal, ask), from = next;
  std::vector<uint64_t> open;
  while (true) {
    std::erase_if(open, [&](uint64_t n) {
      const JournalRow* row = journal->row(n);
      if (row == nullptr || row->ended == v1::JournalRecord::UNDER_WAY) return false;
      count += query.fits(*row) ? 1 : 0;
      return true;
    });
    for (const uint64_t to = journal->end(); next < to; next++) {
      const JournalRow* row = journal->row(next);
      if (row == nullptr || (row->ended == v1::JournalRecord::UNDER_WAY && row->settled == 0)) {
        open.push_back(next);
      } else {
        count += query.fits(*row) ? 1 : 0;
      }
    }
    if (count >= wanted) break;
    if (!journal->wait_past(&seen, deadline)) {
      if (site.clock.steady() < deadline) return Status(Code::kUnavailable, "the lab stops; nothing more will come");
      break;
    }
    if (from < journal->first()) {  // it was cleared meanwhile: what is gone does not count
      from = next = journal->first();
      count = 0;
      open.clear();
    }
  }
  return counted(*journal, query, count, from, next);
}

Status clear_journal(const Site& site) {
  ASSIGN_OR_RETURN(store::Journal* const journal, journal_of(site));
  journal->clear();
  return ok_status();
}

}  // namespace smslab::mp
