// Attacks on the client plane, one function a kind; hostile_test.cc puts them into a table. Each says in a few words
// what came of it: "400, closed", "200, open", "closed", "cut". None waits for a time: what ends it is the server's
// answer or its closing.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "proto/base/uri.h"
#include "tests/support/http_probe.h"

namespace smslab::test {

struct Victim {
  HostPort mp, dp;
};
using Attack = std::function<std::string(const Victim&)>;

// "STATUS, closed", or "STATUS, open" when the connection answers another request; "closed" or "no HTTP, closed" when
// no reply came; "more" when something else came than what was asked for, "silence" when nothing does.
std::string outcome(HttpProbe& probe);

Attack to_mp(std::string bytes);
Attack to_dp(std::string bytes);
// `start`, then `piece` again and again, until there is an answer: one at a time, or as fast as the server takes them.
Attack trickle(std::string start, std::string piece);
Attack flood(std::string start, std::string piece);
// `count` connections at once that send `start` and nothing more: what came of each, when it was the same of all.
Attack crowd(size_t count, std::string start);
// Asks for `target` of the DP until the server has given up on a client that reads nothing.
Attack deaf(std::string target);

// A CCM_POST of this <Msg> and this payload, which is XML in UTF-8.
std::string ccm_post(std::string_view msg, std::string_view payload);
// The same to the StatusReceiver with a payload that is compressed: `begin`, `times` times `unit`, `end`.
std::string ccm_bomb(std::string_view begin, std::string_view unit, size_t times, std::string_view end = "");
// What a TLS client says first.
std::string client_hello(const std::string& trusted);

std::string repeat(std::string_view text, size_t times);

}  // namespace smslab::test
