// What comes in: head, chunked body, request. No sockets.
#include <gtest/gtest.h>

#include <algorithm>

#include "proto/wire/chunked.h"
#include "proto/wire/head.h"
#include "proto/wire/request.h"
#include "tests/support/golden.h"

namespace smslab::wire {
namespace {
std::string lines(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& line : all) text += line + "\r\n";
  return text + "\r\n";
}

struct Parsed {
  int refuse = 0;
  std::string reason;
  Head head;
};
Parsed parse(std::string_view bytes) {
  Parsed parsed;
  const Refusal refusal = parse_head(bytes, {}, &parsed.head);
  parsed.refuse = refusal.status;
  parsed.reason = refusal.reason;
  return parsed;
}
Parsed parse(const std::vector<std::string>& all) { return parse(lines(all)); }

TEST(HeadTest, ReadsARecordedGet) {
  const Parsed parsed =
      parse({"GET /sms_mp/.sms_aut?MPLIST1&LON HTTP/1.1", "User-Agent: ConfigMgr Messaging HTTP Sender",
             "Content-Length: 0", "Connection: close", "Host: 127.0.0.1:18092"});
  ASSERT_EQ(parsed.refuse, 0) << parsed.reason;
  EXPECT_EQ(parsed.head.method, "GET");
  EXPECT_EQ(parsed.head.target, "/sms_mp/.sms_aut?MPLIST1&LON");
  EXPECT_EQ(parsed.head.framing, Framing::kLength);
  EXPECT_EQ(parsed.head.length, 0U);
  EXPECT_FALSE(parsed.head.keep_alive);
  EXPECT_FALSE(parsed.head.expect_continue);
  EXPECT_EQ(parsed.head.fields.size(), 4U);
}

TEST(HeadTest, KeepsAnEmptyValueAndTheOrderOfFields) {
  const Parsed parsed = parse({"PROPFIND /SMS_DP_SMSPKGD$/LON00001/ HTTP/1.1", "User-Agent: ", "Depth: infinity",
                               "Host:127.0.0.1:18091", "X-Tab:\t a b\t "});
  ASSERT_EQ(parsed.refuse, 0) << parsed.reason;
  const Fields expected = {{"User-Agent", ""}, {"Depth", "infinity"}, {"Host", "127.0.0.1:18091"}, {"X-Tab", "a b"}};
  EXPECT_EQ(parsed.head.fields, expected);
  EXPECT_EQ(parsed.head.framing, Framing::kNone);
}

TEST(HeadTest, LeavesNothingOfAnEarlierHead) {
  Head head;
  ASSERT_EQ(
      parse_head(lines({"POST /a HTTP/1.0", "Connection: keep-alive", "Content-Length: 5", "X: 1"}), {}, &head).status,
      0);
  ASSERT_EQ(parse_head(lines({"GET /b HTTP/1.1", "Host: a"}), {}, &head).status, 0);
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.target, "/b");
  EXPECT_TRUE(head.http11);
  EXPECT_EQ(head.fields, (Fields{{"Host", "a"}}));
  EXPECT_EQ(head.framing, Framing::kNone);
  EXPECT_EQ(head.length, 0U);
  EXPECT_NE(parse_head("GET /c HTTP/1.1\r\nX\r\n\r\n", {}, &head).status, 0);
  EXPECT_TRUE(head.fields.empty());
}

struct HeadCase {
  const char* name;
  std::vector<std::string> lines;
  int refuse;
};

class HeadCases : public ::testing::TestWithParam<HeadCase> {};

TEST_P(HeadCases, IsJudged) {
  const Parsed parsed = parse(GetParam().lines);
  EXPECT_EQ(parsed.refuse, GetParam().refuse) << parsed.reason;
  EXPECT_EQ(parsed.reason.empty(), parsed.refuse == 0);
}

const std::string kGet = "GET / HTTP/1.1";
const std::string kPost = "CCM_POST / HTTP/1.1";
const std::string kHost = "Host: a";

