// LabTime <-> text, in every form that the wire, the API and the logs use. All UTC.
//
//   RFC 1123   Sat, 21 Nov 2026 20:00:00 GMT        HTTP Date, Last-Modified
//   RFC 3339   2026-11-21T20:00:00Z                 API, Msg SentTime (milliseconds only when not zero)
//   CIM        20261121200056.804000+000            status messages, events, policy (SDK)
//   cookie     2026-11-21 20:00:00.000              ServerCookie (facts: protocol 4.2)
//   log        11-21-2026 and 20:00:00.000          client and server log records (facts: protocol 8.1)
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/base/clock.h"

namespace smslab {

std::string format_rfc1123(LabTime time);
std::optional<LabTime> parse_http_date(std::string_view text);  // RFC 1123, RFC 850 and asctime forms

std::string format_rfc3339(LabTime time);
std::optional<LabTime> parse_rfc3339(std::string_view text);  // with a zone; to the millisecond

std::string format_cim(LabTime time);
std::optional<LabTime> parse_cim(std::string_view text);

std::string format_cookie(LabTime time);
std::string format_log_date(LabTime time);
std::string format_log_time(LabTime time);

// "10s", "250ms", "5m", "2h", "30d": an unsigned number and its unit.
std::optional<LabDuration> parse_duration(std::string_view text);

}  // namespace smslab
