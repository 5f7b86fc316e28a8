// The journal's verbs: what clients asked, and what they got; and the transcript made of it.
#include <fmt/format.h>

#include <algorithm>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/base/uri.h"
#include "proto/control/client.h"
#include "proto/schema/journal.pb.h"

namespace smslab::cli {
namespace {
constexpr size_t kPage = 10'000;           // of the API
constexpr uint64_t kLongestWait = 50'000;  // of one request, in milliseconds

// Options that are keys of the API's query, given on as they are.
struct Option {
  const char* name;
  const char* help;
};
constexpr Option kMatch[] = {
    {"role", "to the MP or to a DP"},
    {"dp", "of this distribution point"},
    {"client", "of this computer"},
    {"smsid", "of this GUID, where the message says it"},
    {"address", "from this address"},
    {"route", "of this kind, as faults name it: content, propfind, policy_body, ..."},
    {"method", "of this method"},
    {"package", "about this package"},
    {"version", "about this version of the package"},
    {"file", "about this file; * and ? stand for whatever"},
    {"target", "for this target; * and ? stand for whatever"},
    {"range", "for any of these bytes, as 0-99"},
    {"status", "answered with this status, as 404 or 4xx"},
    {"rule", "that this fault has hit"},
    {"ended", "whose reply ended so: whole, cut, stalled, peer_left, too_slow, stopped, unanswered, under_way"},
    {"after", "with a sequence above this one"},
};

struct Wanted {
  std::map<std::string, std::string> query;
  uint64_t limit = 0;  // 0: all
  uint64_t count = 1;
  std::string timeout = "10s";
  bool har = false;
};

std::string target(const std::string& path, const std::map<std::string, std::string>& query) {
  std::string out = path;
  for (const auto& [name, value] : query) {
    if (value.empty()) continue;
    out += (out == path ? "?" : "&") + name + "=" + percent_encode_component(value);
  }
  return out;
}

std::string lower_ended(const v1::JournalRecord& record) {
  return ascii_lower(v1::JournalRecord::Ended_Name(record.ended()));
}

Row row_of(const v1::JournalRecord& r) {
  std::string rules;
  for (const auto& rule : r.rules()) rules += (rules.empty() ? "" : ",") + rule;
  return {std::to_string(r.sequence()),
          shown(r.time()),
          r.client().empty() ? r.address() : r.client(),
          r.dp().empty() ? v1::FaultMatch::Role_Name(r.role()) : r.dp(),
          r.status() == 0 ? "-" : std::to_string(r.status()),
          lower_ended(r),
          fmt::format("{}/{}", r.acknowledged_bytes(), r.has_planned_bytes() ? std::to_string(r.planned_bytes()) : "?"),
          rules.empty() ? "-" : rules,
          r.method().empty() ? r.reason() : r.method() + " " + r.target()};
}

// On standard error: what a script reads stays as it is.
void tell(const google::protobuf::RepeatedPtrField<v1::NearMiss>& nearest, uint64_t lost) {
  if (lost > 0) fmt::print(stderr, "smslab: {} records were lost, for want of room on the disk\n", lost);
  for (const auto& near : nearest) {
    std::string differs;
    for (const auto& one : near.differs()) {
      differs += fmt::format("{}{} is {}, not {}", differs.empty() ? "" : "; ", one.field(),
                             one.was().empty() ? "not known" : one.was(), one.wanted());
    }
    fmt::print(stderr, "smslab: close: {} {} {}: {}\n", near.record().sequence(), near.record().method(),
               near.record().target(), differs);
  }
}

// All that there are, however many pages.
Status list(const Cli& cli, Wanted wanted) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::JournalList all;
  v1::Har har;
  for (uint64_t left = wanted.limit == 0 ? UINT64_MAX : wanted.limit; left > 0;) {
    const uint64_t page_size = std::min<uint64_t>(left, kPage);
    wanted.query["limit"] = std::to_string(page_size);
    v1::JournalList page;
    RETURN_IF_ERROR(lab.call("GET", target("/api/v1/journal", wanted.query), nullptr, &page));
    if (wanted.har) {
      v1::Har part;
      RETURN_IF_ERROR(lab.call("GET", target("/api/v1/journal/har", wanted.query), nullptr, &part));
      har.MergeFrom(part);
    }
    const auto got = static_cast<uint64_t>(page.records_size());
    if (got > 0) wanted.query["after"] = std::to_string(page.records().rbegin()->sequence());
    all.mutable_records()->MergeFrom(page.records());
    all.set_lost(page.lost());
    if (all.records().empty()) *all.mutable_nearest() = page.nearest();
    if (got < page_size) break;
    left -= got;
  }
  if (wanted.har) {
    print_json(har);
    return ok_status();
  }
  if (cli.json) {
    print_json(all);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& record : all.records()) rows.push_back(row_of(record));
  print_table({"#", "TIME", "CLIENT", "WHERE", "STATUS", "ENDED", "GOT", "RULES", "REQUEST"}, rows);
  tell(all.nearest(), all.lost());
  return ok_status();
}

Status show_count(const Cli& cli, const v1::JournalCount& count) {
  if (cli.json) {
    print_json(count);
    return ok_status();
  }
  fmt::print("{}\n", count.count());
  tell(count.nearest(), count.lost());
  return ok_status();
}

Status count(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::JournalCount count;
  RETURN_IF_ERROR(lab.call("GET", target("/api/v1/journal/count", wanted.query), nullptr, &count));
  return show_count(cli, count);
}

Status wait(const Cli& cli, Wanted wanted) {
  const auto time = parse_duration(wanted.timeout);
  if (!time || *time < LabDuration::zero()) {
    return invalid_argument("'" + wanted.timeout + "' is no time, as 10s or 500ms", "--timeout");
  }
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  wanted.query["count"] = std::to_string(wanted.count);
  v1::JournalCount count;
  auto left = static_cast<uint64_t>(time->count());
  do {
    const uint64_t part = std::min(left, kLongestWait);
    wanted.query["wait_ms"] = std::to_string(part);
    RETURN_IF_ERROR(lab.call("GET", target("/api/v1/journal/wait", wanted.query), nullptr, &count));
    left -= part;
  } while (left > 0 && count.count() < wanted.count);
  RETURN_IF_ERROR(show_count(cli, count));
  if (count.count() >= wanted.count) return ok_status();
  return {Code::kUnavailable,
          fmt::format("after {} only {} of {} records match", wanted.timeout, count.count(), wanted.count)};
}

void add_match(CLI::App* verb, Wanted* wanted) {
  for (const Option& option : kMatch) {
    verb->add_option(std::string("--") + option.name, wanted->query[option.name], option.help);
  }
}
}  // namespace