INSTANTIATE_TEST_SUITE_P(RequestLine, HeadCases,
                         ::testing::ValuesIn(std::vector<HeadCase>{
                             {"plain", {kGet, kHost}, 0},
                             {"http10_without_host", {"GET / HTTP/1.0"}, 0},
                             {"absolute_form", {"GET http://a:80/x HTTP/1.1", kHost}, 0},
                             {"raw_dollar_and_braces", {"GET /SMS_DP_SMSPKG$/{a}/[b]?/c HTTP/1.1", kHost}, 0},
                             {"raw_utf8", {"GET /\xc3\xa4 HTTP/1.1", kHost}, 0},
                             {"method_of_32", {std::string(32, 'A') + " / HTTP/1.1", kHost}, 0},
                             {"method_of_33", {std::string(33, 'A') + " / HTTP/1.1", kHost}, 400},
                             {"method_with_a_slash", {"GE/T / HTTP/1.1", kHost}, 400},
                             {"no_method", {" / HTTP/1.1", kHost}, 400},
                             {"no_target", {"GET  HTTP/1.1", kHost}, 400},
                             {"http09", {"GET /"}, 400},
                             {"space_in_target", {"GET /a b HTTP/1.1", kHost}, 400},
                             {"tab_in_target", {"GET /a\tb HTTP/1.1", kHost}, 400},
                             {"fragment", {"GET /a#b HTTP/1.1", kHost}, 400},
                             {"del_in_target", {"GET /a\x7f HTTP/1.1", kHost}, 400},
                             {"target_at_limit", {"GET /" + std::string(8191, 'a') + " HTTP/1.1", kHost}, 0},
                             {"target_beyond_limit", {"GET /" + std::string(8192, 'a') + " HTTP/1.1", kHost}, 414},
                             {"http12", {"GET / HTTP/1.2", kHost}, 0},
                             {"http20", {"GET / HTTP/2.0", kHost}, 505},
                             {"http2_alone", {"GET / HTTP/2", kHost}, 400},
                             {"http_of_two_digits", {"GET / HTTP/1.10", kHost}, 400},
                             {"http2_preface", {"PRI * HTTP/2.0"}, 505},
                             {"not_http", {"GET / SPDY/1", kHost}, 400},
                             {"lower_case_http", {"GET / http/1.1", kHost}, 400},
                         }),
                         [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(Fields, HeadCases,
                         ::testing::ValuesIn(std::vector<HeadCase>{
                             {"no_host", {kGet}, 400},
                             {"two_hosts", {kGet, kHost, "host: a"}, 400},
                             {"two_hosts_in_http10", {"GET / HTTP/1.0", kHost, kHost}, 400},
                             {"empty_host", {kGet, "Host:"}, 0},
                             {"host_of_ipv6", {kGet, "Host: [::1]:8080"}, 0},
                             {"host_with_a_path", {kGet, "Host: a/b"}, 400},
                             {"host_with_markup", {kGet, "Host: a\"><b"}, 400},
                             {"space_before_colon", {kGet, kHost, "Content-Length : 3"}, 400},
                             {"no_colon", {kGet, kHost, "Accept"}, 400},
                             {"no_name", {kGet, kHost, ": 1"}, 400},
                             {"folded", {kGet, kHost, "X: 1", " 2"}, 400},
                             {"folded_with_a_tab", {kGet, kHost, "X: 1", "\t2"}, 400},
                             {"folded_first_field", {kGet, " X: 1", kHost}, 400},
                             {"nul", {kGet, kHost, std::string("X: a\0b", 6)}, 400},
                             {"bare_cr", {kGet, kHost, "X: a\rY: b"}, 400},
                             {"bare_lf", {kGet, kHost, "X: a\nY: b"}, 400},
                             {"latin1_value", {kGet, kHost, "X: \xe4"}, 0},
                             {"fields_100",
                              [] {
                                std::vector<std::string> l{kGet, kHost};
                                l.resize(101, "X: 1");
                                return l;
                              }(),
                              0},
                             {"fields_101",
                              [] {
                                std::vector<std::string> l{kGet, kHost};
                                l.resize(102, "X: 1");
                                return l;
                              }(),
                              431},
                             {"head_too_large", {kGet, kHost, "X: " + std::string(32'768, 'x')}, 431},
                             {"line_too_large", {"GET /" + std::string(40'960, 'x')}, 414},
                             {"expects_continue", {kPost, kHost, "Expect: 100-Continue", "Content-Length: 3"}, 0},
                             {"expects_more", {kPost, kHost, "Expect: 200-ok"}, 417},
                         }),
                         [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Lengths, HeadCases,
    ::testing::ValuesIn(std::vector<HeadCase>{
        {"length", {kPost, kHost, "Content-Length: 3"}, 0},
        {"largest_length", {kPost, kHost, "Content-Length: 18446744073709551615"}, 0},
        {"length_beyond_64_bits", {kPost, kHost, "Content-Length: 18446744073709551616"}, 413},
        {"length_with_plus", {kPost, kHost, "Content-Length: +3"}, 400},
        {"length_negative", {kPost, kHost, "Content-Length: -1"}, 400},
        {"length_with_letters", {kPost, kHost, "Content-Length: 3abc"}, 400},
        {"length_hexadecimal", {kPost, kHost, "Content-Length: 0x3"}, 400},
        {"length_empty", {kPost, kHost, "Content-Length:"}, 400},
        {"length_list", {kPost, kHost, "Content-Length: 3, 3"}, 400},
        {"two_lengths", {kPost, kHost, "Content-Length: 3", "Content-Length: 5"}, 400},
        {"same_length_twice", {kPost, kHost, "Content-Length: 3", "content-length: 3"}, 400},
        {"chunked", {kPost, kHost, "Transfer-Encoding: Chunked"}, 0},
        {"chunked_and_length", {kPost, kHost, "Transfer-Encoding: chunked", "Content-Length: 3"}, 400},
        {"length_and_chunked", {kPost, kHost, "Content-Length: 3", "Transfer-Encoding: chunked"}, 400},
        {"chunked_twice", {kPost, kHost, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}, 400},
        {"xchunked", {kPost, kHost, "Transfer-Encoding: xchunked"}, 501},
        {"gzip_chunked", {kPost, kHost, "Transfer-Encoding: gzip, chunked"}, 501},
        {"identity", {kPost, kHost, "Transfer-Encoding: identity"}, 501},
        {"chunked_in_http10", {"POST / HTTP/1.0", kHost, "Transfer-Encoding: chunked"}, 400},
    }),
    [](const auto& one) { return one.param.name; });

TEST(HeadTest, ConnectionTokensDecideAboutTheNextRequest) {
  const auto keeps = [](const std::string& version, const std::vector<std::string>& fields) {
    std::vector<std::string> all = {"GET / " + version, kHost};
    all.insert(all.end(), fields.begin(), fields.end());
    return parse(all).head.keep_alive;
  };
  EXPECT_TRUE(keeps("HTTP/1.1", {}));
  EXPECT_TRUE(keeps("HTTP/1.1", {"Connection: Keep-Alive"}));
  EXPECT_FALSE(keeps("HTTP/1.1", {"Connection: Close"}));
  EXPECT_FALSE(keeps("HTTP/1.1", {"Connection: keep-alive, TE , close"}));
  EXPECT_FALSE(keeps("HTTP/1.1", {"Connection: te", "Connection: close"}));
  EXPECT_TRUE(keeps("HTTP/1.1", {"Connection: closed"}));
  EXPECT_FALSE(keeps("HTTP/1.0", {}));
  EXPECT_TRUE(keeps("HTTP/1.0", {"Connection: keep-alive"}));
  EXPECT_FALSE(keeps("HTTP/1.0", {"Connection: keep-alive, close"}));
}

TEST(HeadTest, ExpectationIsIgnoredInHttp10) {
  const Parsed parsed = parse({"POST / HTTP/1.0", "Expect: 100-continue", "Content-Length: 1"});
  EXPECT_EQ(parsed.refuse, 0);
  EXPECT_FALSE(parsed.head.expect_continue);
}

TEST(HeadTest, KeepsWhatTheLogNeedsOfARefusedHead) {
  const Parsed parsed = parse({"GET /x HTTP/3.0", kHost});
  EXPECT_EQ(parsed.refuse, 505);
  EXPECT_EQ(parsed.head.method, "GET");
  EXPECT_EQ(parsed.head.target, "/x");
}

TEST(HeadEndTest, IsFoundByteByByte) {
  const std::string head = lines({kGet, kHost});
  const std::string stream = head + "GET /next";
  size_t searched = 0;
  for (size_t size = 0; size <= stream.size(); size++) {
    const size_t end = head_end(std::string_view(stream).substr(0, size), searched);
    EXPECT_EQ(end, size < head.size() ? 0 : head.size()) << size;
    if (end == 0) searched = size;
  }
}

TEST(HeadEndTest, FindsTheEndOfHeadsThatAreThenRefused) {
  for (const std::string head : {"GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET /\r\n\n"}) {
    size_t end = 0;
    for (size_t size = 1; size <= head.size() && end == 0; size++) {
      end = head_end(std::string_view(head).substr(0, size), size - 1);
    }
    EXPECT_EQ(end, head.size());
    EXPECT_EQ(parse(head).refuse, 400) << head;
  }
}

TEST(HeadTest, RecordedRequestsAreAllAccepted) {
  for (const char* name : {"01-mplist", "06-site-information", "13-policy-body", "17-propfind"}) {
    const std::string bytes = ::smslab::testing::test_data("wire/requests/" + std::string(name) + ".http");
    const size_t end = head_end(bytes, 0);
    ASSERT_NE(end, 0U) << name;
    const Parsed parsed = parse(std::string_view(bytes).substr(0, end));
    EXPECT_EQ(parsed.refuse, 0) << name << ": " << parsed.reason;
    EXPECT_EQ(parsed.head.length, bytes.size() - end) << name;
  }
}

struct Chunked {
  int refuse = 0;
  bool done = false;
  std::string body, rest;
};

Chunked read_chunked(const std::string& input, size_t step, const ChunkedLimits& limits = {}) {
  ChunkedBody chunked(limits);
  Chunked result;
  size_t at = 0;
  for (size_t given = 0; at == given && given < input.size() && !chunked.done() && chunked.refuse() == 0;) {
    given = std::min(input.size(), given + step);
    at += chunked.take(std::string_view(input).substr(at, given - at), &result.body);
  }
  result.refuse = chunked.refuse();
  result.done = chunked.done();
  result.rest = input.substr(at);
  return result;
}

TEST(ChunkedTest, GivesTheContentAndLeavesTheRest) {
  const std::string input = "5\r\nhello\r\n00a;x=\"y\"\r\n, world 12\r\n0\r\nX-T: 1\r\n\r\nGET /";
  for (const size_t step : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, input.size()}) {
    const Chunked read = read_chunked(input, step);
    EXPECT_TRUE(read.done) << step;
    EXPECT_EQ(read.body, "hello, world 12") << step;
    EXPECT_EQ(read.rest, "GET /") << step;
  }
}

TEST(ChunkedTest, MayBeEmpty) {
  const Chunked read = read_chunked("0\r\n\r\n", 1);
  EXPECT_TRUE(read.done);
  EXPECT_EQ(read.body, "");
}

struct ChunkedCase {
  const char* name;
  std::string input;
  int refuse;
};
class ChunkedCases : public ::testing::TestWithParam<ChunkedCase> {};

TEST_P(ChunkedCases, IsRefusedHoweverItComes) {
  const ChunkedLimits limits{.body_bytes = 10, .line_bytes = 64, .trailer_bytes = 100};
  for (const size_t step : {size_t{1}, size_t{5}, size_t{1000}}) {
    const Chunked read = read_chunked(GetParam().input, step, limits);
    EXPECT_EQ(read.refuse, GetParam().refuse) << step;
    EXPECT_FALSE(read.done);
    EXPECT_LE(read.body.size(), 10U);
  }
}

INSTANTIATE_TEST_SUITE_P(Bad, ChunkedCases,
                         ::testing::ValuesIn(std::vector<ChunkedCase>{
                             {"no_size", "\r\nabc\r\n", 400},
                             {"size_with_prefix", "0x5\r\nabcde\r\n0\r\n\r\n", 400},
                             {"size_with_sign", "-5\r\nabcde\r\n", 400},
                             {"size_with_plus", "+5\r\nabcde\r\n", 400},
                             {"size_after_blank", " 5\r\nabcde\r\n", 400},
                             {"size_with_letters", "5g\r\nabcde\r\n", 400},
                             {"size_beyond_64_bits", "10000000000000000\r\n", 413},
                             {"body_too_large", "b\r\n", 413},
                             {"bodies_too_large", "6\r\nabcdef\r\n5\r\n", 413},
                             {"sum_that_wraps", "6\r\nabcdef\r\nffffffffffffffff\r\n", 413},
                             {"bare_lf", "5\nabcde\r\n", 400},
                             {"bare_lf_after_data", "5\r\nabcde\n0\r\n\r\n", 400},
                             {"longer_than_its_size", "5\r\nabcdef\r\n", 400},
                             {"control_in_extension", "5;a=\x01\r\nabcde\r\n", 400},
                             {"long_extension", "5;" + std::string(64, 'x') + "\r\n", 400},
                             {"trailer_without_colon", "0\r\nabc\r\n\r\n", 400},
                             {"trailer_too_large",
                              "0\r\nA: " + std::string(50, 'x') + "\r\nB: " + std::string(50, 'x') + "\r\n\r\n", 431},
                         }),
                         [](const auto& one) { return one.param.name; });

Status make(const std::string& target, Request* request, const std::string& method = "GET") {
  Head head;
  head.method = method;
  head.target = target;
  head.fields = {{"Host", "mp:80"}};
  return make_request(&head, request);
}

TEST(RequestTest, SplitsAndDecodesThePathOnceAndLeavesTheQuery) {
  Request request;
  ASSERT_TRUE(make("/SMS_DP_SMSPKG%24/a%2520b/%C3%A4?x=%41&y?z", &request).ok());
  EXPECT_EQ(request.target, "/SMS_DP_SMSPKG%24/a%2520b/%C3%A4?x=%41&y?z");
  EXPECT_EQ(request.path, "/SMS_DP_SMSPKG$/a%20b/\xc3\xa4");
  EXPECT_TRUE(request.has_query);
  EXPECT_EQ(request.query, "x=%41&y?z");
  EXPECT_EQ(request.origin(), "http://mp:80");
}

TEST(RequestTest, KeepsTheSccmFormRaw) {
  Request request;
  ASSERT_TRUE(make("/SMS_DP_SMSPKG$/LON00001/sccm?/dir/../%2e%2e/a%2Fb", &request).ok());
  EXPECT_EQ(request.path, "/SMS_DP_SMSPKG$/LON00001/sccm");
  EXPECT_EQ(request.query, "/dir/../%2e%2e/a%2Fb");
}

TEST(RequestTest, TellsAnEmptyQueryFromNone) {
  Request request;
  ASSERT_TRUE(make("/x?", &request).ok());
  EXPECT_TRUE(request.has_query);
  EXPECT_EQ(request.query, "");
  ASSERT_TRUE(make("/x", &request).ok());
  EXPECT_FALSE(request.has_query);
}

TEST(RequestTest, AbsoluteFormReplacesHost) {
  Request request;
  ASSERT_TRUE(make("http://dp:8080?q", &request).ok());
  EXPECT_EQ(request.path, "/");
  EXPECT_EQ(request.query, "q");
  EXPECT_EQ(request.origin(), "http://dp:8080");
  ASSERT_TRUE(make("http://dp/a%20b", &request).ok());
  EXPECT_EQ(request.path, "/a b");
  EXPECT_EQ(request.origin(), "http://dp");
}

TEST(RequestTest, OriginFallsBackOnTheLocalAddress) {
  Request request;
  request.local = {"::1", 8081};
  EXPECT_EQ(request.origin(), "http://[::1]:8081");
  request.fields = {{"Host", ""}};
  EXPECT_EQ(request.origin(), "http://[::1]:8081");
  request.tls = true;
  request.fields = {{"host", "dp"}};
  EXPECT_EQ(request.origin(), "https://dp");
}

TEST(RequestTest, RefusesPathsThatNameNothing) {
  for (const char* target :
       {"/%",     "/%4",       "/%zz",      "/a%00b",       "/a%0db",          "/a%7f",      "/a%2fb",
        "/a%2Fb", "/a\\b",     "/a%5cb",    "/..",          "/../x",           "/a/..",      "/a/./b",
        "/.",     "/%2e%2e/x", "/a/%2E./b", "/%ff",         "/%c0%ae%c0%ae/x", "/%ed%a0%80", "x",
        "*",      "ftp://a/b", "http://",   "http://a@b/x", "http://a\"b/x",   "a:443"}) {
    Request request;
    const Status status = make(target, &request);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << target;
    EXPECT_EQ(request.target, target);
    EXPECT_EQ(request.method, "GET");
  }
}

TEST(RequestTest, TakesNamesThatOnlyLookDoubtful) {
  for (const char* target : {"/...", "/a..", "/..a", "/a.b", "/a//b", "/%25", "/%252e%252e", "/a+b", "/{x}$[y]|^`"}) {
    Request request;
    EXPECT_TRUE(make(target, &request).ok()) << target;
  }
}

TEST(RequestTest, OptionsAsteriskIsAboutTheServer) {
  Request request;
  ASSERT_TRUE(make("*", &request, "OPTIONS").ok());
  EXPECT_EQ(request.target, "*");
  EXPECT_EQ(request.path, "/");
}

}  // namespace
}  // namespace smslab::wire
