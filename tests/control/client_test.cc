#include "proto/control/client.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>

#include "tests/control/canned_server.h"
#include "tests/control/fixture.h"

namespace smslab::control {
namespace {
using testing::CannedServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

const std::string kEmptyAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

// `size` bytes that no disk holds.
class MadeUpFile final : public ReadableFile {
 public:
  explicit MadeUpFile(uint64_t size, uint64_t really = UINT64_MAX) : size_(size), really_(std::min(size, really)) {}
  Result<size_t> pread(uint64_t offset, std::span<char> buffer) const override {
    const size_t count = std::min<uint64_t>(buffer.size(), really_ - offset);
    std::fill_n(buffer.begin(), count, 'f');
    return count;
  }
  uint64_t size() const override { return size_; }
  int fd() const override { return -1; }

 private:
  const uint64_t size_, really_;
};

TEST(HttpClient, PutsNothingOfItsOwnOnTheWire) {
  CannedServer server({{kEmptyAnswer, 3}, {kEmptyAnswer}, {kEmptyAnswer}, {kEmptyAnswer}, {kEmptyAnswer, 3}});
  const std::string host = "Host: " + server.base().substr(7) + "\r\n";
  HttpClient http({.base = server.base()});
  EXPECT_TRUE(http.send({.method = "CCM_POST", .target = "/ccm_system/request", .body = "abc"}).ok());
  EXPECT_TRUE(http.send({.target = "/SMS_MP/.sms_pol?{a b}", .fields = {}}).status().code() == Code::kInvalidArgument);
  EXPECT_TRUE(http.send({.target = "/SMS_MP/.sms_pol?{a%20b}&<mp>"}).ok());
  EXPECT_TRUE(http.send({.method = "PROPFIND",
                         .target = "/SMS_DP_SMSPKG$/LON00001/",
                         .fields = {{"User-Agent", ""},
                                    {"Depth", "infinity"},
                                    {"Translate", "f"},
                                    {"Content-Length", "0"},
                                    {"Connection", "close"},
                                    {"X", "2"},
                                    {"x", "1"},
                                    {"Accept", "text/xml"}}})
                  .ok());
  HttpClient with_token({.base = server.base(), .token = "t"});
  EXPECT_TRUE(with_token.send({.method = "DELETE", .target = "/x"}).ok());
  EXPECT_TRUE(with_token
                  .send({.method = "PUT",
                         .target = "/x",
                         .fields = {{"Authorization", "own"}},
                         .file = std::make_shared<MadeUpFile>(3)})
                  .ok());
  EXPECT_THAT(server.requests(),
              ElementsAre("CCM_POST /ccm_system/request HTTP/1.1\r\nAccept: */*\r\nContent-Length: 3\r\n" + host +
                              "User-Agent: cpp-httplib/0.11.4\r\n\r\nabc",
                          "GET /SMS_MP/.sms_pol?{a%20b}&<mp> HTTP/1.1\r\nAccept: */*\r\n" + host +
                              "User-Agent: cpp-httplib/0.11.4\r\n\r\n",
                          "PROPFIND /SMS_DP_SMSPKG$/LON00001/ HTTP/1.1\r\nAccept: text/xml\r\nConnection: close\r\n"
                          "Content-Length: 0\r\nDepth: infinity\r\n" +
                              host + "Translate: f\r\nUser-Agent: \r\nX: 2\r\nx: 1\r\n\r\n",
                          "DELETE /x HTTP/1.1\r\nAccept: */*\r\nAuthorization: Bearer t\r\n" + host +
                              "User-Agent: cpp-httplib/0.11.4\r\n\r\n",
                          "PUT /x HTTP/1.1\r\nAccept: */*\r\nAuthorization: own\r\nContent-Length: 3\r\n" + host +
                              "User-Agent: cpp-httplib/0.11.4\r\n\r\nfff"));
}

TEST(HttpClient, ComesFromTheAddressItIsTold) {
  CannedServer server({{kEmptyAnswer}});
  HttpClient http({.base = server.base(), .bind = "127.0.0.7"});
  EXPECT_TRUE(http.send({}).ok());
  server.requests();
  EXPECT_EQ(server.peer(), "127.0.0.7");
  HttpClient nowhere({.base = server.base(), .bind = "192.0.2.1"});
  EXPECT_EQ(nowhere.send({}).status().code(), Code::kUnavailable);
}

TEST(HttpClient, TakesAnswersAsTheyAre) {
  CannedServer server({
      {"HTTP/1.1 207 Multi-Status\r\nContent-Type: text/xml\r\nX: 1\r\nx: 2\r\nContent-Length: 4\r\n\r\n<a/>"},
      {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
      {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nraw"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"},
      {"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 9\r\n\r\n"},
      {"HTTP/1.1 204 No Content\r\n\r\n"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
      {"HTTP/1.1 200 OK\r\n\r\nuntil the end"},
      {"HTTP/1.1 500 Oh dear\r\nContent-Length: 2\r\n\r\nno"},
  });
  HttpClient http({.base = server.base()});
  auto reply = http.send({.method = "PROPFIND"});
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->status, 207);
  EXPECT_EQ(reply->reason, "Multi-Status");
  EXPECT_EQ(*reply->field("content-TYPE"), "text/xml");
  EXPECT_EQ(*reply->field("x"), "1");
  EXPECT_EQ(reply->field("y"), nullptr);
  EXPECT_EQ(reply->body, "<a/>");
  EXPECT_EQ(http.send({})->status, 302);
  EXPECT_EQ(http.send({})->body, "raw");
  reply = http.send({.method = "HEAD"});
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(*reply->field("Content-Length"), "12345");
  EXPECT_EQ(reply->body, "");
  reply = http.send({});
  ASSERT_TRUE(reply.ok()) << reply.status().to_string();
  EXPECT_EQ(reply->status, 304);
  EXPECT_EQ(*reply->field("ETag"), "\"x\"");
  EXPECT_EQ(http.send({})->status, 204);
  EXPECT_EQ(http.send({})->body, "abc");
  EXPECT_EQ(http.send({})->body, "until the end");
  reply = http.send({});
  EXPECT_EQ(reply->status, 500);
  EXPECT_EQ(reply->body, "no");
}

TEST(HttpClient, NoWholeAnswerIsUnavailable) {
  CannedServer server({
      {""},
      {"HTTP/1.1 200 OK\r\nContent-Le"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"},
      {"this is not HTTP\r\n\r\n"},
      {kEmptyAnswer},
  });
  HttpClient http({.base = server.base()});
  const auto failure = [&] {
    const auto reply = http.send({.target = "/x?y"});
    EXPECT_EQ(reply.status().code(), Code::kUnavailable);
    return reply.status().message();
  };
  const std::string what = "GET " + server.base() + "/x?y: ";
  EXPECT_EQ(failure(), what + "the connection ended without an answer");
  failure();
  EXPECT_EQ(failure(), what + "the answer was cut short after 3 bytes of its body");
  EXPECT_THAT(failure(), HasSubstr("the answer was cut short"));
  failure();
  EXPECT_TRUE(http.send({}).ok());  // and then goes on
}

// Each of these has ended a program that trusted its HTTP library.
TEST(HttpClient, AHostileServerIsUnavailable) {
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int n = 0; n < 10'000; n++) many += "X: y\r\n";
  CannedServer server({
      {"HTTP/1.1 200 " + std::string(30'000, 'x') + "\r\nContent-Length: 0\r\n\r\n"},
      {"HTTP/1.1 200 " + std::string(1'000'000, 'x')},
      {std::string(30'000, 'x') + "\r\n\r\n"},
      {many + "\r\n"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 " + std::string(30'000, 'x') + "\r\n\r\n"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(1'000'000, '0')},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
  });
  HttpClient http({.base = server.base()});
  for (int n = 0; n < 6; n++) EXPECT_EQ(http.send({}).status().code(), Code::kUnavailable) << n;
  const auto good = http.send({});
  ASSERT_TRUE(good.ok()) << good.status().to_string();
  EXPECT_EQ(good->body, "ok");
}

TEST(HttpClient, NoAnswerInTimeIsUnavailable) {
  // Listens, and never accepts.
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at = testing::loopback(0);
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
  const std::string base = "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
  HttpClient http({.base = base, .timeout = std::chrono::milliseconds(50)});
  EXPECT_EQ(http.send({}).status(), Status(Code::kUnavailable, "GET " + base + "/: timed out"));
  listener.reset();
  EXPECT_EQ(http.send({}).status(), Status(Code::kUnavailable, "GET " + base + "/: cannot connect"));
}

TEST(HttpClient, RefusesRequestsThatAreNone) {
  for (const char* base : {"", "127.0.0.1:80", "https://127.0.0.1:80", "http://127.0.0.1:80/path?query", "ftp://x"}) {
    EXPECT_EQ(HttpClient({.base = base}).send({}).status().code(), Code::kInvalidArgument) << base;
  }
  HttpClient http({.base = "http://127.0.0.1:1"});
  EXPECT_EQ(http.send({.method = ""}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(http.send({.method = "GET /\r\n"}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(http.send({.target = ""}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(http.send({.target = "/a b"}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(http.send({.target = "/\r\nX: y"}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(http.send({.fields = {{"X", "a\r\nY: b"}}}).status().code(), Code::kInvalidArgument);
}

TEST(HttpClient, SinkTakesWhatSucceeds) {
  CannedServer server({
      {"HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc"},
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"},
  });
  HttpClient http({.base = server.base()});
  std::string got;
  HttpRequest ask;
  ask.sink = [&](std::string_view piece) {
    got += piece;
    return ok_status();
  };
  std::vector<int> heads;
  ask.on_head = [&](const HttpReply& head) {
    heads.push_back(head.status);
    return ok_status();
  };
  auto reply = http.send(ask);
  EXPECT_EQ(reply->status, 206);
  EXPECT_EQ(reply->body, "");
  EXPECT_EQ(std::exchange(got, {}), "abc");
  reply = http.send(ask);
  EXPECT_EQ(reply->body, "no");
  EXPECT_EQ(got, "");
  EXPECT_THAT(heads, ElementsAre(206, 404));

  ask.sink = [](std::string_view) { return Status(Code::kNoSpace, "full"); };
  EXPECT_EQ(http.send(ask).status(), Status(Code::kNoSpace, "full"));
  ask.on_head = [](const HttpReply&) { return failed_precondition("not that"); };
  EXPECT_EQ(http.send(ask).status(), failed_precondition("not that"));
  ask.on_head = {};
  ask.sink = [&](std::string_view piece) {
    got += piece;
    return ok_status();
  };
  EXPECT_EQ(http.send(ask).status().code(), Code::kUnavailable);
  EXPECT_EQ(got, "abc");
}

TEST(HttpClient, BodiesInMemoryHaveALimit) {
  CannedServer server(
      {{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"}, {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"}});
  HttpClient http({.base = server.base(), .body_bytes = 3});
  EXPECT_EQ(http.send({})->body, "abc");
  EXPECT_EQ(http.send({}).status().code(), Code::kTooLarge);
}

TEST_F(ServerTest, ClientStreamsBothWays) {
  start();
  auto http = client();
  HttpRequest up{.method = "PUT", .target = "/blobs/x", .file = std::make_shared<MadeUpFile>(uint64_t{40} << 20)};
  auto reply = http.send(up);
  ASSERT_TRUE(reply.ok()) << reply.status().to_string();
  EXPECT_THAT(reply->body, HasSubstr(R"("bytes":"41943040")"));
  up.file = std::make_shared<MadeUpFile>(0);
  EXPECT_THAT(http.send(up)->body, HasSubstr(R"("bytes":"0")"));
  up.file = std::make_shared<MadeUpFile>(100'000, 70'000);
  EXPECT_EQ(http.send(up).status().code(), Code::kDataLoss);

  uint64_t received = 0;
  size_t largest = 0;
  HttpRequest down{.target = "/large"};
  down.sink = [&](std::string_view piece) {
    received += piece.size();
    largest = std::max(largest, piece.size());
    return ok_status();
  };
  ASSERT_TRUE(http.send(down).ok());
  EXPECT_EQ(received, uint64_t{40} << 20);
  EXPECT_LE(largest, size_t{1} << 20);
}

TEST_F(ServerTest, CallSpeaksProtobufAndErrors) {
  start({.token = "secret"});
  HttpClient http({.base = base(), .token = "secret"});
  v1::Package ask, got;
  ask.set_id("LON00001");
  EXPECT_EQ(http.call("POST", "/echo", &ask, &got), ok_status());
  EXPECT_EQ(got.id(), "LON00001");
  EXPECT_EQ(http.call("POST", "/echo", nullptr, nullptr), ok_status());
  EXPECT_EQ(http.call("DELETE", "/programs/x%20y", nullptr, nullptr), not_found("no program x y", "name"));
  EXPECT_EQ(http.call("PUT", "/unread", &ask, nullptr), Status(Code::kNoSpace, "full"));
  EXPECT_EQ(http.call("POST", "/throws", nullptr, &got), internal_error("unexpected: boom"));
  EXPECT_EQ(http.call("GET", "/", nullptr, &got).code(), Code::kInternal);  // text is no message
  EXPECT_EQ(client().call("GET", "/", nullptr, nullptr).code(), Code::kUnauthenticated);
}

TEST(HttpClientCall, ErrorsOfOtherServers) {
  const auto answer = [](const std::string& status, const std::string& type, const std::string& body) {
    return CannedServer::Answer{"HTTP/1.1 " + status + "\r\nContent-Type: " + type +
                                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body};
  };
  CannedServer server({
      answer("409 Conflict", "application/json", R"({"error":{"code":"ABORTED","message":"again","field":"x.y[1]"}})"),
      answer("404 Not Found", "text/html", "<a/>"),
      answer("503 Busy", "text/plain", ""),
      answer("418 Teapot", "text/plain", ""),
      answer("400 Bad", "application/json", R"({"error":{"code":"NEW_THING_YET"}})"),
  });
  HttpClient http({.base = server.base()});
  const auto call = [&] { return http.call("GET", "/", nullptr, nullptr); };
  EXPECT_EQ(call(), Status(Code::kAborted, "again", "x.y[1]"));
  EXPECT_EQ(call(), not_found("the server answered 404 Not Found"));
  EXPECT_EQ(call(), Status(Code::kUnavailable, "the server answered 503 Busy"));
  EXPECT_EQ(call(), internal_error("the server answered 418 Teapot"));
  EXPECT_EQ(call().code(), Code::kInternal);
}

TEST_F(ServerTest, ConnectionsAreKept) {
  start();
  auto http = client();
  for (int i = 0; i < 20; i++) EXPECT_EQ(http.send({.target = "/"})->body, "hello");
  HttpClient moved = std::move(http);
  EXPECT_EQ(moved.send({.target = "/"})->body, "hello");
  server_->stop();
  EXPECT_EQ(moved.send({.target = "/"}).status().code(), Code::kUnavailable);
  ASSERT_TRUE(server_->start(at_).ok());
  EXPECT_EQ(moved.send({.target = "/"})->body, "hello");
}

// select() has room for 1024 descriptors only.
TEST_F(ServerTest, ManyOpenFiles) {
  start();
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur < 1200) GTEST_SKIP() << "no more than " << limit.rlim_cur << " descriptors here";
  std::vector<UniqueFd> held;
  for (int i = 0; i < 1100; i++) held.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto http = client();
  const auto reply = http.send({.target = "/"});
  EXPECT_TRUE(reply.ok()) << reply.status().to_string();
}
}  // namespace
}  // namespace smslab::control
