// A control server among strangers: web pages, floods, and what is only half there. After each attack the next request
// is answered.
#include <gmock/gmock.h>

#include <chrono>

#include "tests/control/fixture.h"
#include "tests/support/http_probe.h"

namespace smslab::control {
namespace {
using ::smslab::test::HttpProbe;
using ::testing::HasSubstr;

class StrangersTest : public ServerTest {
 protected:
  std::string host() const { return "Host: " + format_host_port(at_) + "\r\n"; }
  HttpProbe::Reply say(const std::string& bytes) {
    HttpProbe probe(at_);
    probe.send(bytes);
    return probe.read_reply();
  }
  void expect_alive() { EXPECT_EQ(HttpProbe(at_).ask("GET", "/").body, "hello"); }
};

TEST_F(StrangersTest, AWebPageIsRefused) {
  start();
  const std::string json = "Content-Type: application/json\r\n";
  for (const std::string& fields :
       {std::string("Origin: http://evil.example\r\n"), std::string("Origin: null\r\n"),
        std::string("Sec-Fetch-Site: cross-site\r\n"), std::string("Sec-Fetch-Site: same-site\r\n")}) {
    const auto read = HttpProbe(at_).ask("GET", "/", fields);
    EXPECT_EQ(read.status, 403) << fields;
    EXPECT_THAT(read.body, HasSubstr("UNAUTHENTICATED"));
    EXPECT_THAT(read.body, Not(HasSubstr("hello")));
    EXPECT_EQ(HttpProbe(at_).ask("POST", "/echo", fields + json, "{}").status, 403) << fields;
    EXPECT_EQ(HttpProbe(at_).ask("OPTIONS", "/echo", fields).status, 403) << "and no preflight lets it in";
  }
  const auto form = HttpProbe(at_).ask("POST", "/echo", "User-Agent: Mozilla/5.0\r\nContent-Type: text/plain\r\n",
                                       R"({"id":"LON00001"})");
  EXPECT_EQ(form.status, 403);
  EXPECT_THAT(form.body, HasSubstr("application/json"));
  EXPECT_EQ(say("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").status, 403) << "DNS rebinding";
  // A page of the server's own may.
  EXPECT_EQ(HttpProbe(at_)
                .ask("POST", "/echo",
                     json + "User-Agent: Mozilla/5.0\r\nSec-Fetch-Site: same-origin\r\nOrigin: http://" +
                         format_host_port(at_) + "\r\n",
                     "{}")
                .status,
            201);
  expect_alive();
}

TEST_F(StrangersTest, HeadsHaveLimits) {
  start();
  std::string many = "GET / HTTP/1.1\r\n" + host();
  for (int n = 0; n < 200; n++) many += "X: y\r\n";
  EXPECT_EQ(say(many + "\r\n").status, 431);
  EXPECT_EQ(say("GET /" + std::string(30'000, 'x') + " HTTP/1.1\r\n" + host() + "\r\n").status, 414);
  EXPECT_EQ(say("GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\n" + host() + "\r\n").status, 414);
  EXPECT_EQ(say("GET / HTTP/1.1\r\n" + host() + "X: " + std::string(9'000, 'x') + "\r\n\r\n").status, 431);
  EXPECT_EQ(say("GET / HTTP/1.1\r\n" + host() + "X: " + std::string(40'000, 'x') + "\r\n\r\n").status, 431);
  EXPECT_EQ(say(std::string(1'000'000, 'x')).status, 414) << "without an end";
  EXPECT_EQ(say(std::string(30'000, 'x') + "\r\n\r\n").status, 414);
  EXPECT_EQ(say("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status, 400);
  EXPECT_EQ(say("GET / HTTP/1.1\r\n\r\n").status, 400) << "no Host";
  EXPECT_EQ(say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status, 505);
  EXPECT_EQ(say(std::string("\0\1\2\r\n\r\n", 7)).status, 400);
  const auto reply = say("GET / HTTP/1.1\r\n" + host() + "Bad Name: x\r\n\r\n");
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr(R"({"error":{"code":"INVALID_ARGUMENT")"));
  // A line between chunks has an end, too.
  HttpProbe chunks(at_);
  chunks.send("PUT /blobs/x HTTP/1.1\r\n" + host() + "Transfer-Encoding: chunked\r\n\r\n" + std::string(100'000, '0'));
  EXPECT_NE(chunks.read_reply().status, 200);
  expect_alive();
}

TEST_F(StrangersTest, RangesAreNotServed) {
  start();
  std::string ranges = "Range: bytes=0-1";
  for (int n = 0; n < 500; n++) ranges += ",0-1";
  const auto reply = HttpProbe(at_).ask("GET", "/", ranges + "\r\n");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "hello");
  EXPECT_EQ(reply.field("Content-Type"), "text/plain");
}

// Whatever is half-sent holds no thread that another request needs.
TEST_F(StrangersTest, HalfSentRequestsKeepNobodyWaiting) {
  start({.threads = 2});
  std::vector<std::unique_ptr<HttpProbe>> held;
  const auto hold = [&](const std::string& bytes) {
    for (int n = 0; n < 20; n++) {
      held.push_back(std::make_unique<HttpProbe>(at_));
      held.back()->send(bytes);
    }
  };
  hold("");
  hold("GET / HTTP/1.1\r\nHost: local");
  hold("POST /echo HTTP/1.1\r\n" + host() + "Content-Length: 100\r\n\r\n{");
  hold("PUT /blobs/x HTTP/1.1\r\n" + host() + "Content-Length: 1000000\r\n\r\nx");
  hold("PUT /blobs/x HTTP/1.1\r\n" + host() + "Transfer-Encoding: chunked\r\n\r\n1\r\n");
  const auto begin = std::chrono::steady_clock::now();
  for (int n = 0; n < 20; n++) expect_alive();
  EXPECT_EQ(HttpProbe(at_).ask("POST", "/echo", "", "{}").status, 201);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

// However a request is cut, it is the same.
TEST_F(StrangersTest, RequestsComeInPieces) {
  start();
  const std::string body = R"({"name":")" + std::string(40'000, 'x') + "\"}";
  const std::string head = "POST /echo HTTP/1.1\r\n" + host() +
                           "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                           "\r\n\r\n";
  for (const size_t piece : {size_t{1}, size_t{7}, head.size(), size_t{1000}, size_t{17'000}}) {
    HttpProbe probe(at_);
    const std::string all = head + body;
    const size_t few = piece < 10 ? head.size() + 100 : all.size();  // in small pieces, the rest at once
    for (size_t at = 0; at < few; at += piece) probe.send(std::string_view(all).substr(at, std::min(piece, few - at)));
    probe.send(std::string_view(all).substr(few));
    EXPECT_EQ(probe.read_reply().status, 201) << piece;
    EXPECT_EQ(probe.ask("GET", "/").body, "hello") << piece;
  }
}

TEST_F(StrangersTest, WhoHasNoTokenIsNotListenedTo) {
  start({.token = "a secret of some length"});
  // The reply comes before the body, which nobody waits for.
  HttpProbe probe(at_);
  probe.send("PUT /blobs/x HTTP/1.1\r\n" + host() + "Content-Length: 1000000000\r\n\r\nx");
  const auto reply = probe.read_reply();
  EXPECT_EQ(reply.status, 401);
  EXPECT_TRUE(probe.at_end());
  for (const auto& record : records_->take()) EXPECT_THAT(record, Not(HasSubstr("a secret")));
  HttpProbe wrong(at_);
  EXPECT_EQ(wrong.ask("GET", "/", "Authorization: Bearer a guess of some length\r\n").status, 401);
  for (const auto& record : records_->take()) EXPECT_THAT(record, Not(HasSubstr("a guess")));
  EXPECT_EQ(wrong.ask("GET", "/", "Authorization: Bearer a secret of some length\r\n").status, 200);
}

// Beyond so many connections the one that has waited longest makes room.
TEST_F(StrangersTest, ManyConnectionsKeepNobodyOut) {
  start();
  std::vector<std::unique_ptr<HttpProbe>> held;
  for (int n = 0; n < 400; n++) held.push_back(std::make_unique<HttpProbe>(at_));
  expect_alive();
  EXPECT_EQ(held.back()->ask("GET", "/").status, 200);
}

}  // namespace
}  // namespace smslab::control
