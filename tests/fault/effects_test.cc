// Every effect on a reply or a connection through a real socket, plain and over TLS: the bytes that arrive, and that
// the next request is served.
#include "proto/fault/effects.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <regex>
#include <thread>

#include "proto/base/env.h"
#include "proto/base/text.h"
#include "proto/fault/sayings.h"
#include "tests/fault/plane.h"

namespace smslab::fault {
namespace {
using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Moves the lab's clock on and on, a millisecond at a time.
class Ticking {
 public:
  explicit Ticking(LabClock& clock)
      : clock_(clock), began_(clock.now()), thread_([this] {
          while (!stop_) {
            clock_.advance(milliseconds(1));
            std::this_thread::yield();
          }
        }) {}
  ~Ticking() { stop(); }
  milliseconds stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return clock_.now() - began_;
  }

 private:
  LabClock& clock_;
  const LabTime began_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class EffectsTest : public testing::TestWithParam<bool> {
 protected:
  EffectsTest() : plane_(GetParam()) {}
  ~EffectsTest() override { plane_.expect_served(); }

  // All that arrives for one GET.
  std::string all_of(const std::string& fields = {}) {
    probe_ = plane_.connect();
    probe_->send(Plane::request(fields));
    return probe_->read_rest();
  }
  test::HttpProbe::Reply ask(const std::string& fields = {}, std::string_view method = "GET") {
    probe_ = plane_.connect();
    return probe_->ask(method, "/a.bin", fields);
  }

  Plane plane_;
  std::unique_ptr<test::HttpProbe> probe_;
};

TEST_P(EffectsTest, LimitDataEndsInOrder) {
  const std::string honest = plane_.honest();
  plane_.only(R"("limitData":{"bytes":"50"})");
  EXPECT_EQ(all_of(), honest.substr(0, 50));
  EXPECT_FALSE(probe_->was_reset());
  const wire::Sent sent = plane_.injector().take();
  EXPECT_EQ(sent.end, wire::Sent::End::kCut);
  EXPECT_EQ(sent.bytes, 50u);
}

TEST_P(EffectsTest, LimitDataCountsInTheBody) {
  const std::string honest = plane_.honest();
  plane_.only(R"("limitData":{"bytes":"50","in":"BODY"})");
  EXPECT_EQ(all_of(), honest.substr(0, honest.find("\r\n\r\n") + 4 + 50));
}

TEST_P(EffectsTest, LimitDataEndsByReset) {
  const std::string honest = plane_.honest();
  plane_.only(R"("limitData":{"bytes":"500","end":"RST"})");
  EXPECT_EQ(all_of(), honest.substr(0, 500));
  EXPECT_TRUE(probe_->was_reset());
}

TEST_P(EffectsTest, LimitDataStallsUntilTheClientLeaves) {
  const std::string honest = plane_.honest();
  plane_.only(R"("limitData":{"bytes":"300","end":"STALL"})");
  probe_ = plane_.connect();
  probe_->send(Plane::request());
  EXPECT_EQ(probe_->read_exactly(300), honest.substr(0, 300));
  probe_->close();
  const wire::Sent sent = plane_.injector().take();
  EXPECT_EQ(sent.end, wire::Sent::End::kStalled);
  EXPECT_EQ(sent.bytes, 300u);
  EXPECT_EQ(sent.acknowledged, 300u);
}

TEST_P(EffectsTest, LimitDataGoesOnWithGarbage) {
  const std::string honest = plane_.honest();
  plane_.only(R"("limitData":{"bytes":"40","in":"BODY","end":"GARBAGE"})");
  const std::string got = all_of();
  ASSERT_EQ(got.size(), honest.size());
  const size_t at = honest.find("\r\n\r\n") + 4 + 40;
  EXPECT_EQ(got.substr(0, at), honest.substr(0, at));
  for (size_t i = at; i < got.size(); i++) ASSERT_NE(got[i], honest[i]) << i;
}

TEST_P(EffectsTest, TruncateBodyAtFractionLeavesThat) {
  const std::string honest = plane_.honest();
  plane_.only(R"("truncateBodyAtFraction":{"fraction":0.25})");
  EXPECT_EQ(all_of(), honest.substr(0, honest.find("\r\n\r\n") + 4 + 250));
}

TEST_P(EffectsTest, EmptyResponseIsNone) {
  plane_.only(R"("emptyResponse":{})");
  EXPECT_EQ(all_of(), "");
  EXPECT_FALSE(probe_->was_reset());
}

TEST_P(EffectsTest, TimeoutIsSilenceAndThenTheEnd) {
  plane_.only(R"("timeout":{"timeout":"5000"})");
  probe_ = plane_.connect();
  probe_->send(Plane::request());
  Ticking ticking(plane_.clock());
  EXPECT_EQ(probe_->read_rest(), "");
  EXPECT_GE(ticking.stop(), milliseconds(5000));
}

TEST_P(EffectsTest, ResetPeerIsNoReplyButAReset) {
  plane_.only(R"("resetPeer":{})");
  EXPECT_EQ(all_of(), "");
  EXPECT_TRUE(probe_->was_reset());
}

TEST_P(EffectsTest, RandomDataThenCloseIsTheSameForTheSameSeed) {
  plane_.only(R"("randomDataThenClose":{"bytes":"100"})");
  const std::string first = all_of();
  EXPECT_EQ(first.size(), 100u);
  EXPECT_THAT(first, Not(StartsWith("HTTP")));
  const std::string second = all_of();
  EXPECT_NE(second, first) << "another attempt draws anew";
  plane_.only(R"("randomDataThenClose":{"bytes":"100"})");
  EXPECT_EQ(all_of(), first);
}

TEST_P(EffectsTest, MalformedResponseChunkFollowsAChunkedHead) {
  plane_.only(R"("malformedResponseChunk":{})");
  const std::string got = all_of();
  const size_t end = got.find("\r\n\r\n") + 4;
  EXPECT_THAT(got.substr(0, end), HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_THAT(got.substr(0, end), Not(HasSubstr("Content-Length")));
  EXPECT_EQ(got[end], 'Z');
}

TEST_P(EffectsTest, ResponseBytesAreAllThatComes) {
  plane_.only(R"("responseBytes":{"raw":"aGVsbG8="})");
  EXPECT_EQ(all_of(), "hello");
}

TEST_P(EffectsTest, LatencyPassesOnTheLabsClock) {
  plane_.only(R"("latency":{"latency":"5000"})");
  probe_ = plane_.connect();
  probe_->send(Plane::request());
  Ticking ticking(plane_.clock());
  EXPECT_EQ(probe_->read_reply().body, plane_.content());
  EXPECT_GE(ticking.stop(), milliseconds(5000));
  EXPECT_EQ(probe_->ask("GET", "/b.bin").body, "another file") << "the connection goes on";
}

TEST_P(EffectsTest, BandwidthIsSlicesOfATenthOfASecond) {
  const size_t size = plane_.honest().size();
  plane_.only(R"("bandwidth":{"rate":"1"})");
  Ticking ticking(plane_.clock());
  EXPECT_EQ(ask().body, plane_.content());
  EXPECT_GE(ticking.stop(), milliseconds(100) * ((size - 1) / 100));
}

TEST_P(EffectsTest, SlicerPausesAfterEachSlice) {
  const size_t size = plane_.honest().size();
  plane_.only(R"("slicer":{"averageSize":"7","delay":"10"})");
  probe_ = plane_.connect();
  probe_->send(Plane::request());
  // The first slice comes without any time; the second does not.
  const std::string first = probe_->read_exactly(7);
  EXPECT_EQ(first, "HTTP/1.");
  Ticking ticking(plane_.clock());
  EXPECT_THAT(probe_->read_exactly(size - 7), EndsWith(plane_.content()));
  EXPECT_GE(ticking.stop(), milliseconds(10) * ((size - 1) / 7 - 1));
}

TEST_P(EffectsTest, SlowCloseEndsLate) {
  plane_.only(R"("slowClose":{"delay":"1000"})");
  probe_ = plane_.connect();
  probe_->send(Plane::request());
  EXPECT_EQ(probe_->read_reply().body, plane_.content());
  Ticking ticking(plane_.clock());
  EXPECT_TRUE(probe_->at_end());
  EXPECT_GE(ticking.stop(), milliseconds(1000));
}

TEST_P(EffectsTest, ContentLengthOverrideIsWhatTheRuleSays) {
  plane_.only(R"("contentLengthOverride":{"by":"-10"})");
  EXPECT_THAT(all_of(), HasSubstr("Content-Length: 990\r\n"));
  plane_.only(R"("contentLengthOverride":{"length":"5000000000"})");
  EXPECT_THAT(all_of(), HasSubstr("Content-Length: 5000000000\r\n"));
  plane_.only(R"("contentLengthOverride":{"missing":true})");
  EXPECT_THAT(all_of(), Not(HasSubstr("Content-Length")));
  plane_.only(R"("contentLengthOverride":{"twice":true})");
  EXPECT_THAT(all_of(), HasSubstr("Content-Length: 1000\r\nContent-Length: 1001\r\n"));
}

TEST_P(EffectsTest, StatusReplacesTheReply) {
  plane_.only(R"("status":{"code":503,"retryAfter":"120","body":"<h1>Service Unavailable</h1>"})");
  const auto reply = ask();
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.field("Retry-After"), "120");
  EXPECT_EQ(reply.field("Content-Type"), "text/html");
  EXPECT_EQ(reply.body, "<h1>Service Unavailable</h1>");
  EXPECT_EQ(probe_->ask("GET", "/b.bin").body, "another file");
}

TEST_P(EffectsTest, StatusTakesAPageOfTheWebServers) {
  plane_.only(R"("status":{"code":200,"page":"404.7"})");
  const auto reply = ask();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.field("Content-Type"), "text/html");
  EXPECT_THAT(reply.body, HasSubstr("<p>HTTP Error 404.7. File extension denied.</p>"));
}

TEST_P(EffectsTest, ClockSkewMovesTheDate) {
  plane_.only(R"("clockSkew":{"by":"86400000"})");
  const auto reply = ask();
  EXPECT_EQ(reply.field("Date"), "Sun, 22 Nov 2026 20:00:00 GMT");
  EXPECT_EQ(reply.body, plane_.content());
  plane_.only(R"("clockSkew":{"by":"-1000"})");
  EXPECT_EQ(ask().field("Date"), "Sat, 21 Nov 2026 19:59:59 GMT");
}

TEST_P(EffectsTest, HeaderFieldsAreRemovedReplacedAndDoubled) {
  plane_.only(
      R"("header":{"remove":["Accept-Ranges"],"set":[{"name":"ETag","value":"\"wrong\""}],"add":[{"name":"ETag","value":"\"two\""}]})");
  const auto reply = ask();
  EXPECT_THAT(reply.head, Not(HasSubstr("Accept-Ranges")));
  EXPECT_THAT(reply.head, HasSubstr("ETag: \"wrong\"\r\nETag: \"two\"\r\n"));
  EXPECT_EQ(reply.body, plane_.content());
}

