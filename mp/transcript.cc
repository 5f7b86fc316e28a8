#include "mp/transcript.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/schema/timestamp.h"
#include "store/journal_query.h"

namespace smslab::mp {
namespace {
using Record = v1::JournalRecord;
constexpr std::chrono::milliseconds kSettling{1'000};

// Who asks, where the record does not say: a connection is one client's, and so is an address that no two have used.
class Askers {
 public:
  void learn(const Record& record) {
    if (!record.named()) return;
    connections_.try_emplace(connection_of(record), record.client());
    addresses_[record.address()].insert(record.client());
  }
  std::string who(const Record& record) const {
    if (record.named()) return record.client();
    if (const auto found = connections_.find(connection_of(record)); found != connections_.end()) return found->second;
    if (!record.client().empty()) return record.client();
    const auto names = addresses_.find(record.address());
    if (names != addresses_.end() && names->second.size() == 1) return *names->second.begin();
    return record.address();
  }

 private:
  using Connection = std::tuple<int, std::string, std::string, uint64_t>;
  static Connection connection_of(const Record& record) {
    return {record.role(), record.dp(), record.address(), record.connection()};
  }
  std::map<Connection, std::string> connections_;
  std::map<std::string, std::set<std::string>> addresses_;
};

std::string bytes_text(const Record& record) {
  if (record.names_addresses()) return "-";
  const std::string planned = record.has_planned_bytes() ? std::to_string(record.planned_bytes()) : "?";
  return fmt::format("{}/{}/{}", planned, record.sent_bytes(), record.acknowledged_bytes());
}

std::string digest_text(const Record& record) {
  if (record.names_addresses()) return "-";
  if (!record.sha256().empty()) return record.sha256();
  if (!record.part_of_sha256().empty()) {
    return fmt::format("{}-{} of {}", record.range().first(), record.range().last(), record.part_of_sha256());
  }
  return "-";
}

std::string line_of(size_t number, const Record& record) {
  std::string rules;
  for (const auto& rule : record.rules()) rules += (rules.empty() ? "" : ",") + rule;
  return fmt::format(
      "{:>5}  {}  {}{}  {}.{}  {} {}  {} {}  {}  {}{}{}\n", number, format_rfc3339(from_timestamp(record.time())),
      record.dp().empty() ? v1::FaultMatch::Role_Name(record.role()) : record.dp(), record.tls() ? " tls" : "",
      record.connection(), record.request(), record.method().empty() ? "-" : record.method(),
      record.target().empty() ? "-" : record.target(), record.status(), ascii_lower(Record::Ended_Name(record.ended())),
      bytes_text(record), digest_text(record), rules.empty() ? "" : "  rules " + rules,
      record.reason().empty() ? "" : "  (" + record.reason() + ")");
}
}  // namespace

Result<std::string> transcript(const Site& site) {
  if (!site.journal) return failed_precondition("this lab keeps no journal; start it without --no-journal");
  store::Journal& journal = *site.journal;
  journal.wait_settled(site.clock.steady() + kSettling);
  Askers askers;
  const uint64_t from = journal.first(), to = journal.end();
  for (uint64_t n = from; n < to; n++) {
    if (const auto* row = journal.row(n)) askers.learn(store::journal_record(journal, n, *row));
  }
  std::map<std::string, std::vector<uint64_t>> clients;
  for (uint64_t n = from; n < to; n++) {
    if (const auto* row = journal.row(n)) {
      clients[askers.who(store::journal_record(journal, n, *row))].push_back(n);
    }
  }
  std::string text =
      "# smslab transcript: number, lab time, where, connection.request, request, status and end, "
      "bytes planned/sent/acknowledged, SHA-256 of the body\n";
  for (const auto& [client, records] : clients) {
    text += "\n" + client + "\n";
    size_t number = 0;
    for (const uint64_t n : records) {
      if (const auto* row = journal.row(n)) text += line_of(++number, store::journal_record(journal, n, *row));
    }
  }
  return text;
}

}  // namespace smslab::mp
