// The gate over real sockets, on loopback and free ports. Nothing waits for time to pass but what is about time.
#include "proto/wire/gate.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <filesystem>
#include <fstream>
#include <thread>

#include "proto/base/mutex.h"
#include "proto/base/time_text.h"
#include "proto/wire/chunked.h"
#include "proto/wire/entity.h"
#include "proto/wire/lab_certificate.h"
#include "tests/support/http_probe.h"
#include "tests/support/tls_probe.h"

namespace smslab::wire {
namespace {
using ::smslab::test::HttpProbe;
using ::smslab::test::TlsProbe;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class MemorySink final : public LogSink {
 public:
  void write(std::string_view record) override {
    const MutexLock lock(mu_);
    records_.emplace_back(record);
  }
  std::vector<std::string> take() {
    const MutexLock lock(mu_);
    return std::exchange(records_, {});
  }

 private:
  Mutex mu_;
  std::vector<std::string> records_ GUARDED_BY(mu_);
};

// Completions that replies to /later wait for, in the order of the requests.
class Promises {
 public:
  CompletionPtr make() {
    const MutexLock lock(mu_);
    open_.push_back(std::make_shared<Completion>());
    made_.notify_all();
    return open_.back();
  }
  CompletionPtr take() {
    MutexLock lock(mu_);
    while (open_.empty()) made_.wait(lock);
    CompletionPtr first = open_.front();
    open_.pop_front();
    return first;
  }

 private:
  Mutex mu_;
  CondVar made_;
  std::deque<CompletionPtr> open_ GUARDED_BY(mu_);
};

// A prime number of bytes repeated, so that no power of two lands on the same ones.
std::string pattern(uint64_t size) {
  std::string block;
  for (int i = 0; i < 4093; i++) block += static_cast<char>(i * 31);
  std::string bytes;
  while (bytes.size() < size) bytes += block;
  bytes.resize(size);
  return bytes;
}

// Counts down: "3 3 3 " "2 2 " "1 ", many bytes each; fails at 0 when told to.
class Countdown final : public BodySource {
 public:
  Countdown(int from, bool fails) : left_(from), fails_(fails) {}
  Result<std::string> next() override {
    if (left_ == 0 && fails_) return Status(Code::kDataLoss, "the rest is gone");
    if (left_ == 0) return std::string();
    const int n = left_--;
    return std::string(static_cast<size_t>(n) * 1000, static_cast<char>('0' + n % 10));
  }