TEST_P(EffectsTest, CorruptChangesJustTheseBytes) {
  plane_.only(R"("corrupt":{"where":"WIRE","offset":"100","length":"3"})");
  const auto reply = ask();
  ASSERT_EQ(reply.body.size(), plane_.content().size());
  for (size_t i = 0; i < reply.body.size(); i++) {
    EXPECT_EQ(reply.body[i] != plane_.content()[i], i >= 100 && i < 103) << i;
  }
  // A part of the file has its part of the damage.
  EXPECT_EQ(ask("Range: bytes=101-110\r\n").body, reply.body.substr(101, 10));
  EXPECT_EQ(ask("Range: bytes=200-210\r\n").body, plane_.content().substr(200, 11));
}

TEST_P(EffectsTest, CorruptChoosesAPlaceByTheSeed) {
  plane_.only(R"("corrupt":{"where":"WIRE"})");
  const std::string first = ask().body;
  EXPECT_NE(first, plane_.content());
  EXPECT_EQ(ask().body, first) << "the same for each attempt";
}

TEST_P(EffectsTest, MalformedBodyHasGarbageBehindIt) {
  plane_.only(R"("malformedBody":{"bytes":"20"})");
  const auto reply = ask();
  EXPECT_EQ(reply.field("Content-Length"), "1020");
  EXPECT_THAT(reply.body, StartsWith(plane_.content()));
}

