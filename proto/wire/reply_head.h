// The head of a reply as bytes, and the bare replies that the server makes itself.
#pragma once

#include <string>
#include <string_view>

#include "proto/base/clock.h"
#include "proto/base/status.h"
#include "proto/wire/handler.h"

namespace smslab::wire {

std::string_view reason_phrase(int status);  // "Not Found"

// text/plain with one line.
Reply error_reply(int status, std::string_view message);

// Whether a handler's reply can go on the wire: a final status, proper field names, values that cannot break out of
// their line, none of the fields that are the server's. kInternal says which is wrong.
Status check_reply(const Reply& reply);

// 204 and 304 have neither body nor Content-Length.
bool has_content(int status);

// How a reply says where it ends.
enum class BodyEnd { kLength, kChunked, kClose };

// Appends status line, Date, Connection (when not empty), the reply's fields, those of its framing, and the blank line.
void write_reply_head(const Reply& reply, std::string_view date, std::string_view connection, BodyEnd end,
                      std::string* head);

// The Date field's value, formatted once a second. One owner.
class DateText {
 public:
  std::string_view at(LabTime now);

 private:
  std::chrono::sys_seconds second_ = std::chrono::sys_seconds::min();
  std::string text_;
};

}  // namespace smslab::wire
