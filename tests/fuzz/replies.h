// What ought to come out of conn_fuzz's connection, worked out without one: the requests one after the other; and
// whether it did.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/text.h"
#include "proto/wire/chunked.h"
#include "proto/wire/gate.h"
#include "proto/wire/grammar.h"
#include "proto/wire/head.h"
#include "proto/wire/request.h"
#include "tests/fuzz/handlers.h"
#include "tests/fuzz/network.h"

namespace smslab::fuzz {

inline constexpr wire::ChunkedLimits kChunked{.body_bytes = 600};
inline constexpr wire::GateOptions kOptions{.head = {.bytes = 400, .fields = 12, .target_bytes = 100},
                                            .body_bytes = 600};

struct Expected {
  Asked asked;
  bool parsed = true;  // else refused with `status`, or still to come (0), and the last
  int status = 0;
  bool http11 = true, keep = true, may_continue = false;
};

inline std::deque<Expected> expected_of(std::string_view bytes) {
  std::deque<Expected> all;
  const auto refused = [&](int status, const wire::Head& head) {
    all.push_back({.asked = {.method = head.method, .path = {}, .body = {}},
                   .parsed = false,
                   .status = status,
                   .may_continue = head.expect_continue});
  };
  bool keep = true;
  while (keep) {
    size_t blank_lines = 0;
    for (; bytes.starts_with("\r\n") && blank_lines <= 16; blank_lines++) bytes.remove_prefix(2);
    if (blank_lines > 16) {
      refused(400, {});
      break;
    }
    if (bytes.empty() || bytes == "\r") break;
    if (!wire::is_token_char(bytes.front())) {
      refused(400, {});
      break;
    }
    const size_t end = wire::head_end(bytes, 0);
    if (end == 0 && bytes.size() <= kOptions.head.bytes) break;
    wire::Head head;
    const wire::Refusal refusal =
        wire::parse_head(bytes.substr(0, end != 0 ? end : bytes.size()), kOptions.head, &head);
    if (refusal.status != 0 || head.length > kOptions.body_bytes) {
      refused(refusal.status != 0 ? refusal.status : 413, head);
      break;
    }
    bytes.remove_prefix(end);
    Expected one{.asked = {.method = head.method, .path = {}, .body = {}}, .http11 = head.http11};
    if (head.framing == wire::Framing::kChunked) {
      wire::ChunkedBody chunked(kChunked);
      bytes.remove_prefix(chunked.take(bytes, &one.asked.body));
      if (chunked.refuse() != 0) {
        refused(chunked.refuse(), head);
        break;
      }
      if (!chunked.done()) {
        if (head.expect_continue) refused(0, head);
        break;
      }
    } else {
      if (bytes.size() < head.length) {
        if (head.expect_continue) refused(0, head);
        break;
      }
      one.asked.body = bytes.substr(0, head.length);
      bytes.remove_prefix(head.length);
    }
    one.keep = keep = head.keep_alive;
    one.may_continue = head.expect_continue;
    wire::Request request;
    if (wire::make_request(&head, &request).ok()) {
      one.asked.path = request.path;
    } else {
      one.status = 400;
    }
    all.push_back(std::move(one));
  }
  return all;
}

struct Answer {
  int status = 0;
  bool close = false;
  bool whole = false;
  bool until_close = false;
  std::string body;
};

// The next reply off the front of `sent`; status 0 when its head is not whole.
inline Answer take_answer(std::string_view* sent, bool to_head) {
  Answer answer;
  const size_t end = sent->find("\r\n\r\n");
  if (end == std::string_view::npos) return answer;
  MUST(sent->starts_with("HTTP/1.1 "));
  const auto lines = split(sent->substr(0, end), '\n');
  sent->remove_prefix(end + 4);
  answer.status = static_cast<int>(*parse_u64(lines[0].substr(9, 3)));
  std::optional<uint64_t> length;
  bool chunked = false;
  for (std::string_view line : lines) {
    line = trim(line);
    if (line == "Connection: close") answer.close = true;
    if (line == "Transfer-Encoding: chunked") chunked = true;
    if (line.starts_with("Content-Length: ")) length = parse_u64(line.substr(16));
  }
  MUST(!(length && chunked));
  if (to_head || answer.status < 200 || answer.status == 204) {
    answer.whole = true;
  } else if (chunked) {
    wire::ChunkedBody body({});
    sent->remove_prefix(body.take(*sent, &answer.body));
    MUST(body.refuse() == 0);
    answer.whole = body.done();
  } else {
    MUST(length || answer.close);
    answer.body = sent->substr(0, length.value_or(sent->size()));
    sent->remove_prefix(answer.body.size());
    answer.whole = !length || answer.body.size() == *length;
    answer.until_close = !length;
  }
  return answer;
}

struct Story {
  bool cut = false;         // something was broken off, or the gate stopped: replies may be missing at the end
  bool timed_out = false;   // the last reply may be a 408
  std::vector<bool> later;  // how each Completion went
};

inline void must_answer(const Expected& one, const Answer& answer, Site& site, size_t* number, Story& story,
                        size_t* waited) {
  if (!one.parsed || one.status != 0) {
    MUST(answer.status == one.status);
    return;
  }
  const auto starts = [&](std::string_view path) { return istarts_with(one.asked.path, path); };
  const bool taken = one.asked.method == "GET" || one.asked.method == "HEAD" || one.asked.method == "POST";
  const bool ours = starts("/bytes") || starts("/file") || starts("/later") || starts("/stream") || starts("/short") ||
                    starts("/dry") || iequals(one.asked.path, "/none");
  if (!taken || !ours) {
    MUST(answer.status == 404 || answer.status == 405 || answer.status == 501 || one.asked.method == "OPTIONS");
    return;
  }
  MUST(*number < site.handled.size() && site.handled[*number] == one.asked);
  const std::string text = answer_to(++*number, one.asked);
  if (starts("/later") && !story.later.at((*waited)++)) {
    MUST(answer.status == 503);
    return;
  }
  MUST(answer.status == (iequals(one.asked.path, "/none") ? 204 : 200));
  const bool bodiless = one.asked.method == "HEAD" || answer.status == 204;
  // A body that ends with the connection does not tell that it was broken off.
  const bool whole = answer.whole && !(answer.until_close && story.cut);
  if (whole) MUST(answer.body == (bodiless ? "" : text));
  if (!whole) MUST(text.starts_with(answer.body));
  const bool by_nature = (starts("/short") || starts("/dry")) && one.asked.method != "HEAD";
  if (by_nature) story.cut = true;  // the handler's promise was broken, not ours
}

// A reply that ends too early, or is not there: only after something was broken off.
inline void must_be_the_end(std::string_view sent, const Story& story) { MUST(sent.empty() && story.cut); }

inline void must_be_right(const Network& network, Site& site, Story story) {
  std::string_view sent = network.sent;
  size_t number = 0, waited = 0;
  bool closing = false;
  for (const Expected& one : expected_of(network.arrived)) {
    const bool to_head = one.asked.method == "HEAD";
    Answer answer = take_answer(&sent, to_head);
    if (answer.status == 100 && one.may_continue) answer = take_answer(&sent, to_head);
    if (answer.status == 0) {
      const bool still_to_come = !one.parsed && one.status == 0;
      if (still_to_come && sent.empty()) break;
      MUST(story.cut);
      return;
    }
    closing = answer.close;
    if (story.timed_out && answer.status == 408 && closing) {
      // Whether it was a HEAD, the server may not have known yet.
      if (to_head && sent == "the request did not arrive in time\n") sent = {};
      break;
    }
    must_answer(one, answer, site, &number, story, &waited);
    if (!answer.whole) return must_be_the_end(sent, story);
    MUST(closing || (one.keep && one.parsed));
    if (closing) break;
  }
  if (!sent.empty()) {  // what had begun to come did not come in time
    MUST(story.timed_out && !closing);
    const Answer last = take_answer(&sent, false);
    MUST((last.status == 408 && last.close) || last.status == 0);
  }
  MUST(number == site.handled.size() || story.cut);  // none was handled and not answered
}

}  // namespace smslab::fuzz