TEST_P(EffectsTest, EmptyBodyIsASuccessWithNothing) {
  plane_.only(R"("emptyBody":{})");
  const auto reply = ask();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.field("Content-Length"), "0");
}

TEST_P(EffectsTest, IgnoreRangeGivesTheWhole) {
  plane_.only(R"("ignoreRange":{})");
  const auto reply = ask("Range: bytes=10-19\r\n");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, plane_.content());
}

TEST_P(EffectsTest, ForceMultipartWrapsOnePart) {
  plane_.only(R"("forceMultipart":{})");
  const auto reply = ask("Range: bytes=10-19\r\n");
  EXPECT_EQ(reply.status, 206);
  EXPECT_THAT(reply.field("Content-Type"), StartsWith("multipart/byteranges; boundary="));
  EXPECT_EQ(reply.field("Content-Range"), "");
  EXPECT_THAT(reply.body,
              HasSubstr("Content-Range: bytes 10-19/1000\r\n\r\n" + plane_.content().substr(10, 10) + "\r\n--"));
}

TEST_P(EffectsTest, SwapFileGivesAnotherOne) {
  plane_.only(R"("swapFile":{"file":"b.bin"})");
  EXPECT_EQ(ask().body, "another file");
  plane_.only(R"("swapFile":{"file":"none"})");
  EXPECT_EQ(ask().body, plane_.content()) << "there is no such file to give";
}

