#include "proto/base/time_text.h"

#include <gtest/gtest.h>

namespace smslab {
namespace {
using std::chrono::milliseconds;
const LabTime kTime = LabTime(milliseconds(1'795'291'256'804));  // 2026-11-21 20:00:56.804

TEST(TimeText, WritesEveryForm) {
  EXPECT_EQ(format_rfc1123(kTime), "Sat, 21 Nov 2026 20:00:56 GMT");
  EXPECT_EQ(format_rfc3339(kTime), "2026-11-21T20:00:56.804Z");
  EXPECT_EQ(format_rfc3339(kTime - milliseconds(804)), "2026-11-21T20:00:56Z");
  EXPECT_EQ(format_cim(kTime), "20261121200056.804000+000");
  EXPECT_EQ(format_cookie(kTime), "2026-11-21 20:00:56.804");
  EXPECT_EQ(format_log_date(kTime), "11-21-2026");
  EXPECT_EQ(format_log_time(kTime), "20:00:56.804");
}

TEST(TimeText, ReadsWhatItWrites) {
  EXPECT_EQ(parse_rfc3339(format_rfc3339(kTime)), kTime);
  EXPECT_EQ(parse_cim(format_cim(kTime)), kTime);
  EXPECT_EQ(parse_http_date(format_rfc1123(kTime)), kTime - milliseconds(804));
}

TEST(TimeText, ReadsAllThreeHttpDates) {
  const LabTime expected = *parse_rfc3339("1994-11-06T08:49:37Z");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), expected);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), expected);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), expected);
  for (const char* bad : {"", "x", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 25:49:37 GMT", "6 Nov"}) {
    EXPECT_FALSE(parse_http_date(bad)) << bad;
  }
}

TEST(TimeText, ReadsZones) {
  EXPECT_EQ(parse_rfc3339("2026-11-21T21:00:56.804+01:00"), kTime);
  EXPECT_EQ(parse_cim("20261121210056.804000+060"), kTime);
  for (const char* bad : {"2026-11-21", "2026-11-21T20:00:56", "2026-02-30T00:00:00Z", "2026-11-21T20:00:56Zx"}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
}

TEST(TimeText, AZoneDoesNotCarryATimeOutOfTheYearsThatCanBeSaid) {
  EXPECT_FALSE(parse_cim("99991231235959.999999-999"));
  EXPECT_FALSE(parse_rfc3339("9999-12-31T23:59:59-01:00"));
  EXPECT_TRUE(parse_rfc3339("9999-12-31T23:59:59Z"));
}

TEST(TimeText, Durations) {
  EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("10s"), milliseconds(10'000));
  EXPECT_EQ(parse_duration("30d"), milliseconds(30LL * 86'400'000));
  for (const char* bad : {"", "10", "s", "-1s", "1.5s", "10 s", "99999999999d"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

}  // namespace
}  // namespace smslab
