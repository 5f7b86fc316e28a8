#include "proto/control/server.h"

#include <gmock/gmock.h>

#include <thread>

#include "proto/codec/json.h"
#include "tests/control/fixture.h"
#include "tests/support/http_probe.h"

namespace smslab::control {
namespace {
using ::smslab::test::HttpProbe;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(ServerTest, JsonIsTheDefault) {
  start();
  HttpProbe probe(at_);
  for (const char* type : {"", "Content-Type: application/json; charset=utf-8\r\n",
                           "Content-Type: application/x-www-form-urlencoded\r\nAccept: */*\r\n"}) {
    const auto reply = probe.ask("POST", "/echo", type, R"({"id":"LON00001","sourceVersion":2})");
    EXPECT_EQ(reply.status, 201) << type;
    EXPECT_EQ(reply.field("Content-Type"), "application/json");
    v1::Package package;
    EXPECT_EQ(codec::from_json(reply.body, &package), ok_status());
    EXPECT_EQ(package.source_version(), 2u);
  }
  EXPECT_EQ(probe.ask("POST", "/echo").status, 201);  // no body: an empty message
  EXPECT_EQ(probe.ask("PATCH", "/echo", "", "{}").status, 201);
}

TEST_F(ServerTest, ProtobufBothWays) {
  start();
  HttpProbe probe(at_);
  v1::Package package;
  package.set_id("LON00001");
  const std::string bytes = package.SerializeAsString();
  auto reply =
      probe.ask("POST", "/echo", "Content-Type: application/x-protobuf\r\nAccept: application/x-protobuf\r\n", bytes);
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.field("Content-Type"), "application/x-protobuf");
  EXPECT_EQ(reply.body, bytes);
  reply = probe.ask("POST", "/echo", "Content-Type: application/x-protobuf\r\n", bytes);
  EXPECT_THAT(reply.body, StartsWith(R"({"id":"LON00001")"));
  reply = probe.ask("POST", "/echo", "Content-Type: application/x-protobuf\r\n", "\xFF\xFF");
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("not a protobuf Package"));
  package.mutable_source_date()->set_seconds(INT64_MAX);
  reply = probe.ask("POST", "/echo", "Content-Type: application/x-protobuf\r\n", package.SerializeAsString());
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("outside the years"));
  reply = probe.ask("DELETE", "/programs/x", "Accept: application/x-protobuf\r\n");
  v1::ErrorReply error;
  EXPECT_TRUE(error.ParseFromString(reply.body));
  EXPECT_EQ(error.error().code(), "NOT_FOUND");
}

TEST_F(ServerTest, ParametersAndQueryAreDecodedOnce) {
  start();
  HttpProbe probe(at_);
  const auto show = [&](const std::string& target) {
    v1::Program program;
    EXPECT_EQ(codec::from_json(probe.ask("GET", target).body, &program), ok_status()) << target;
    return program;
  };
  EXPECT_EQ(show("/programs/Per-system%20unattended").name(), "Per-system unattended");
  EXPECT_EQ(show("/programs/a%2Fb").name(), "a/b");
  EXPECT_EQ(show("/programs/a%2541").name(), "a%41");
  EXPECT_EQ(show("/programs/a+b").name(), "a+b");
  EXPECT_EQ(show("/programs/%C3%A9?note=1%202+3").comment(), "1 2 3");
  EXPECT_EQ(show("/programs/x?note=y").command_line(), "/programs/x");
  EXPECT_EQ(probe.ask("GET", "/programs/%FF").status, 400);
  EXPECT_EQ(probe.ask("GET", "/programs/x?note=1&note=2").status, 400);
  EXPECT_EQ(
      probe.ask("GET", "/programs/x?notes=1").body,
      R"({"error":{"code":"INVALID_ARGUMENT","message":"unknown query key 'notes' of /programs/{name}; it takes note",)"
      R"("field":"notes"}})");
  EXPECT_EQ(probe.ask("GET", "/programs/" + std::string(7000, 'x')).status, 200);
  EXPECT_EQ(probe.ask("GET", "/programs/x%0Ay").status, 200);
}