TEST_P(EffectsTest, ResetOnAcceptResets) {
  plane_.only(R"("resetOnAccept":{})", "");
  probe_ = plane_.connect();
  if (plane_.is_tls()) {
    EXPECT_FALSE(probe_->connected());
    return;
  }
  EXPECT_EQ(probe_->read_rest(), "");  // to send first would take the reset in
  EXPECT_TRUE(probe_->was_reset());
}

TEST_P(EffectsTest, HandshakeAbortIsForTlsAlone) {
  plane_.only(R"("handshakeAbort":{})", "");
  probe_ = plane_.connect();
  EXPECT_EQ(probe_->connected(), !plane_.is_tls());
  if (!plane_.is_tls()) {
    EXPECT_EQ(probe_->ask("GET", "/a.bin").body, plane_.content());
  }
}

TEST(Effects, NeverReadTakesNothing) {
  Plane plane(false);
  plane.only(R"("neverRead":{})", "");
  const auto probe = plane.connect();
  ASSERT_TRUE(probe->connected());
  probe->send(Plane::request());
  while (plane.rules().counts("1").hit() == 0) std::this_thread::yield();
  plane.expect_served();
  probe->end_sending();
  EXPECT_EQ(probe->read_rest(), "");
}

// N plain bytes, whatever N is, head and body alike. A reset over TLS waits 40 ms for the client's delayed
// acknowledgement: there every 17th N is enough, and scripts/cut-sweep tries them all.
TEST_P(EffectsTest, CutSweep) {
  const std::string honest = plane_.honest();
  for (const char* end : {"FIN", "RST"}) {
    const size_t step = plane_.is_tls() && std::string(end) == "RST" ? 17 : 1;
    for (size_t n = 0; n <= honest.size(); n += step) {
      plane_.only(R"("limitData":{"bytes":")" + std::to_string(n) + R"(","end":")" + end + R"("})");
      ASSERT_EQ(all_of().size(), n) << end;
      ASSERT_EQ(probe_->was_reset(), std::string(end) == "RST") << end << " at " << n;
    }
  }
}

// "limit_data", "LIMIT_DATA" -> "LimitData": what the names of an effect's tests begin with.
std::string camel_case(std::string_view name) {
  std::string out;
  bool upper = true;
  for (const char c : name) {
    if (c != '_') out += upper ? ascii_upper(std::string(1, c)) : ascii_lower(std::string(1, c));
    upper = c == '_';
  }
  return out;
}

std::string documentation() { return *read_file(posix_env(), SMSLAB_TEST_DATA "/../../docs/faults.md", 1 << 20); }

// Where effects have their tests through real sockets: those on any reply here, those on a lab in its end-to-end tests.
constexpr const char* kTested[] = {"fault/effects_test.cc", "e2e/dp_faults_test.cc", "e2e/connection_faults_test.cc",
                                   "e2e/mp_faults_test.cc"};

