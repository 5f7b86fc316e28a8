#include "proto/base/time_text.h"

#include <fmt/format.h>

#include <array>

#include "proto/base/text.h"

namespace smslab {
namespace {
using std::chrono::days;
using std::chrono::milliseconds;

struct Fields {
  int year, month, day, hour, minute, second, milli, weekday;  // weekday: 0 Sunday
};

Fields split_time(LabTime time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day ymd(day);
  const std::chrono::hh_mm_ss hms(time - day);
  return {static_cast<int>(ymd.year()),
          static_cast<int>(static_cast<unsigned>(ymd.month())),
          static_cast<int>(static_cast<unsigned>(ymd.day())),
          static_cast<int>(hms.hours().count()),
          static_cast<int>(hms.minutes().count()),
          static_cast<int>(hms.seconds().count()),
          static_cast<int>(hms.subseconds().count()),
          static_cast<int>(std::chrono::weekday(day).c_encoding())};
}

std::optional<LabTime> join_time(int year, int month, int day, int hour, int minute, int second, int milli = 0) {
  const std::chrono::year_month_day ymd{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                        std::chrono::day(static_cast<unsigned>(day))};
  if (year < 1601 || year > 9999 || !ymd.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return LabTime(std::chrono::sys_days(ymd)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + milliseconds(milli);
}

// A zone must not carry a time out of the years that the other forms can say.
std::optional<LabTime> in_utc(std::optional<LabTime> local, std::chrono::minutes offset) {
  if (!local) return std::nullopt;
  const LabTime time = *local - offset;
  const int year = split_time(time).year;
  if (year < 1601 || year > 9999) return std::nullopt;
  return time;
}

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Reads fixed-form text from the left; any mismatch makes it fail for good.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  int number(size_t digits) {
    if (rest_.size() < digits) return fail();
    const auto value = parse_u64(rest_.substr(0, digits));
    if (!value) return fail();
    rest_.remove_prefix(digits);
    return static_cast<int>(*value);
  }
  void literal(std::string_view text) {
    if (rest_.substr(0, text.size()) != text) {
      fail();
    } else {
      rest_.remove_prefix(text.size());
    }
  }
  int month() {
    for (size_t i = 0; i < kMonths.size(); i++) {
      if (iequals(rest_.substr(0, 3), kMonths[i])) {
        rest_.remove_prefix(3);
        return static_cast<int>(i) + 1;
      }
    }
    return fail();
  }
  bool peek(char c) const { return !rest_.empty() && rest_.front() == c; }
  std::string_view rest() const { return rest_; }
  void skip(size_t n) { rest_.remove_prefix(std::min(n, rest_.size())); }
  bool done() const { return ok_ && rest_.empty(); }
  bool ok() const { return ok_; }

 private:
  int fail() {
    ok_ = false;
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

// Milliseconds of a fraction ".123456"; reads as many digits as there are.
int fraction(Cursor* cursor) {
  int milli = 0, weight = 100;
  while (!cursor->rest().empty() && cursor->rest().front() >= '0' && cursor->rest().front() <= '9') {
    milli += (cursor->rest().front() - '0') * weight;
    weight /= 10;
    cursor->skip(1);
  }
  return milli;
}
}  // namespace

std::string format_rfc1123(LabTime time) {
  const Fields f = split_time(time);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[static_cast<size_t>(f.weekday)], f.day,
                     kMonths[static_cast<size_t>(f.month - 1)], f.year, f.hour, f.minute, f.second);
}

std::optional<LabTime> parse_http_date(std::string_view text) {
  const auto comma = text.find(',');
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const auto clock_part = [&](Cursor* c) {
    hour = c->number(2);
    c->literal(":");
    minute = c->number(2);
    c->literal(":");
    second = c->number(2);
  };
  if (comma == std::string_view::npos) {  // asctime: Sat Nov 21 20:00:00 2026
    if (text.size() < 4) return std::nullopt;
    Cursor c(text.substr(4));
    month = c.month();
    c.literal(" ");
    if (c.peek(' ')) {
      c.skip(1);
      day = c.number(1);
    } else {
      day = c.number(2);
    }
    c.literal(" ");
    clock_part(&c);
    c.literal(" ");
    year = c.number(4);
    if (!c.done()) return std::nullopt;
  } else {
    Cursor c(text.substr(comma + 1));
    c.literal(" ");
    day = c.number(2);
    const bool rfc850 = c.peek('-');
    c.literal(rfc850 ? "-" : " ");
    month = c.month();
    c.literal(rfc850 ? "-" : " ");
    year = c.number(rfc850 ? 2 : 4);
    if (rfc850) year += year < 70 ? 2000 : 1900;
    c.literal(" ");
    clock_part(&c);
    c.literal(" GMT");
    if (!c.done()) return std::nullopt;
  }
  return join_time(year, month, day, hour, minute, second);
}

std::string format_rfc3339(LabTime time) {
  const Fields f = split_time(time);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", f.year, f.month, f.day, f.hour, f.minute, f.second);
  if (f.milli != 0) text += fmt::format(".{:03}", f.milli);
  return text + "Z";
}

std::optional<LabTime> parse_rfc3339(std::string_view text) {
  Cursor c(text);
  const int year = c.number(4);
  c.literal("-");
  const int month = c.number(2);
  c.literal("-");
  const int day = c.number(2);
  if (c.peek('t')) {
    c.skip(1);
  } else {
    c.literal("T");
  }
  const int hour = c.number(2);
  c.literal(":");
  const int minute = c.number(2);
  c.literal(":");
  const int second = c.number(2);
  int milli = 0;
  if (c.peek('.')) {
    c.skip(1);
    milli = fraction(&c);
  }
  std::chrono::minutes offset{0};
  if (c.peek('Z') || c.peek('z')) {
    c.skip(1);
  } else {
    const int sign = c.peek('-') ? -1 : 1;
    if (!c.peek('-') && !c.peek('+')) return std::nullopt;
    c.skip(1);
    const int hours = c.number(2);
    c.literal(":");
    offset = std::chrono::minutes(sign * (hours * 60 + c.number(2)));
  }
  if (!c.done()) return std::nullopt;
  return in_utc(join_time(year, month, day, hour, minute, second, milli), offset);
}

std::string format_cim(LabTime time) {
  const Fields f = split_time(time);
  return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}.{:03}000+000", f.year, f.month, f.day, f.hour, f.minute, f.second,
                     f.milli);
}

std::optional<LabTime> parse_cim(std::string_view text) {
  Cursor c(text);
  const int year = c.number(4), month = c.number(2), day = c.number(2);
  const int hour = c.number(2), minute = c.number(2), second = c.number(2);
  c.literal(".");
  const int milli = c.number(3);
  c.number(3);
  std::chrono::minutes offset{0};
  if (c.rest() == "+***") {
    c.skip(4);
  } else {
    const int sign = c.peek('-') ? -1 : 1;
    c.skip(1);
    offset = std::chrono::minutes(sign * c.number(3));
  }
  if (!c.done()) return std::nullopt;
  return in_utc(join_time(year, month, day, hour, minute, second, milli), offset);
}

std::string format_cookie(LabTime time) {
  const Fields f = split_time(time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", f.year, f.month, f.day, f.hour, f.minute, f.second,
                     f.milli);
}

std::string format_log_date(LabTime time) {
  const Fields f = split_time(time);
  return fmt::format("{:02}-{:02}-{:04}", f.month, f.day, f.year);
}

std::string format_log_time(LabTime time) {
  const Fields f = split_time(time);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", f.hour, f.minute, f.second, f.milli);
}

std::optional<LabDuration> parse_duration(std::string_view text) {
  const auto unit_at = text.find_first_not_of("0123456789");
  if (unit_at == std::string_view::npos) return std::nullopt;
  const auto count = parse_u64(text.substr(0, unit_at));
  if (!count || *count > 1'000'000'000) return std::nullopt;
  const std::string_view unit = text.substr(unit_at);
  const auto n = static_cast<int64_t>(*count);
  if (unit == "ms") return LabDuration(n);
  if (unit == "s") return LabDuration(n * 1000);
  if (unit == "m") return LabDuration(n * 60'000);
  if (unit == "h") return LabDuration(n * 3'600'000);
  if (unit == "d") return LabDuration(n * 86'400'000);
  return std::nullopt;
}

}  // namespace smslab