 private:
  int left_;
  const bool fails_;
};

std::string countdown(int from) {
  std::string all;
  Countdown source(from, false);
  for (std::string piece = *source.next(); !piece.empty(); piece = *source.next()) all += piece;
  return all;
}

// The content of a chunked body; "malformed" when it is not one, whole and alone.
std::string unchunked(std::string_view body) {
  std::string content;
  ChunkedBody chunked({.body_bytes = uint64_t{1} << 30});
  return chunked.take(body, &content) == body.size() && chunked.done() ? content : "malformed";
}

class GateTest : public ::testing::Test {
 protected:
  GateTest() : folder_(std::filesystem::temp_directory_path() / ("smslab-wire." + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    router_.add({"GET", "HEAD"}, "/hello", [](const Request& request) -> Result<Reply> {
      return entity_reply(request, {.body = Body("hello"), .content_type = "text/plain", .etag = "\"h\""});
    });
    router_.add({"POST", "CCM_POST"}, "/echo", [](const Request& request) -> Result<Reply> {
      Reply reply;
      reply.body = Body(request.body);
      return reply;
    });
    router_.add({"PROPFIND"}, "/tree*", [](const Request& request) -> Result<Reply> {
      Reply reply;
      reply.status = 207;
      reply.body = Body(request.path + " at " + request.origin() + " by " + request.peer.host);
      return reply;
    });
    router_.add({"GET"}, "/later", [this](const Request& request) -> Result<Reply> {
      Reply reply;
      reply.body = Body("later " + request.query);
      reply.after = promises_.make();
      return reply;
    });
    router_.add({"GET"}, "/now", [](const Request&) -> Result<Reply> {
      Reply reply;
      reply.body = Body(std::string("now"));
      reply.after = std::make_shared<Completion>();
      reply.after->finish(ok_status());
      return reply;
    });
    router_.add({"GET"}, "/fails",
                [](const Request&) -> Result<Reply> { return Status(Code::kUnavailable, "the disk does not answer"); });
    router_.add({"GET"}, "/wrong", [](const Request&) -> Result<Reply> {
      Reply reply;
      reply.set("X", "a\r\nY: b");
      return reply;
    });
    router_.add({"GET"}, "/gone", [](const Request&) -> Result<Reply> {
      Reply reply;
      reply.status = 204;
      reply.body = Body("never sent");
      return reply;
    });
    router_.add({"GET", "HEAD"}, "/stream*", [](const Request& request) -> Result<Reply> {
      Reply reply;
      if (request.path == "/stream-behind") reply.body = Body("begins, ");
      reply.stream = std::make_shared<Countdown>(200, request.path == "/stream-fails");
      return reply;
    });
    router_.add({"GET", "HEAD"}, "/file", [this](const Request& request) -> Result<Reply> {
      return entity_reply(request, {.body = file_, .etag = "\"f\""});
    });
  }
  ~GateTest() override {
    gate_.reset();
    std::filesystem::remove_all(folder_);
  }

  void start(GateOptions options = {}) {
    gate_ = std::make_unique<Gate>(options, clock_, log_);
    const auto at = gate_->listen({"127.0.0.1", 0}, router_, {.tls = tls_.get()});
    ASSERT_TRUE(at.ok()) << at.status().to_string();
    at_ = *at;
    ASSERT_TRUE(gate_->start().ok());
  }

  // "<" file_size bytes ">", the middle from a file.
  void make_file(uint64_t size) {
    const std::string path = folder_ / "content";
    const std::string bytes = pattern(size);
    std::ofstream(path, std::ios::binary) << bytes;
    whole_file_ = "<" + bytes + ">";
    auto opened = posix_env().open(path);
    ASSERT_TRUE(opened.ok());
    file_ = Body("<");
    file_.append(std::shared_ptr<const ReadableFile>(*std::move(opened)), 0, size);
    file_.append(std::string(">"));
  }
  // Not EXPECT_EQ, which would print megabytes.
  void expect_file(const std::string& body) const { EXPECT_TRUE(body == whole_file_) << body.size() << " bytes came"; }

  void expect_served() {
    HttpProbe probe(at_);
    EXPECT_EQ(probe.ask("GET", "/hello").body, "hello");
  }
  // With one worker: when it has served somebody else, it has let go of whoever came before.
  void expect_worker_free() { expect_served(); }

  LabClock clock_{system_time_source(), LabClock::Frozen{*parse_rfc3339("2026-11-21T20:00:00Z")}};
  std::shared_ptr<MemorySink> sink_ = std::make_shared<MemorySink>();
  Log log_{sink_, LogForm::kConsole, clock_, "wire"};
  const std::filesystem::path folder_;
  Promises promises_;
  Body file_;
  std::string whole_file_;
  Router router_;
  std::unique_ptr<Tls> tls_;
  std::unique_ptr<Gate> gate_;
  HostPort at_, at2_;
};

TEST_F(GateTest, AReplyHasItsFramingAndTheLabsDate) {
  start();
  HttpProbe probe(at_);
  EXPECT_EQ(probe.ask("GET", "/hello").head,
            "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 20:00:00 GMT\r\nContent-Type: text/plain\r\n"
            "Accept-Ranges: bytes\r\nETag: \"h\"\r\nContent-Length: 5\r\n\r\n");
  clock_.advance(std::chrono::hours(24));
  EXPECT_EQ(probe.ask("GET", "/hello").field("Date"), "Sun, 22 Nov 2026 20:00:00 GMT");
}

TEST_F(GateTest, HeadGivesTheLengthAndNoBody) {
  start();
  HttpProbe probe(at_);
  const HttpProbe::Reply reply = probe.ask("HEAD", "/hello");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.field("Content-Length"), "5");
  EXPECT_EQ(probe.ask("GET", "/hello").body, "hello");
}

TEST_F(GateTest, NoContentHasNeitherBodyNorLength) {
  start();
  HttpProbe probe(at_);
  const HttpProbe::Reply none = probe.ask("GET", "/gone");
  EXPECT_EQ(none.status, 204);
  EXPECT_THAT(none.head, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(probe.ask("GET", "/hello", "If-None-Match: \"h\"\r\n").status, 304);
  EXPECT_EQ(probe.ask("GET", "/hello", "Range: bytes=1-2\r\n").body, "el");
}

TEST_F(GateTest, PostsArriveSizedAndChunked) {
  start();
  HttpProbe probe(at_);
  const std::string body = std::string("\xff\xfe") + std::string(200'000, 'm');
  EXPECT_EQ(probe.ask("CCM_POST", "/echo", {}, body).body, body);
  probe.send("CCM_POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  probe.send("4;x\r\ndefg\r\n0\r\nT: 1\r\n\r\n");
  EXPECT_EQ(probe.read_reply().body, "abcdefg");
  EXPECT_EQ(probe.ask("POST", "/echo", "Content-Length: 0\r\n").body, "");
  EXPECT_EQ(probe.ask("POST", "/echo").body, "");
}

TEST_F(GateTest, PropfindKnowsBothEnds) {
  start();
  HttpProbe probe(at_, "127.0.0.2");
  const HttpProbe::Reply reply = probe.ask("PROPFIND", "/TREE/a%20b/", "Depth: 0\r\nUser-Agent: \r\n");
  EXPECT_EQ(reply.status, 207);
  EXPECT_THAT(reply.head, StartsWith("HTTP/1.1 207 Multi-Status\r\n"));
  EXPECT_EQ(reply.body, "/TREE/a b/ at http://" + format_host_port(at_) + " by 127.0.0.2");
}

TEST_F(GateTest, ExpectationsAreMetBeforeTheBody) {
  start({.body_bytes = 100});
  HttpProbe probe(at_);
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ";
  probe.send(head + "5\r\n\r\n");
  EXPECT_EQ(probe.read_reply().head, "HTTP/1.1 100 Continue\r\n\r\n");
  probe.send("abcde");
  EXPECT_EQ(probe.read_reply().body, "abcde");
  probe.send(head + "5\r\n\r\nabcde");  // did not wait: need not be told
  EXPECT_EQ(probe.read_reply().body, "abcde");
  probe.send(head + "101\r\n\r\n");
  EXPECT_EQ(probe.read_reply().status, 413);
  probe.end_sending();
  EXPECT_TRUE(probe.at_end());
}

TEST_F(GateTest, PipelinedRequestsAreAnsweredInOrder) {
  start({.workers = 1});
  const std::string two =
      "CCM_POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd"
      "\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
  HttpProbe at_once(at_);
  at_once.send(two);
  EXPECT_EQ(at_once.read_reply().body, "abcd");
  EXPECT_EQ(at_once.read_reply().body, "hello");
  HttpProbe byte_by_byte(at_);
  for (const char c : two) byte_by_byte.send({&c, 1});
  EXPECT_EQ(byte_by_byte.read_reply().body, "abcd");
  EXPECT_EQ(byte_by_byte.read_reply().body, "hello");
}

TEST_F(GateTest, ALongPipelineIsAnsweredThoughItYields) {
  start({.workers = 1});
  HttpProbe probe(at_);
  std::string many;
  for (int i = 0; i < 500; i++)
    many += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n" + std::to_string(100 + i);
  probe.send(many);
  for (int i = 0; i < 500; i++) ASSERT_EQ(probe.read_reply().body, std::to_string(100 + i));
}

TEST_F(GateTest, WhoAsksForCloseIsClosed) {
  start();
  HttpProbe probe(at_);
  const HttpProbe::Reply reply = probe.ask("GET", "/hello", "Connection: close\r\n");
  EXPECT_EQ(reply.body, "hello");
  EXPECT_EQ(reply.field("Connection"), "close");
  EXPECT_TRUE(probe.at_end());
}

TEST_F(GateTest, Http10IsClosedUnlessItAsks) {
  start();
  HttpProbe once(at_);
  once.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(once.read_reply().field("Connection"), "close");
  EXPECT_TRUE(once.at_end());
  HttpProbe stays(at_);
  for (int i = 0; i < 2; i++) {
    stays.send("GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    const HttpProbe::Reply reply = stays.read_reply();
    EXPECT_EQ(reply.field("Connection"), "keep-alive");
    EXPECT_EQ(reply.body, "hello");
  }
}

TEST_F(GateTest, AClientMayFinishSendingBeforeItReads) {
  start();
  HttpProbe probe(at_);
  probe.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  probe.end_sending();
  EXPECT_EQ(probe.read_reply().body, "hello");
  EXPECT_TRUE(probe.at_end());
}

TEST_F(GateTest, ASlowUploadHoldsNoWorker) {
  start({.workers = 1});
  HttpProbe slow(at_), chunked(at_);
  slow.send("CCM_POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  chunked.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab");
  expect_served();
  slow.send("def");
  EXPECT_EQ(slow.read_reply().body, "abcdef");
  chunked.send("c\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.read_reply().body, "abc");
}

TEST_F(GateTest, IdleConnectionsHoldNoWorker) {
  start({.workers = 1});
  std::vector<std::unique_ptr<HttpProbe>> idle;
  for (int i = 0; i < 200; i++) {
    idle.push_back(std::make_unique<HttpProbe>(at_));
    if (i % 2 == 0) {
      ASSERT_EQ(idle.back()->ask("GET", "/hello").status, 200);
    }
  }
  HttpProbe busy(at_);
  for (int i = 0; i < 200; i++) ASSERT_EQ(busy.ask("GET", "/hello").status, 200);
  for (const auto& probe : idle) ASSERT_EQ(probe->ask("GET", "/hello").body, "hello");
}

TEST_F(GateTest, AReplyWaitsForItsCompletion) {
  start({.workers = 1});
  HttpProbe probe(at_);
  probe.send("GET /later?1 HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  const CompletionPtr promise = promises_.take();
  expect_worker_free();
  promise->finish(ok_status());
  EXPECT_EQ(probe.read_reply().body, "later 1");
  EXPECT_EQ(probe.read_reply().body, "hello");
}

TEST_F(GateTest, ACompletionMayBeFinishedBefore) {
  start({.workers = 1});
  HttpProbe probe(at_);
  EXPECT_EQ(probe.ask("GET", "/now").body, "now");
  EXPECT_EQ(probe.ask("GET", "/now").body, "now");
}

TEST_F(GateTest, ACompletionMayBeFinishedMeanwhile) {
  start({.workers = 1});
  HttpProbe probe(at_);
  constexpr int kRounds = 300;
  std::thread finisher([&] {
    for (int i = 0; i < kRounds; i++) promises_.take()->finish(ok_status());
  });
  for (int i = 0; i < kRounds; i++) {
    EXPECT_EQ(probe.ask("GET", "/later?" + std::to_string(i)).body, "later " + std::to_string(i));
  }
  finisher.join();
}

TEST_F(GateTest, AFailedCompletionReplacesTheReply) {
  start({.workers = 1});
  HttpProbe probe(at_);
  probe.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  const CompletionPtr promise = promises_.take();
  expect_worker_free();
  promise->finish({Code::kNoSpace, "the disk is full"});
  const HttpProbe::Reply reply = probe.read_reply();
  EXPECT_EQ(reply.status, 507);
  EXPECT_EQ(reply.body, "the disk is full\n");
  EXPECT_EQ(probe.ask("GET", "/hello").status, 200);
  const auto records = sink_->take();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_THAT(records[0], HasSubstr("error wire: 507 GET /later from 127.0.0.1:"));
}

TEST_F(GateTest, AShutListenerRefusesAndOpensAtTheSamePort) {
  for (const bool chosen : {false, true}) {  // by the system, or asked for
    const uint16_t port = chosen ? at_.port : 0;
    gate_ = std::make_unique<Gate>(GateOptions{}, clock_, log_);
    at_ = *gate_->listen({"127.0.0.1", port}, router_);
    ASSERT_TRUE(gate_->start().ok());
    HttpProbe idle(at_);
    EXPECT_EQ(idle.ask("GET", "/hello").body, "hello");
    for (int round = 0; round < 3; round++) {
      ASSERT_TRUE(gate_->set_shut(at_, true).ok());
      ASSERT_TRUE(gate_->set_shut(at_, true).ok()) << "again is fine";
      EXPECT_FALSE(HttpProbe(at_).connected());
      EXPECT_TRUE(idle.at_end());
      ASSERT_TRUE(gate_->set_shut(at_, false).ok());
      expect_served();
    }
    gate_.reset();
  }
}

TEST_F(GateTest, AReplyUnderWayIsTheLastOfAShutListener) {
  start();
  HttpProbe probe(at_);
  probe.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  const CompletionPtr promise = promises_.take();
  ASSERT_TRUE(gate_->set_shut(at_, true).ok());
  promise->finish(ok_status());
  const HttpProbe::Reply reply = probe.read_reply();
  EXPECT_EQ(reply.body, "later ");
  EXPECT_EQ(reply.field("Connection"), "close");
  EXPECT_TRUE(probe.at_end());
}

TEST_F(GateTest, AListenerMayBeShutBeforeTheStartAndAfterTheEnd) {
  gate_ = std::make_unique<Gate>(GateOptions{}, clock_, log_);
  at_ = *gate_->listen({"127.0.0.1", 0}, router_);
  ASSERT_TRUE(gate_->set_shut(at_, true).ok());
  ASSERT_TRUE(gate_->start().ok());
  EXPECT_FALSE(HttpProbe(at_).connected());
  ASSERT_TRUE(gate_->set_shut(at_, false).ok());
  expect_served();
  gate_->stop();
  EXPECT_TRUE(gate_->set_shut(at_, true).ok());
  EXPECT_TRUE(gate_->set_shut(at_, false).ok());
  EXPECT_FALSE(HttpProbe(at_).connected());
  EXPECT_EQ(gate_->set_shut({"127.0.0.1", 1}, true).code(), Code::kNotFound);
}

TEST_F(GateTest, ListenersComeAndGoWhileOthersServe) {
  start();
  Router other;
  other.add({"GET"}, "/other", [](const Request&) -> Result<Reply> {
    Reply reply;
    reply.body = Body("other");
    return reply;
  });
  LabClock frozen(system_time_source(), LabClock::Frozen{LabTime()});
  HttpProbe first(at_);
  for (int round = 0; round < 20; round++) {
    const auto second =
        gate_->listen({"127.0.0.1", round % 2 == 0 ? uint16_t{0} : at2_.port}, other, {.clock = &frozen});
    ASSERT_TRUE(second.ok()) << second.status().to_string();
    at2_ = *second;
    HttpProbe idle(at2_), busy(at2_), half(at2_);
    half.send("GET /oth");
    const auto reply = busy.ask("GET", "/other");
    EXPECT_EQ(reply.body, "other");
    EXPECT_EQ(reply.field("Date"), "Thu, 01 Jan 1970 00:00:00 GMT");
    gate_->close(at2_);
    for (HttpProbe* probe : {&idle, &busy, &half}) EXPECT_TRUE(probe->at_end());
    EXPECT_FALSE(HttpProbe(at2_).connected());
    EXPECT_EQ(first.ask("GET", "/hello").body, "hello");
    EXPECT_NE(first.ask("GET", "/hello").field("Date"), reply.field("Date"));
  }
  gate_->close(at2_);  // again is fine
}

TEST_F(GateTest, AReplyUnderWayIsTheLastOfAClosedListener) {
  make_file(8 << 20);
  start({.workers = 1, .drain_timeout = milliseconds(20'000)});
  HttpProbe waiting(at_), reading(at_);
  waiting.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  const CompletionPtr promise = promises_.take();
  reading.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_worker_free();
  std::thread closer([this] { gate_->close(at_); });
  promise->finish(ok_status());
  EXPECT_EQ(waiting.read_reply().body, "later ");
  EXPECT_TRUE(waiting.at_end());
  expect_file(reading.read_reply().body);
  EXPECT_TRUE(reading.at_end());
  closer.join();
}

// Nothing is behind a listener once it is closed: not a client that never reads, nor a reply that never gets ready.
TEST_F(GateTest, CloseGivesUpInTimeAndTouchesNoOther) {
  make_file(8 << 20);
  start({.workers = 2, .drain_timeout = milliseconds(50)});
  const auto second = gate_->listen({"127.0.0.1", 0}, router_);
  ASSERT_TRUE(second.ok());
  HttpProbe waiting(at_), reading(at_), others_waiting(*second), others_reading(*second);
  CompletionPtr others;
  for (HttpProbe* probe : {&waiting, &others_waiting}) {
    probe->send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    others = promises_.take();
  }
  for (HttpProbe* probe : {&reading, &others_reading}) probe->send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_worker_free();
  gate_->close(at_);
  EXPECT_TRUE(waiting.at_end());
  EXPECT_EQ(reading.read_reply().status, 0);
  others->finish(ok_status());
  EXPECT_EQ(others_waiting.read_reply().body, "later ");
  expect_file(others_reading.read_reply().body);
  EXPECT_TRUE(gate_->listen(at_, router_).ok()) << "the port is free at once";
  expect_served();
}

TEST_F(GateTest, AClientThatLeavesWhileItsReplyWaitsIsForgotten) {
  start({.workers = 1});
  CompletionPtr promise;
  {
    HttpProbe probe(at_);
    probe.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    promise = promises_.take();
    const linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(probe.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  expect_worker_free();
  promise->finish(ok_status());
  expect_served();
}

TEST_F(GateTest, FilesAreSentWhole) {
  constexpr uint64_t kSize = uint64_t{8} << 20;
  make_file(kSize);
  start();
  HttpProbe probe(at_);
  expect_file(probe.ask("GET", "/file").body);
  EXPECT_EQ(probe.ask("HEAD", "/file").field("Content-Length"), std::to_string(kSize + 2));
  const HttpProbe::Reply part = probe.ask("GET", "/file", "Range: bytes=5000000-5000999\r\nIf-Range: \"f\"\r\n");
  EXPECT_EQ(part.body, whole_file_.substr(5'000'000, 1000));
}

TEST_F(GateTest, AFileThatShrankEndsTheConnection) {
  make_file(1 << 20);
  std::filesystem::resize_file(folder_ / "content", 1000);
  start();
  HttpProbe probe(at_);
  probe.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string got = probe.read_rest();
  EXPECT_THAT(got, HasSubstr("Content-Length: 1048578\r\n"));
  EXPECT_LT(got.size(), 2000U);
  const auto records = sink_->take();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_THAT(records[0], HasSubstr("GET /file cut: its content is shorter"));
  expect_served();
}

TEST_F(GateTest, AStreamIsChunkedAndTheConnectionGoesOn) {
  start();
  HttpProbe probe(at_);
  probe.send(
      "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const HttpProbe::Reply head = probe.read_reply(true);
  EXPECT_EQ(head.field("Transfer-Encoding"), "chunked");
  const std::string rest = probe.read_rest();
  ASSERT_TRUE(rest.starts_with(head.head)) << rest.substr(0, 200);
  const size_t next = rest.find("HTTP/1.1 200", 12);
  EXPECT_TRUE(unchunked(rest.substr(head.head.size(), next - head.head.size())) == countdown(200));
  EXPECT_TRUE(rest.ends_with("\r\n\r\nhello"));
}

TEST_F(GateTest, AStreamBehindABodyIsOneChunkedContent) {
  start();
  HttpProbe probe(at_);
  probe.send("GET /stream-behind HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string got = probe.read_rest();
  EXPECT_EQ(unchunked(got.substr(got.find("\r\n\r\n") + 4)), "begins, " + countdown(200));
}

TEST_F(GateTest, AStreamToHttp10EndsWithTheConnection) {
  start();
  HttpProbe probe(at_);
  probe.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const HttpProbe::Reply reply = probe.read_reply();
  EXPECT_EQ(reply.field("Connection"), "close");
  EXPECT_EQ(reply.field("Transfer-Encoding"), "");
  EXPECT_TRUE(reply.body == countdown(200));
}

TEST_F(GateTest, AStreamThatFailsIsCutSoThatItShows) {
  start();
  HttpProbe probe(at_);
  probe.send("GET /stream-fails HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string got = probe.read_rest();
  EXPECT_EQ(unchunked(got.substr(got.find("\r\n\r\n") + 4)), "malformed");
  EXPECT_THAT(sink_->take(), ElementsAre(HasSubstr("GET /stream-fails cut")));
  expect_served();
}

TEST_F(GateTest, AStreamNobodyReadsHoldsNoWorker) {
  start({.workers = 1});
  HttpProbe stopped(at_);
  stopped.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_served();
}

class TlsGateTest : public GateTest {
 protected:
  void start_tls(GateOptions options = {}) {
    auto tls = Tls::open(lab_identity());
    ASSERT_TRUE(tls.ok()) << tls.status().to_string();
    tls_ = *std::move(tls);
    std::ofstream(ca()) << lab_ca();
    start(options);
  }
  std::string ca() const { return folder_ / "ca.pem"; }
};

TEST_F(TlsGateTest, HttpAndHttpsShareAPort) {
  start_tls();
  for (int i = 0; i < 2; i++) {
    TlsProbe probe(at_, ca());
    ASSERT_TRUE(probe.connected()) << probe.problem();
    EXPECT_EQ(probe.ask("GET", "/hello").body, "hello");
    EXPECT_EQ(probe.ask("CCM_POST", "/echo", "", pattern(200'000)).body, pattern(200'000));
    probe.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(probe.read_reply().body, "hello");
    EXPECT_EQ(probe.read_reply().body, "hello");
    expect_served();
  }
}

TEST_F(TlsGateTest, FilesAndStreamsAreSentWhole) {
  make_file(8 << 20);
  start_tls({.workers = 1});
  TlsProbe probe(at_, ca());
  ASSERT_TRUE(probe.connected()) << probe.problem();
  expect_file(probe.ask("GET", "/file").body);
  EXPECT_EQ(probe.ask("GET", "/file", "Range: bytes=5000000-5000999\r\n").body, whole_file_.substr(5'000'000, 1000));
  probe.send("GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string reply = probe.read_rest();
  EXPECT_TRUE(unchunked(reply.substr(reply.find("\r\n\r\n") + 4)) == countdown(200));
}

TEST_F(TlsGateTest, AClientThatStopsReadingHoldsNoWorker) {
  make_file(8 << 20);
  start_tls({.workers = 1});
  TlsProbe stopped(at_, ca());
  ASSERT_TRUE(stopped.connected()) << stopped.problem();
  stopped.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_served();
  expect_file(stopped.read_reply().body);
  EXPECT_EQ(stopped.read_reply().body, "hello");
}

// Two records in one segment: the second is read from OpenSSL's memory, which says nothing of the socket.
TEST_F(TlsGateTest, ARequestThatComesWhileAnotherIsAnsweredIsNotForgotten) {
  make_file(8 << 20);
  start_tls({.workers = 1});
  TlsProbe probe(at_, ca());
  ASSERT_TRUE(probe.connected()) << probe.problem();
  const auto cork = [&](int on) { ::setsockopt(probe.fd(), IPPROTO_TCP, TCP_CORK, &on, sizeof on); };
  cork(1);
  probe.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
  probe.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  cork(0);
  expect_worker_free();  // the file's reply is under way, and blocked
  probe.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_worker_free();
  expect_file(probe.read_reply().body);
  EXPECT_EQ(probe.read_reply().body, "hello");
  EXPECT_EQ(probe.read_reply().body, "hello");
}

TEST_F(TlsGateTest, KeyUpdatesKeepNobodyWaiting) {
  start_tls({.workers = 1});
  TlsProbe probe(at_, ca());
  ASSERT_TRUE(probe.connected()) << probe.problem();
  for (int i = 0; i < 1000; i++) ASSERT_TRUE(probe.update_key());
  expect_served();
  EXPECT_EQ(probe.ask("GET", "/hello").body, "hello");
}

TEST_F(TlsGateTest, AHandshakeThatDoesNotEndIsGivenUp) {
  start_tls({.workers = 1, .head_timeout = std::chrono::milliseconds(50)});
  HttpProbe half(at_);
  half.send("\x16\x03\x01\x02");
  EXPECT_TRUE(half.at_end());
  HttpProbe wrong(at_);
  wrong.send("\x16 this is no handshake");
  EXPECT_TRUE(wrong.at_end());
  EXPECT_THAT(sink_->take(), ElementsAre(HasSubstr("TLS with 127.0.0.1:")));
  expect_served();
}

TEST_F(TlsGateTest, WithoutACertificateHttpsIsRefused) {
  start();
  HttpProbe probe(at_);
  probe.send("\x16\x03\x01\x02");
  EXPECT_EQ(probe.read_reply().status, 400);
  EXPECT_TRUE(probe.at_end());
  expect_served();
}

TEST(TlsTest, WhatIsNoPairOfCertificateAndKeyIsRefused) {
  const TlsIdentity lab = lab_identity();
  EXPECT_EQ(Tls::open({"", lab.key}).status().field(), "--tls-cert");
  EXPECT_EQ(Tls::open({lab.certificate, ""}).status().field(), "--tls-key");
  EXPECT_EQ(Tls::open({std::string(lab_ca()), lab.key}).status().field(), "--tls-key");
  EXPECT_TRUE(Tls::open({lab.certificate + std::string(lab_ca()), lab.key}).ok());
}

TEST_F(GateTest, AClientThatStopsReadingHoldsNoWorker) {
  make_file(8 << 20);
  start({.workers = 1});
  HttpProbe stopped(at_);
  stopped.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_served();
  expect_file(stopped.read_reply().body);
}

TEST_F(GateTest, AClientThatLeavesInTheMiddleHarmsNobody) {
  make_file(8 << 20);
  start({.workers = 1});
  {
    HttpProbe leaving(at_);
    leaving.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\nGET /file HTTP/1.1\r\n");
  }
  expect_served();
}

struct Refusal {
  const char* name;
  std::string bytes;
  int status;
};

TEST_F(GateTest, ARefusalArrivesIsLoggedAndEndsTheConnection) {
  start({.body_bytes = 1000});
  for (const Refusal& one : std::vector<Refusal>{
           {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
           {"bare lf", "GET /hello HTTP/1.1\nHost: a\n\n", 400},
           {"tls", std::string("\x16\x03\x01\x02\x00\x01", 6), 400},
           {"noise", "\r\r\r\r", 400},
           {"version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
           {"smuggling", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            400},
           {"target", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
           {"endless target", "GET /" + std::string(100'000, 'a'), 414},
           {"endless head", "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'a'), 431},
           {"body", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'b'),
            413},
           {"chunk",
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" + std::string(100'000, 'b'),
            413},
           {"bad chunk", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n", 400},
       }) {
    HttpProbe probe(at_);
    EXPECT_TRUE(probe.send(one.bytes)) << one.name;
    const HttpProbe::Reply reply = probe.read_reply();
    EXPECT_EQ(reply.status, one.status) << one.name;
    EXPECT_EQ(reply.field("Connection"), "close") << one.name;
    EXPECT_EQ(reply.field("Content-Type"), "text/plain; charset=utf-8") << one.name;
    EXPECT_THAT(reply.body, EndsWith("\n")) << one.name;
    EXPECT_TRUE(probe.at_end()) << one.name;
    const auto records = sink_->take();
    ASSERT_EQ(records.size(), 1U) << one.name;
    EXPECT_THAT(records[0], HasSubstr("wire: " + std::to_string(one.status) + " ")) << one.name;
    EXPECT_LT(records[0].size(), 500U) << one.name;
    EXPECT_TRUE(std::all_of(records[0].begin(), records[0].end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
    expect_served();
  }
}

TEST_F(GateTest, WhatCannotBeServedLeavesTheConnectionInOrder) {
  start();
  HttpProbe probe(at_);
  EXPECT_EQ(probe.ask("GET", "/nowhere").status, 404);
  EXPECT_EQ(probe.ask("CCM_POST", "/hello", {}, "body").status, 405);
  EXPECT_EQ(probe.ask("BREW", "/hello").status, 501);
  EXPECT_EQ(probe.ask("GET", "/a/%2e%2e/hello").status, 400);
  EXPECT_EQ(probe.ask("POST", "/echo%2f", {}, "body").status, 400);
  const HttpProbe::Reply fails = probe.ask("GET", "/fails");
  EXPECT_EQ(fails.status, 503);
  EXPECT_EQ(fails.body, "the disk does not answer\n");
  const HttpProbe::Reply wrong = probe.ask("GET", "/wrong");
  EXPECT_EQ(wrong.status, 500);
  EXPECT_EQ(wrong.field("Y"), "");
  EXPECT_EQ(sink_->take().size(), 7U);
  EXPECT_EQ(probe.ask("GET", "/hello").body, "hello");
  EXPECT_EQ(probe.ask("OPTIONS", "*").field("DAV"), "1");
  EXPECT_TRUE(sink_->take().empty());
}

TEST_F(GateTest, AnUnfinishedRequestIsRefusedInTime) {
  start({.workers = 1, .head_timeout = milliseconds(50), .body_timeout = milliseconds(50)});
  for (const std::string bytes : {"GET /hello HTT", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc"}) {
    HttpProbe probe(at_);
    probe.send(bytes);
    EXPECT_EQ(probe.read_reply().status, 408);
    probe.end_sending();
    EXPECT_TRUE(probe.at_end());
    expect_served();
  }
}

TEST_F(GateTest, AnIdleConnectionIsClosedInTimeWithoutAWord) {
  start({.workers = 1, .idle_timeout = milliseconds(1'000)});
  HttpProbe fresh(at_), used(at_);
  EXPECT_EQ(used.ask("GET", "/hello").status, 200);
  EXPECT_TRUE(fresh.at_end());
  EXPECT_TRUE(used.at_end());
  EXPECT_TRUE(sink_->take().empty());
  expect_served();
}

TEST_F(GateTest, AReplyThatNobodyTakesIsGivenUp) {
  make_file(16 << 20);
  start({.workers = 1, .progress_timeout = milliseconds(50)});
  HttpProbe probe(at_);
  probe.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
  HttpProbe idle(at_);  // its deadline is far away and must not hide the near one
  EXPECT_EQ(idle.ask("GET", "/hello").status, 200);
  pollfd hung_up{.fd = probe.fd(), .events = 0, .revents = 0};
  EXPECT_EQ(::poll(&hung_up, 1, 20'000), 1);
  EXPECT_EQ(idle.ask("GET", "/hello").status, 200);
}

TEST_F(GateTest, ATakenAddressIsToldPlainly) {
  start();
  Gate second({}, clock_, log_);
  const auto taken = second.listen(at_, router_);
  ASSERT_EQ(taken.status().code(), Code::kUnavailable);
  EXPECT_EQ(taken.status().message(), format_host_port(at_) + " is taken: another program listens there");
  EXPECT_EQ(taken.status().field(), "");
  const auto foreign = second.listen({"203.0.113.1", 0}, router_);
  EXPECT_EQ(foreign.status().code(), Code::kUnavailable);
  const auto free = second.listen({"127.0.0.1", 0}, router_);
  ASSERT_TRUE(free.ok());
  ASSERT_TRUE(second.start().ok());
  HttpProbe probe(*free);
  EXPECT_EQ(probe.ask("GET", "/hello").status, 200);
  expect_served();
}

TEST_F(GateTest, AnAddressIsFreeAgainAfterStop) {
  start();
  HttpProbe probe(at_);
  EXPECT_EQ(probe.ask("GET", "/hello").status, 200);
  gate_.reset();
  EXPECT_TRUE(probe.at_end());
  EXPECT_FALSE(HttpProbe(at_).connected());
  Gate next({}, clock_, log_);
  EXPECT_TRUE(next.listen(at_, router_).ok());
}

TEST_F(GateTest, SeveralListenersHaveTheirOwnRouters) {
  Router other;
  other.add({"GET"}, "/other", [](const Request& request) -> Result<Reply> {
    Reply reply;
    reply.body = Body(format_host_port(request.local));
    return reply;
  });
  Gate gate({}, clock_, log_);
  const auto first = gate.listen({"127.0.0.1", 0}, router_);
  const auto second = gate.listen({"::1", 0}, other);
  ASSERT_TRUE(first.ok());
  if (!second.ok()) GTEST_SKIP() << "no IPv6 here: " << second.status().to_string();
  ASSERT_TRUE(gate.start().ok());
  HttpProbe v4(*first), v6(*second);
  EXPECT_EQ(v4.ask("GET", "/other").status, 404);
  EXPECT_EQ(v6.ask("GET", "/other").body, format_host_port(*second));
}

TEST_F(GateTest, WithoutDescriptorsConnectionsAreRefusedAndLaterServedAgain) {
  start({.workers = 1});
  HttpProbe before(at_);
  EXPECT_EQ(before.ask("GET", "/hello").status, 200);
  rlimit saved{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &saved), 0);
  const rlimit low{.rlim_cur = 256, .rlim_max = saved.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  {
    std::vector<UniqueFd> hoard;
    for (int fd = 0; fd >= 0;) {
      fd = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
      if (fd >= 0) hoard.emplace_back(fd);
    }
    for (int i = 0; i < 3; i++) {
      hoard.pop_back();  // one is free: for the client's end
      HttpProbe refused(at_);
      ASSERT_TRUE(refused.connected());
      EXPECT_TRUE(refused.at_end());
      hoard.emplace_back();
    }
    EXPECT_EQ(before.ask("GET", "/hello").status, 200);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &saved), 0);
  expect_served();
  EXPECT_EQ(sink_->take().size(), 1U);
}

TEST_F(GateTest, StopFinishesRepliesAndClosesTheRest) {
  make_file(8 << 20);
  start({.workers = 1, .drain_timeout = milliseconds(20'000)});
  HttpProbe fresh(at_), idle(at_), head(at_), body(at_), lingering(at_), waiting(at_), reading(at_);
  EXPECT_EQ(idle.ask("GET", "/hello").status, 200);
  head.send("GET /hel");
  body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
  lingering.send("BAD\r\n\r\n");
  EXPECT_EQ(lingering.read_reply().status, 400);
  waiting.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  const CompletionPtr promise = promises_.take();
  reading.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_worker_free();

  std::thread stopper([this] { gate_->stop(); });
  for (HttpProbe* probe : {&fresh, &idle, &head, &body, &lingering}) EXPECT_TRUE(probe->at_end());
  promise->finish(ok_status());
  const HttpProbe::Reply last = waiting.read_reply();
  EXPECT_EQ(last.body, "later ");
  EXPECT_EQ(last.field("Connection"), "close");
  EXPECT_TRUE(waiting.at_end());
  expect_file(reading.read_reply().body);
  EXPECT_TRUE(reading.at_end());
  stopper.join();
}

TEST_F(GateTest, StopGivesUpInTimeAndLateCompletionsFindNobody) {
  make_file(8 << 20);
  start({.workers = 1, .drain_timeout = milliseconds(50)});
  HttpProbe waiting(at_), reading(at_);
  waiting.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  const CompletionPtr late = promises_.take();
  reading.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_worker_free();
  gate_->stop();
  EXPECT_TRUE(waiting.at_end());
  late->finish(ok_status());
  EXPECT_EQ(reading.read_reply().status, 0);
  gate_.reset();
}

TEST_F(GateTest, AGateThatNeverStartedStops) {
  Gate gate({}, clock_, log_);
  EXPECT_TRUE(gate.listen({"127.0.0.1", 0}, router_).ok());
  gate.stop();
}

TEST_F(GateTest, ManyClientsAtOnceGetTheirOwnAnswers) {
  make_file(300'000);
  start({.workers = 3});
  std::atomic<bool> finish = false;
  std::thread finisher([&] {
    while (!finish) promises_.take()->finish(ok_status());
  });
  constexpr int kClients = 8;
  std::vector<std::thread> clients;
  clients.reserve(kClients);
  for (int c = 0; c < kClients; c++) {
    clients.emplace_back([this, c] {
      for (int round = 0; round < 10; round++) {
        HttpProbe probe(at_);
        for (int i = 0; i < 5; i++) {
          const std::string mark = std::to_string(c) + "." + std::to_string(round) + "." + std::to_string(i);
          EXPECT_EQ(probe.ask("GET", "/later?" + mark).body, "later " + mark);
          EXPECT_EQ(probe.ask("CCM_POST", "/echo", {}, mark).body, mark);
        }
        EXPECT_EQ(probe.ask("GET", "/file").body.size(), 300'002U);
        EXPECT_EQ(probe.ask("GET", "/hello", "Connection: close\r\n").body, "hello");
      }
    });
  }
  for (std::thread& client : clients) client.join();
  finish = true;
  promises_.make();
  finisher.join();
}

}  // namespace
}  // namespace smslab::wire
