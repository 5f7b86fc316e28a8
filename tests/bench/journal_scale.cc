// What a journal of very many records costs: how long it takes to count them by a matcher, and the memory that it
// holds.
//
//   journal_scale FOLDER [RECORDS]
//
// Exit status 1 when a count takes 100 ms or more, or anonymous memory grows with the records.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "proto/base/text.h"
#include "store/journal_query.h"
#include "store/journal_recorder.h"

namespace smslab {
namespace {
constexpr double kMostMs = 100;
constexpr uint64_t kMostMemory = 8 << 10;  // KiB that a journal may take of its own
constexpr int kClients = 1000, kFiles = 300, kRounds = 9;

// KiB, of memory that is not a file's.
uint64_t anonymous_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return parse_u64(split(trim(line.substr(8)), ' ').front()).value_or(0);
  }
  return 0;
}

void fill(store::JournalRecorder& recorder, uint64_t records) {
  std::vector<wire::Topic> topics(kFiles);
  std::vector<std::string> targets;
  for (int i = 0; i < kFiles; i++) {
    topics[i].route = i % 10 == 0 ? "propfind" : "content";
    topics[i].package = fmt::format("LON{:05}", i % 7);
    topics[i].version = 1 + i % 3;
    topics[i].file = fmt::format("folder/file-{}.cab", i);
    targets.push_back(fmt::format("/SMS_DP_SMSPKG$/{}/{}", topics[i].package, topics[i].file));
  }
  HostPort peer{"", 4711};
  for (uint64_t i = 0; i < records; i++) {
    const uint64_t client = i * 7919 % kClients;
    const uint64_t file = i * 104729 % kFiles;
    peer.host = fmt::format("127.0.{}.{}", client / 250, client % 250);
    const uint64_t number = recorder.asked({.peer = peer,
                                            .connection = 1,
                                            .request = 1,
                                            .method = "GET",
                                            .target = targets[file],
                                            .topic = &topics[file],
                                            .rules = {}});
    if (number == 0) continue;
    recorder.planned(number, {.status = i % 100 == 0 ? 404 : 200, .head = 200, .whole = 1224, .bytes = 1224});
    recorder.sent(number, {.end = wire::Sent::End::kWhole, .bytes = 1224}, {});
    recorder.acknowledged(number, 1224, true);
  }
}

int measure(const std::string& folder, uint64_t records) {
  const LabClock clock(system_time_source(), LabClock::Wall{});
  const auto journal =
      store::Journal::open(posix_env(), folder, clock, Log(stderr_log(), LogForm::kConsole, clock, "journal"));
  if (!journal.ok()) {
    fmt::print(stderr, "{}\n", journal.status().to_string());
    return 1;
  }
  store::JournalRecorder recorder(**journal, {.role = v1::FaultMatch::DP, .dp = "LON-DCSMS-01"}, clock,
                                  [](const std::string&) { return std::string(); });
  fill(recorder, std::min<uint64_t>(records, 10'000));  // every client and file once
  const uint64_t before = anonymous_memory();
  const SteadyTime began = clock.steady();
  fill(recorder, records - std::min<uint64_t>(records, 10'000));
  const double us = std::chrono::duration<double, std::micro>(clock.steady() - began).count();
  const uint64_t after = anonymous_memory();
  fmt::print("journal: {} records written, {:.2f} us each; {} lost\n", records, us / static_cast<double>(records),
             (*journal)->lost());
  bool good = (*journal)->lost() == 0 && after <= before + kMostMemory;
  fmt::print("journal: anonymous memory {} KiB, {} KiB after; {}\n", before, after, good ? "ok" : "too much");

  std::vector<std::pair<std::string, store::JournalWanted>> asks(5);
  asks[0].first = "all";
  asks[1].first = "client";
  asks[1].second.match.set_address("127.0.2.17");
  asks[2].first = "file pattern";
  asks[2].second.match.set_file("*-1?7.cab");
  asks[3].first = "package, version, status";
  asks[3].second.match.set_package("LON00003");
  asks[3].second.match.set_version(2);
  asks[3].second.least_status = 400;
  asks[3].second.most_status = 499;
  asks[4].first = "target";
  asks[4].second.target = "*/folder/file-2*";
  for (const auto& [name, wanted] : asks) {
    std::vector<double> times;
    uint64_t count = 0;
    for (int round = 0; round < kRounds; round++) {
      const SteadyTime start = clock.steady();
      store::JournalQuery query(**journal, wanted);
      count = query.count((*journal)->first(), (*journal)->end());
      times.push_back(std::chrono::duration<double, std::milli>(clock.steady() - start).count());
    }
    std::ranges::sort(times);
    const double median = times[times.size() / 2];
    good = good && median < kMostMs;
    fmt::print("journal: count by {}: {} of {} in {:.1f} ms (slowest {:.1f}); {}\n", name, count, records, median,
               times.back(), median < kMostMs ? "ok" : "below");
  }
  return good ? 0 : 1;
}
}  // namespace
}  // namespace smslab

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "journal_scale FOLDER [RECORDS]\n");
    return 2;
  }
  return smslab::measure(argv[1], argc > 2 ? smslab::parse_u64(argv[2]).value_or(1'000'000) : 1'000'000);
}
