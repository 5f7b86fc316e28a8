#include "mp/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "proto/base/time_text.h"

namespace smslab::mp {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;

LabTime at(const std::string& text) { return parse_rfc3339(text).value(); }

Schedule schedule(const std::string& text) {
  const auto read = parse_schedule(text, "schedule");
  EXPECT_TRUE(read.ok()) << text << ": " << read.status().to_string();
  return read.ok() ? *read : Schedule{};
}

std::vector<std::string> following(const Schedule& schedule, const std::string& from, int how_many) {
  std::vector<std::string> times;
  LabTime time = at(from);
  for (int i = 0; i < how_many; i++) {
    const auto next = schedule.next_after(time);
    if (!next) break;
    times.push_back(format_rfc3339(*next));
    time = *next;
  }
  return times;
}

TEST(Schedule, ReadsAndWritesTheDocumentedTallyIntervals) {
  // facts: semantics 6.1
  const std::vector<std::pair<std::string, std::string>> tally = {
      {"0001128000100008", "2026-11-22T00:00:00Z"}, {"0081128000100008", "2026-11-22T04:00:00Z"},
      {"0101128000100008", "2026-11-22T08:00:00Z"}, {"0181128000100008", "2026-11-22T12:00:00Z"},
      {"0201128000100008", "2026-11-21T16:00:00Z"}, {"0281128000100008", "2026-11-21T20:00:00Z"},
      {"0001128000192000", "2026-11-22T00:00:00Z"}, {"00011280001A2000", "2026-11-23T00:00:00Z"},
      {"00011280001B2000", "2026-11-24T00:00:00Z"}, {"00011280001C2000", "2026-11-25T00:00:00Z"},
      {"00011280001D2000", "2026-11-26T00:00:00Z"}, {"00011280001E2000", "2026-11-27T00:00:00Z"},
      {"00011280001F2000", "2026-11-28T00:00:00Z"}, {"000A470000284400", "2026-12-01T00:00:00Z"},
      {"000A4700002BC400", "2026-12-15T00:00:00Z"}, {"0001128000080008", ""},
  };
  for (const auto& [token, next] : tally) {
    const Schedule read = schedule(token);
    // The last one is not recurring; its bit 3 means nothing there.
    EXPECT_EQ(read.token(), token == "0001128000080008" ? "0001128000080000" : token);
    const auto after = read.next_after(at("2026-11-21T15:00:00Z"));
    EXPECT_EQ(after ? format_rfc3339(*after) : "", next) << token;  // a Saturday
  }
}

TEST(Schedule, ReadsPublicTokens) {
  const Schedule interval = schedule("1033BC7B10100010");  // every 2 days, for 2 hours and 59 minutes
  EXPECT_EQ(interval.start, at("2019-11-19T01:04:00Z"));
  EXPECT_EQ(interval.every, std::chrono::days(2));
  EXPECT_EQ(interval.duration, std::chrono::minutes(2 * 60 + 59));
  EXPECT_EQ(interval.token(), "1033BC7B10100010");
  const Schedule weekly = schedule("A9788980001B4000");  // every 2 weeks on Tuesday at 11:42
  EXPECT_THAT(following(weekly, "2008-08-20T00:00:00Z", 3),
              ElementsAre("2008-08-26T11:42:00Z", "2008-09-09T11:42:00Z", "2008-09-23T11:42:00Z"));
  const Schedule last = schedule("7D98898000280400");  // the last day of every month at 12:31
  EXPECT_THAT(following(last, "2026-01-31T12:31:00Z", 2), ElementsAre("2026-02-28T12:31:00Z", "2026-03-31T12:31:00Z"));
}

TEST(Schedule, ReadsWordsAndWritesThemAsATokenThatMeansTheSame) {
  const Schedule daily = schedule("every 1d from 2026-11-21T20:00:00Z");
  EXPECT_THAT(following(daily, "2026-11-01T00:00:00Z", 2), ElementsAre("2026-11-21T20:00:00Z", "2026-11-22T20:00:00Z"));
  EXPECT_EQ(daily.token(), "0295BE0000100009");
  EXPECT_EQ(schedule(daily.token()).next_after(at("2030-01-01T00:00:00Z")), at("2030-01-01T20:00:00Z"));
  EXPECT_EQ(schedule("every 90m").next_after(at("2026-11-21T20:00:00Z")), at("2026-11-21T21:00:00Z"));
  EXPECT_EQ(schedule(schedule("every 90m").token()).every, std::chrono::minutes(90));
  const Schedule once = schedule("once at 2026-12-24T18:30:00+01:00");
  EXPECT_THAT(following(once, "2026-11-21T20:00:00Z", 3), ElementsAre("2026-12-24T17:30:00Z"));
  EXPECT_EQ(schedule(once.token()).start, once.start);
}

TEST(Schedule, CountsMonthsFromItsStartAndLeavesOutThoseWithoutTheDay) {
  Schedule by_date{.recurrence = Schedule::Recurrence::kMonthlyByDate, .start = at("2026-01-31T06:00:00Z"), .day = 31};
  EXPECT_THAT(following(by_date, "2026-01-31T06:00:00Z", 2),
              ElementsAre("2026-03-31T06:00:00Z", "2026-05-31T06:00:00Z"));
  by_date.day = 30;
  by_date.start = at("2026-02-01T06:00:00Z");
  by_date.count = 12;  // each February
  EXPECT_EQ(by_date.next_after(at("2026-11-21T20:00:00Z")), std::nullopt);
  Schedule by_weekday{.recurrence = Schedule::Recurrence::kMonthlyByWeekday,
                      .start = at("2026-11-21T06:00:00Z"),
                      .count = 2,
                      .weekday = 3,
                      .week = 2};  // second Tuesday of every second month; November's lies before the start
  EXPECT_EQ(schedule(by_weekday.token()).token(), by_weekday.token());
  EXPECT_THAT(following(by_weekday, "2026-11-21T00:00:00Z", 2),
              ElementsAre("2027-01-12T06:00:00Z", "2027-03-09T06:00:00Z"));
  by_weekday.week = 0;
  EXPECT_EQ(by_weekday.next_after(at("2026-11-21T20:00:00Z")), at("2026-11-24T06:00:00Z"));
}

TEST(Schedule, SaysItselfToAClientsScheduler) {
  EXPECT_EQ(schedule("once at 2026-12-24T18:30:00Z").trigger(), "OneShot;MaxRandomDelay=0");
  EXPECT_EQ(schedule("every 1d").trigger(), "SimpleInterval;Minutes=1440;MaxRandomDelayMinutes=0");
  EXPECT_EQ(schedule("00011280001A2000").trigger(), "Weekly;Weeks=1;Day=2;MaxRandomDelayMinutes=0");
  EXPECT_EQ(schedule("000A4700002BC400").trigger(), "MonthlyByDate;Months=1;Date=15;MaxRandomDelayMinutes=0");
}

TEST(Schedule, RefusesWhatIsNoScheduleNamingTheField) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"", "give 16 hexadecimal digits"},
      {"tomorrow", "give 16 hexadecimal digits"},
      {"00011280001000", "give 16 hexadecimal digits"},
      {"0001128000100000", "no time at all"},  // interval of 0
      {"0001128000190000", "no time at all"},  // every 0 weeks
      {"0001128000284000", "no time at all"},  // every 0 months
      {"0001128000182000", "day of the week"},
      {"0001128000000008", "recurrence"},
      {"0001128000380008", "recurrence"},
      {"0000128000100008", "no date and time"},  // day 0
      {"FC01128000100008", "no date and time"},  // minute 63
      {"every 0m", "no time at all"},
      {"every 10s", "whole minutes"},
      {"every 32d", "shorter than 32 days"},
      {"every day", "no duration"},
      {"every 1d from noon", "no time such as"},
      {"once at 2026-11-21T20:00:30Z", "whole minutes"},
      {"once at 2034-01-01T00:00:00Z", "1970 to 2033"},
  };
  for (const auto& [text, why] : bad) {
    const auto read = parse_schedule(text, "schedule[0]");
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.status().code(), Code::kInvalidArgument);
    EXPECT_EQ(read.status().field(), "schedule[0]");
    EXPECT_THAT(read.status().message(), HasSubstr(why)) << text;
  }
}
}  // namespace
}  // namespace smslab::mp
