// One connection without a gate, on a pair of sockets: what depends on which events come together.
#include "proto/wire/conn.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace smslab::wire {
namespace {
class ConnTest : public ::testing::Test {
 protected:
  ConnTest() {
    router_.add({"GET", "HEAD"}, "/now", [](const Request&) -> Result<Reply> {
      Reply reply;
      reply.body = Body(std::string("now"));
      return reply;
    });
    router_.add({"GET"}, "/later", [](const Request&) -> Result<Reply> {
      Reply reply;
      reply.body = Body(std::string("later"));
      reply.after = std::make_shared<Completion>();
      return reply;
    });
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    peer_.reset(ends[0]);
    conn_ = std::make_unique<Conn>(plane_, service_, Opening{}, plain_link(UniqueFd(ends[1]), true),
                                   HostPort{"peer", 1}, HostPort{"here", 80});
  }

  void send(std::string_view text) {
    ASSERT_EQ(::send(peer_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  // What has come so far.
  std::string received() {
    std::string text(64 * 1024, '\0');
    const ssize_t got = ::recv(peer_.get(), text.data(), text.size(), MSG_DONTWAIT);
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
  }

  LabClock clock_{system_time_source(), LabClock::Wall{}};
  Plane plane_{{}, clock_, Log(null_log(), LogForm::kConsole, clock_, "test")};
  Router router_;
  const Service service_{router_};
  UniqueFd peer_;
  std::unique_ptr<Conn> conn_;
  std::unique_ptr<Workspace> space_ = std::make_unique<Workspace>();
};

// One event may tell of both, and nothing tells of the bytes again.
TEST_F(ConnTest, WhatComesTogetherWithAnOutcomeIsServed) {
  send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  const Turn waiting = conn_->advance(*space_, EPOLLIN);
  ASSERT_EQ(waiting.next, Turn::Next::kAfter);
  send("GET /now HTTP/1.1\r\nHost: a\r\n\r\n");
  waiting.after->finish(ok_status());
  EXPECT_EQ(conn_->resume(*space_, EPOLLIN | EPOLLOUT, ok_status()).next, Turn::Next::kReadable);
  const std::string got = received();
  const size_t second = got.find("HTTP/1.1 200", 1);
  ASSERT_NE(second, std::string::npos) << got;
  EXPECT_TRUE(got.substr(0, second).ends_with("later"));
  EXPECT_TRUE(got.ends_with("now"));
}

TEST_F(ConnTest, AnEndThatComesTogetherWithAnOutcomeIsSeen) {
  send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  const Turn waiting = conn_->advance(*space_, EPOLLIN);
  ASSERT_EQ(waiting.next, Turn::Next::kAfter);
  ::shutdown(peer_.get(), SHUT_WR);
  waiting.after->finish(ok_status());
  EXPECT_EQ(conn_->resume(*space_, EPOLLIN | EPOLLRDHUP, ok_status()).next, Turn::Next::kClose);
  EXPECT_TRUE(received().ends_with("later"));
}

TEST_F(ConnTest, ARefusalAfterAHeadHasItsContent) {
  send("HEAD /now HTTP/1.1\r\nHost: a\r\n\r\n\x82");
  (void)conn_->advance(*space_, EPOLLIN);
  const std::string got = received();
  EXPECT_NE(got.find("HTTP/1.1 400"), std::string::npos) << got;
  EXPECT_TRUE(got.ends_with("this is not an HTTP request\n")) << got;
}

TEST_F(ConnTest, ManyBlankLinesAreNoRequest) {
  const std::string get = "GET /now HTTP/1.1\r\nHost: a\r\n\r\n";
  std::string blank = "\r\n";
  for (int i = 0; i < 3; i++) blank += blank;
  send(blank + get + blank + get);
  EXPECT_EQ(conn_->advance(*space_, EPOLLIN).next, Turn::Next::kReadable);
  EXPECT_TRUE(received().ends_with("now")) << "some are forgiven, before each request";
  send(blank + blank + "\r\n" + get);
  (void)conn_->advance(*space_, EPOLLIN);
  const std::string got = received();
  EXPECT_NE(got.find("HTTP/1.1 400"), std::string::npos) << got;
  EXPECT_TRUE(got.ends_with("nothing but blank lines\n")) << got;
}

// A 408 behind half of a "100 Continue" would be read as no reply at all.
TEST_F(ConnTest, WhoTakesNoContinueIsNotTold) {
  std::string full;
  while (::send(conn_->fd(), "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1) full += 'x';
  send("POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(conn_->advance(*space_, EPOLLIN).next, Turn::Next::kWritable);
  EXPECT_EQ(received().substr(0, full.size()), full.substr(0, 64 * 1024));
  EXPECT_EQ(conn_->expire(*space_).next, Turn::Next::kClose);
  EXPECT_EQ(received().find("HTTP"), std::string::npos);
}
}  // namespace
}  // namespace smslab::wire