void add_journal(CLI::App& app, Cli& cli) {
  auto wanted = std::make_shared<Wanted>();
  CLI::App* journal =
      app.add_subcommand("journal", "Every request of a client, and what it got: list, count, wait, clear");
  journal->require_subcommand(1)->fallthrough();
  CLI::App* verb =
      add_verb(*journal, cli, "list", "Requests, oldest first", [&cli, wanted] { return list(cli, *wanted); });
  add_match(verb, wanted.get());
  verb->add_option("--limit", wanted->limit, "so many of them (default: all)");
  verb->add_flag("--har", wanted->har, "as an HTTP Archive 1.2");
  verb = add_verb(*journal, cli, "count", "How many requests", [&cli, wanted] { return count(cli, *wanted); });
  add_match(verb, wanted.get());
  verb = add_verb(*journal, cli, "wait", "Wait until enough requests are answered; status 1 when they are not in time",
                  [&cli, wanted] { return wait(cli, *wanted); });
  add_match(verb, wanted.get());
  verb->add_option("--count", wanted->count, "how many are enough")->capture_default_str();
  verb->add_option("--timeout", wanted->timeout, "how long at most")->capture_default_str();
  add_verb(*journal, cli, "clear", "Forget all requests", [&cli]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    return lab.call("DELETE", "/api/v1/journal", nullptr, nullptr);
  });

  add_verb(app, cli, "transcript", "What each client asked and was answered, the same for the same run",
           [&cli]() -> Status {
             ASSIGN_OR_RETURN(const std::string url, cli.finder.control_url());
             ASSIGN_OR_RETURN(std::string token, cli.finder.token());
             control::HttpClient http({.base = url, .token = std::move(token), .body_bytes = size_t{4} << 30});
             ASSIGN_OR_RETURN(const control::HttpReply reply, http.send({.target = "/api/v1/transcript"}));
             if (reply.status != 200) return {Code::kFailedPrecondition, reply.body};
             fmt::print("{}", reply.body);
             return ok_status();
           });
}

}  // namespace smslab::cli