TEST_F(ServerTest, ErrorsHaveOneFormAndOneLogLine) {
  start();
  HttpProbe probe(at_);
  const auto expect = [&](const HttpProbe::Reply& reply, int status, const std::string& body, const std::string& line) {
    EXPECT_EQ(reply.status, status);
    EXPECT_EQ(reply.field("Content-Type"), "application/json");
    EXPECT_EQ(reply.body, body);
    EXPECT_THAT(records_->take(), ElementsAre("2026-11-21T20:00:00Z " + line));
  };
  expect(probe.ask("DELETE", "/programs/a%20b?x=1"), 404,
         R"({"error":{"code":"NOT_FOUND","message":"no program a b","field":"name"}})",
         "warn  control: DELETE /programs/a%20b?x=1 404 NOT_FOUND: no program a b (field name)");
  expect(probe.ask("GET", "/nowhere"), 404,
         R"({"error":{"code":"NOT_FOUND","message":"no such path: /nowhere","field":"path"}})",
         "warn  control: GET /nowhere 404 NOT_FOUND: no such path: /nowhere (field path)");
  expect(
      probe.ask("POST", "/echo", "", R"({"id":1})"), 400,
      R"({"error":{"code":"INVALID_ARGUMENT","message":"line 1, column 7: expected a string, not a number","field":"id"}})",
      "warn  control: POST /echo 400 INVALID_ARGUMENT: line 1, column 7: expected a string, not a number (field id)");
  expect(probe.ask("POST", "/throws"), 500, R"({"error":{"code":"INTERNAL","message":"unexpected: boom","field":""}})",
         "error control: POST /throws 500 INTERNAL: unexpected: boom");
  expect(probe.ask("PUT", "/unread", "", "body"), 507, R"({"error":{"code":"NO_SPACE","message":"full","field":""}})",
         "error control: PUT /unread 507 NO_SPACE: full");

  const auto wrong_method = probe.ask("PUT", "/programs/x", "", "body");
  EXPECT_EQ(wrong_method.field("Allow"), "GET, DELETE");
  expect(
      wrong_method, 405,
      R"({"error":{"code":"INVALID_ARGUMENT","message":"PUT is not for /programs/x; it takes GET, DELETE","field":"method"}})",
      "warn  control: PUT /programs/x 405 INVALID_ARGUMENT: PUT is not for /programs/x; it takes GET, DELETE "
      "(field method)");
  EXPECT_EQ(probe.ask("OPTIONS", "/programs/x").status, 405);
  records_->take();

  EXPECT_EQ(probe.ask("GET", "/").body, "hello");  // and it goes on, on the same connection
  EXPECT_THAT(records_->take(), ElementsAre());
}

TEST_F(ServerTest, TheFirstRowThatFitsAnswers) {
  start();
  HttpProbe probe(at_);
  EXPECT_EQ(probe.ask("POST", "/programs/special").status, 202);
  EXPECT_EQ(probe.ask("GET", "/programs/special").status, 200);
  const auto head = probe.ask("HEAD", "/");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("Content-Length"), "5");
  EXPECT_EQ(head.field("Date"), "Sat, 21 Nov 2026 20:00:00 GMT");
  EXPECT_EQ(probe.ask("GET", "/").status, 200);
  EXPECT_EQ(server_->table().routes().size(), 10u);
}

TEST_F(ServerTest, Token) {
  start({.token = "secret"});
  HttpProbe probe(at_);
  for (const char* bad : {"", "Authorization: Bearer secreT\r\n", "Authorization: Bearer secret2\r\n",
                          "Authorization: Bearer \r\n", "Authorization: secret\r\n"}) {
    const auto reply = probe.ask("GET", "/", bad);
    EXPECT_EQ(reply.status, 401) << bad;
    EXPECT_EQ(reply.field("WWW-Authenticate"), "Bearer");
    EXPECT_THAT(reply.body, HasSubstr("UNAUTHENTICATED"));
  }
  EXPECT_EQ(probe.ask("GET", "/nowhere").status, 401);
  EXPECT_EQ(probe.ask("GET", "/", "Authorization: Bearer secret\r\n").status, 200);
  // What was sent with a refused request is not taken for the next one.
  EXPECT_EQ(probe.ask("PUT", "/blobs/x", "", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 401);
  EXPECT_EQ(probe.ask("GET", "/nowhere", "Authorization: Bearer secret\r\n").status, 404);
}

TEST_F(ServerTest, BodyLimit) {
  start({.body_bytes = 100});
  {
    HttpProbe probe(at_);
    const std::string most = R"({"name":")" + std::string(89, 'x') + R"("})";
    ASSERT_EQ(most.size(), 100u);
    EXPECT_EQ(probe.ask("POST", "/echo", "", most).status, 201);
    EXPECT_EQ(probe.ask("PUT", "/blobs/x", "", std::string(1000, 'x')).status, 200);  // streamed: no limit
    const auto reply = probe.ask("POST", "/echo", "", most + " ");
    EXPECT_EQ(reply.status, 413);
    EXPECT_EQ(reply.field("Connection"), "close");
    EXPECT_THAT(reply.body, HasSubstr("TOO_LARGE"));
    EXPECT_TRUE(probe.at_end());
  }
  HttpProbe probe(at_);
  probe.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
             std::string(0x65, ' ') + "\r\n0\r\n\r\n");
  EXPECT_EQ(probe.read_reply().status, 413);
  EXPECT_TRUE(probe.at_end());
  EXPECT_EQ(HttpProbe(at_).ask("GET", "/").status, 200);
}

