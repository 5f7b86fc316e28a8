// Schedule: when something of the site happens by itself, as the product's schedule tokens say it (16 hexadecimal
// digits; the layout is Microsoft's SDK page of SMS_ScheduleMethods.ReadFromString).
//
//   ASSIGN_OR_RETURN(const Schedule daily, parse_schedule("every 1d from 2026-11-21T20:00:00Z", "schedule"));
//   daily.token();                        // "0295BE0000100009"
//   daily.next_after(clock.now());        // nullopt: never again
//
// Minutes are the smallest unit, 1970 to 2033 the years of a start. A value; times are UTC. A token that means a
// computer's local time is read as UTC, which is every computer's local time in the lab (assumed).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "proto/base/clock.h"
#include "proto/base/status.h"

namespace smslab::mp {

struct Schedule {
  enum class Recurrence : uint32_t {  // values of the token
    kNone = 1,
    kInterval = 2,
    kWeekly = 3,
    kMonthlyByWeekday = 4,
    kMonthlyByDate = 5,
  };
  Recurrence recurrence = Recurrence::kNone;
  LabTime start;                    // of a recurring one too: nothing happens before; its time of day is that of all
  std::chrono::minutes duration{};  // kept for the token, without effect
  std::chrono::minutes every{};     // kInterval
  unsigned count = 1;               // every so many weeks or months
  unsigned weekday = 0;             // kWeekly, kMonthlyByWeekday: 1 Sunday to 7 Saturday
  unsigned week = 0;                // kMonthlyByWeekday: 1st to 4th of the month; 0: last
  unsigned day = 0;                 // kMonthlyByDate: of the month; 0: last. A month without that day is left out
  bool utc = true;                  // the token's flag

  std::optional<LabTime> next_after(LabTime time) const;  // strictly later
  std::string token() const;
  // As an element of CCM_Scheduler_ScheduledMessage.Triggers, whose ActiveTime is `start` (facts: protocol 5.6).
  std::string trigger() const;
};

// A token; or, where a token can carry it, "once at TIME", "every 2h", "every 1d from TIME" (without a start: from
// 1980-01-01 on, as the product's own tally intervals). Anything else is kInvalidArgument of `field`, a recurring
// schedule that never moves on among it.
Result<Schedule> parse_schedule(const std::string& text, const std::string& field);

}  // namespace smslab::mp