// "limit_data" -> "effects_test.cc LimitDataEndsInOrder": the first of its tests; empty when there is none.
std::string test_of(std::string_view effect) {
  const std::regex test("TEST(_F|_P)?\\(\\w+, (" + camel_case(effect) + "\\w*)\\)");
  for (const std::string path : kTested) {
    const std::string source = *read_file(posix_env(), SMSLAB_TEST_DATA "/../" + path, 1 << 20);
    std::smatch found;
    if (std::regex_search(source, found, test)) return path.substr(path.find('/') + 1) + " " + found[2].str();
  }
  return {};
}

TEST(Effects, EachHasATestAndARowInTheDocumentation) {
  const std::string page = documentation();
  std::string table;
  for (const Effect& effect : all_effects()) {
    const std::string test = test_of(effect.name);
    EXPECT_FALSE(test.empty()) << effect.name;
    table += "| `" + std::string(effect.name) + "` | " + std::string(effect.harm) + " | " + test + " |\n";
  }
  EXPECT_THAT(page, HasSubstr(table)) << "docs/faults.md is to have these rows:\n" << table;
}

// The name of the first test of a suite in a source file that begins so; empty: there is none.
std::string test_of(const std::string& source, const std::string& begin) {
  const size_t at = source.find("TEST_P(MpFaults, " + begin);
  if (at == std::string::npos) return {};
  const size_t from = source.find(", ", at) + 2;
  return source.substr(from, source.find(')', from) - from);
}

std::string shown_by_a_client(const Saying& saying) {
  const v1::ClientSymptom symptom = symptom_of(saying.trouble);
  std::string text = symptom.error();
  const std::string line = symptom.line().empty() ? "" : ": `" + symptom.line() + "`";
  for (const std::string& part : {symptom.log() + line, symptom.event()}) {
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
  }
  return text;
}

TEST(Effects, EachSayingHasATestAndARowInTheDocumentation) {
  const std::string tests = *read_file(posix_env(), SMSLAB_TEST_DATA "/../e2e/mp_faults_test.cc", 1 << 20);
  std::string table;
  for (const Saying& saying : all_sayings()) {
    const auto effect = std::ranges::find(all_effects(), saying.effect, &Effect::kind);
    ASSERT_NE(effect, all_effects().end());
    EXPECT_EQ(effect->stage, Stage::kAnswer);
    const std::string test = test_of(tests, camel_case(effect->name) + camel_case(saying.name));
    EXPECT_NE(test, "") << effect->name << " " << saying.name;
    table += "| `" + std::string(effect->name) + "` | " + std::string(saying.name) + " | " + std::string(saying.harm) +
             " | " + shown_by_a_client(saying) + " | " + test + " |\n";
  }
  EXPECT_THAT(documentation(), HasSubstr(table)) << "docs/faults.md is to have these rows:\n" << table;
}

// Every value of every `how` is in the list, so that none is accepted and does nothing.
TEST(Effects, EachHowIsASaying) {
  size_t hows = 0;
  for (const Effect& effect : all_effects()) {
    if (effect.stage != Stage::kAnswer) continue;
    const auto* field = v1::FaultRule::descriptor()->FindFieldByName(std::string(effect.name));
    const auto* how = field->message_type()->FindFieldByName("how");
    if (how == nullptr) {
      hows++;
      continue;
    }
    for (int i = 1; i < how->enum_type()->value_count(); i++) {
      v1::FaultRule rule;
      auto* message = rule.GetReflection()->MutableMessage(&rule, field);
      message->GetReflection()->SetEnum(message, how, how->enum_type()->value(i));
      const Saying* saying = saying_of(rule);
      ASSERT_NE(saying, nullptr) << how->enum_type()->value(i)->name();
      EXPECT_EQ(saying->name, how->enum_type()->value(i)->name());
      hows++;
    }
  }
  EXPECT_EQ(hows, all_sayings().size());
}

INSTANTIATE_TEST_SUITE_P(Sockets, EffectsTest, testing::Bool(),
                         [](const auto& chosen) { return chosen.param ? "Tls" : "Plain"; });

}  // namespace
}  // namespace smslab::fault
