#include "mp/schedule.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "proto/base/hex.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"

namespace smslab::mp {
namespace {
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::months;
using std::chrono::sys_days;
using std::chrono::weeks;
using std::chrono::year_month;
using std::chrono::year_month_day;

constexpr int kFirstYear = 1970;
constexpr int kLastYear = kFirstYear + 63;
constexpr LabTime kTallyStart = sys_days(std::chrono::January / 1 / 1980);
constexpr int kYearsAhead = 200;  // of a monthly schedule that looks for its day; February 29 comes within 8

// ---- the two words of a token

struct Bits {
  unsigned low, width;
};
constexpr Bits kStartMinute{26, 6}, kStartHour{21, 5}, kStartDay{16, 5}, kStartMonth{12, 4}, kStartYear{6, 6},
    kDurationMinutes{0, 6};                                                                  // first word
constexpr Bits kDurationHours{27, 5}, kDurationDays{22, 5}, kRecurrence{19, 3}, kUtc{0, 1};  // second word
constexpr Bits kSpanMinutes{13, 6}, kSpanHours{8, 5}, kSpanDays{3, 5};                       // of kInterval
constexpr Bits kWeekday{16, 3};                         // of kWeekly and kMonthlyByWeekday
constexpr Bits kWeeks{13, 3};                           // of kWeekly
constexpr Bits kMonthsOfWeekday{12, 4}, kWeek{9, 3};    // of kMonthlyByWeekday
constexpr Bits kMonthDay{14, 5}, kMonthsOfDate{10, 4};  // of kMonthlyByDate

unsigned take(uint32_t word, Bits bits) { return (word >> bits.low) & ((1U << bits.width) - 1); }
uint32_t put(Bits bits, int64_t value) { return static_cast<uint32_t>(value) << bits.low; }

uint32_t word_at(std::string_view bytes) {
  uint32_t word = 0;
  for (const unsigned char c : bytes.substr(0, 4)) word = word << 8 | c;
  return word;
}

// ---- reading

Status wrong(const std::string& text, std::string_view why, const std::string& field) {
  return invalid_argument("'" + text + "' is not a schedule: " + std::string(why), field);
}

Result<Schedule> read_token(const std::string& text, std::string_view bytes, const std::string& field) {
  const uint32_t first = word_at(bytes), second = word_at(bytes.substr(4));
  Schedule out;
  const year_month_day date{std::chrono::year(kFirstYear + static_cast<int>(take(first, kStartYear))),
                            std::chrono::month(take(first, kStartMonth)), std::chrono::day(take(first, kStartDay))};
  if (!date.ok() || take(first, kStartHour) > 23 || take(first, kStartMinute) > 59) {
    return wrong(text, "its start is no date and time", field);
  }
  out.start = LabTime(sys_days(date)) + hours(take(first, kStartHour)) + minutes(take(first, kStartMinute));
  out.duration =
      minutes(take(first, kDurationMinutes)) + hours(take(second, kDurationHours)) + days(take(second, kDurationDays));
  out.utc = take(second, kUtc) != 0;
  const unsigned kind = take(second, kRecurrence);
  if (kind < 1 || kind > 5) return wrong(text, "its recurrence is none of 1 to 5", field);
  out.recurrence = static_cast<Schedule::Recurrence>(kind);
  switch (out.recurrence) {
    case Schedule::Recurrence::kNone: return out;
    case Schedule::Recurrence::kInterval:
      out.every = minutes(take(second, kSpanMinutes)) + hours(take(second, kSpanHours)) + days(take(second, kSpanDays));
      break;
    case Schedule::Recurrence::kWeekly:
      out.weekday = take(second, kWeekday);
      out.count = take(second, kWeeks);
      break;
    case Schedule::Recurrence::kMonthlyByWeekday:
      out.weekday = take(second, kWeekday);
      out.count = take(second, kMonthsOfWeekday);
      out.week = take(second, kWeek);
      break;
    case Schedule::Recurrence::kMonthlyByDate:
      out.day = take(second, kMonthDay);
      out.count = take(second, kMonthsOfDate);
      break;
  }
  const bool by_weekday =
      out.recurrence == Schedule::Recurrence::kWeekly || out.recurrence == Schedule::Recurrence::kMonthlyByWeekday;
  if (by_weekday && out.weekday == 0) return wrong(text, "its day of the week is none of 1 to 7", field);
  if (out.week > 4) return wrong(text, "its week of the month is none of 0 to 4", field);
  if (out.count == 0 || (out.recurrence == Schedule::Recurrence::kInterval && out.every == minutes(0))) {
    return wrong(text, "it recurs after no time at all", field);
  }
  return out;
}

Result<LabTime> read_start(const std::string& text, std::string_view time, const std::string& field) {
  const auto start = parse_rfc3339(trim(time));
  if (!start) return wrong(text, "'" + std::string(trim(time)) + "' is no time such as 2026-11-21T20:00:00Z", field);
  if (std::chrono::floor<minutes>(*start) != *start) return wrong(text, "a start has whole minutes", field);
  const int year = static_cast<int>(year_month_day(std::chrono::floor<days>(*start)).year());
  if (year < kFirstYear || year > kLastYear) return wrong(text, "a start lies in the years 1970 to 2033", field);
  return *start;
}

// The rest of "every 1d from TIME".
Result<Schedule> read_interval(const std::string& text, std::string_view rest, const std::string& field) {
  Schedule out;
  out.recurrence = Schedule::Recurrence::kInterval;
  out.start = kTallyStart;
  std::string_view span = rest;
  constexpr std::string_view kFrom = " from ";
  if (const size_t from = rest.find(kFrom); from != std::string_view::npos) {
    span = rest.substr(0, from);
    ASSIGN_OR_RETURN(out.start, read_start(text, rest.substr(from + kFrom.size()), field));
  }
  const auto every = parse_duration(trim(span));
  if (!every) return wrong(text, "'" + std::string(trim(span)) + "' is no duration such as 30m, 2h or 1d", field);
  if (*every == LabDuration(0)) return wrong(text, "it recurs after no time at all", field);
  out.every = std::chrono::floor<minutes>(*every);
  if (out.every != *every) return wrong(text, "whole minutes only", field);
  if (out.every >= days(32)) return wrong(text, "an interval is shorter than 32 days", field);
  return out;
}

// ---- occurrences

LabTime time_of_day(const Schedule& schedule) {
  return LabTime(schedule.start - std::chrono::floor<days>(schedule.start));
}

// The first of start, start + step, ... that is later than `time`.
LabTime next_step(LabTime start, LabDuration step, LabTime time) {
  if (time < start) return start;
  return start + step * ((time - start) / step + 1);
}

std::optional<LabTime> in_month(const Schedule& schedule, year_month month) {
  sys_days day;
  if (schedule.recurrence == Schedule::Recurrence::kMonthlyByDate) {
    if (schedule.day == 0) {
      day = month / std::chrono::last;
    } else {
      const year_month_day date = month / std::chrono::day(schedule.day);
      if (!date.ok()) return std::nullopt;
      day = date;
    }
  } else {
    const std::chrono::weekday weekday(schedule.weekday - 1);
    day = schedule.week == 0 ? sys_days(month / weekday[std::chrono::last]) : sys_days(month / weekday[schedule.week]);
  }
  return LabTime(day) + time_of_day(schedule).time_since_epoch();
}

// Months are counted from that of the start on.
std::optional<LabTime> next_month(const Schedule& schedule, LabTime time) {
  const auto month_of = [](LabTime t) {
    const year_month_day date(std::chrono::floor<days>(t));
    return date.year() / date.month();
  };
  const year_month first = month_of(schedule.start);
  const auto step = static_cast<int>(schedule.count);
  const int skip = time < schedule.start ? 0 : static_cast<int>((month_of(time) - first).count()) / step;
  for (int n = skip; n * step < skip * step + kYearsAhead * 12; n++) {
    const auto at = in_month(schedule, first + months(n * step));
    if (at && *at >= schedule.start && *at > time) return at;
  }
  return std::nullopt;
}

// How a client's scheduler is told. The first two forms are public, the others are not: assumed, in their manner.
std::string trigger_text(const Schedule& s) {
  switch (s.recurrence) {
    case Schedule::Recurrence::kNone: return "OneShot;MaxRandomDelay=0";
    case Schedule::Recurrence::kInterval:
      return fmt::format("SimpleInterval;Minutes={};MaxRandomDelayMinutes=0", s.every.count());
    case Schedule::Recurrence::kWeekly:
      return fmt::format("Weekly;Weeks={};Day={};MaxRandomDelayMinutes=0", s.count, s.weekday);
    case Schedule::Recurrence::kMonthlyByWeekday:
      return fmt::format("MonthlyByWeekday;Months={};Week={};Day={};MaxRandomDelayMinutes=0", s.count, s.week,
                         s.weekday);
    case Schedule::Recurrence::kMonthlyByDate: break;
  }
  return fmt::format("MonthlyByDate;Months={};Date={};MaxRandomDelayMinutes=0", s.count, s.day);
}
}  // namespace

std::optional<LabTime> Schedule::next_after(LabTime time) const {
  switch (recurrence) {
    case Recurrence::kNone: return time < start ? std::optional(start) : std::nullopt;
    case Recurrence::kInterval: return next_step(start, every, time);
    case Recurrence::kWeekly: {
      // Weeks begin on Sunday and are counted from that of the start on; its own day may lie before the start.
      const auto first_day = std::chrono::floor<days>(start);
      const auto sunday = first_day - days(std::chrono::weekday(first_day).c_encoding());
      const LabTime first = LabTime(sunday + days(weekday - 1)) + time_of_day(*this).time_since_epoch();
      const LabDuration step = weeks(count);
      return next_step(first < start ? first + step : first, step, time);
    }
    case Recurrence::kMonthlyByWeekday:
    case Recurrence::kMonthlyByDate: break;
  }
  return next_month(*this, time);
}

std::string Schedule::token() const {
  const auto day_of = std::chrono::floor<days>(start);
  const year_month_day date(day_of);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<minutes>(start - day_of));
  const std::chrono::hh_mm_ss length(duration % days(1));
  const uint32_t first =
      put(kStartMinute, clock.minutes().count()) | put(kStartHour, clock.hours().count()) |
      put(kStartDay, static_cast<unsigned>(date.day())) | put(kStartMonth, static_cast<unsigned>(date.month())) |
      put(kStartYear, static_cast<int>(date.year()) - kFirstYear) | put(kDurationMinutes, length.minutes().count());
  uint32_t second = put(kDurationHours, length.hours().count()) | put(kDurationDays, duration / days(1)) |
                    put(kRecurrence, static_cast<uint32_t>(recurrence)) | put(kUtc, utc ? 1 : 0);
  switch (recurrence) {
    case Recurrence::kNone: break;
    case Recurrence::kInterval: {
      const std::chrono::hh_mm_ss span(every % days(1));
      second |= put(kSpanMinutes, span.minutes().count()) | put(kSpanHours, span.hours().count()) |
                put(kSpanDays, every / days(1));
      break;
    }
    case Recurrence::kWeekly: second |= put(kWeekday, weekday) | put(kWeeks, count); break;
    case Recurrence::kMonthlyByWeekday:
      second |= put(kWeekday, weekday) | put(kMonthsOfWeekday, count) | put(kWeek, week);
      break;
    case Recurrence::kMonthlyByDate: second |= put(kMonthDay, day) | put(kMonthsOfDate, count); break;
  }
  return fmt::format("{:08X}{:08X}", first, second);
}

std::string Schedule::trigger() const { return trigger_text(*this); }

Result<Schedule> parse_schedule(const std::string& text, const std::string& field) {
  constexpr size_t kTokenDigits = 16;
  constexpr std::string_view kOnce = "once at ", kEvery = "every ";
  const std::string_view line = trim(text);
  if (line.size() == kTokenDigits) {
    if (const auto bytes = from_hex(line)) return read_token(text, *bytes, field);
  }
  if (istarts_with(line, kOnce)) {
    Schedule once;
    ASSIGN_OR_RETURN(once.start, read_start(text, line.substr(kOnce.size()), field));
    return once;
  }
  if (istarts_with(line, kEvery)) return read_interval(text, line.substr(kEvery.size()), field);
  return wrong(text, "give 16 hexadecimal digits, 'once at TIME' or 'every 1d from TIME'", field);
}

}  // namespace smslab::mp