TEST_F(ServerTest, StreamsBodies) {
  start();
  HttpProbe probe(at_);
  probe.send(
      "PUT /blobs/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_THAT(probe.read_reply().body, HasSubstr(R"("bytes":"5")"));
  probe.send("PUT /blobs/x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(probe.read_reply().status, 100);
  probe.send("ab");
  EXPECT_EQ(probe.read_reply().status, 200);
  EXPECT_EQ(probe.ask("PUT", "/blobs/x").status, 200);
  const auto refused = probe.ask("PUT", "/blobs/refused", "", "abc");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("not this one"));
  EXPECT_TRUE(probe.at_end());
}

TEST_F(ServerTest, RefusesWhatIsNotClear) {
  start();
  for (const char* bad : {
           "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
           "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
           "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n{}",
           "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -2\r\n\r\n{}",
           "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: "
           "2\r\n\r\n{}",
           "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
       }) {
    HttpProbe probe(at_);
    probe.send(bad);
    const auto reply = probe.read_reply();
    EXPECT_EQ(reply.status, 400) << bad;
    EXPECT_THAT(reply.body, StartsWith(R"({"error":{"code":"INVALID_ARGUMENT")")) << bad;
    EXPECT_TRUE(probe.at_end()) << bad;
  }
  HttpProbe type(at_);
  EXPECT_EQ(type.ask("POST", "/echo", "Content-Type: text/yaml\r\n", "id: x").status, 400);
  HttpProbe method(at_);
  EXPECT_EQ(method.ask("BREW", "/").status, 400);
  HttpProbe target(at_);
  EXPECT_EQ(target.ask("GET", "/" + std::string(9000, 'x')).status, 414);
  // A body that ends early is the end of that connection, and of nothing else.
  HttpProbe cut(at_);
  cut.send("PUT /blobs/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
  cut.end_sending();
  EXPECT_TRUE(cut.at_end());
  EXPECT_EQ(HttpProbe(at_).ask("GET", "/").status, 200);
}

TEST_F(ServerTest, AnAddressIsServedOnce) {
  start();
  ControlServer second({}, clock_, log_);
  const auto at = second.start(at_);
  EXPECT_EQ(at.status().code(), Code::kUnavailable);
  EXPECT_THAT(at.status().message(), StartsWith(format_host_port(at_) + " is taken"));
  EXPECT_EQ(second.start({"192.0.2.1", 0}).status().code(), Code::kUnavailable);
  EXPECT_EQ(client().send({.target = "/"})->body, "hello");
  server_->stop();
  const auto again = second.start(at_);  // and at once when the first has stopped
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(again->port, at_.port);
}

TEST_F(ServerTest, StopsAndStartsAgain) {
  start();
  server_->stop();
  server_->stop();
  EXPECT_EQ(client().send({.target = "/"}).status().code(), Code::kUnavailable);
  const auto at = server_->start({"127.0.0.1", 0});
  ASSERT_TRUE(at.ok());
  EXPECT_EQ(HttpProbe(*at).ask("GET", "/").body, "hello");
}

TEST_F(ServerTest, ManyAtOnce) {
  start({.threads = 4});
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 16; t++) {
    threads.emplace_back([&, t] {
      HttpClient http({.base = base()});
      for (int i = 0; i < 20; i++) {
        v1::Package ask, got;
        ask.set_id(std::to_string(t * 100 + i));
        if (http.call("POST", "/echo", &ask, &got).ok() && got.id() == ask.id()) good++;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 320);
}
}  // namespace
}  // namespace smslab::control
