// The journal without a socket: what is told is found again, after ends of every kind, and found by the words of
// faults.
#include "store/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>

#include "proto/base/digest.h"
#include "proto/base/hex.h"
#include "proto/base/time_text.h"
#include "proto/fault/plan.h"
#include "proto/schema/timestamp.h"
#include "store/journal_query.h"
#include "store/journal_recorder.h"

namespace smslab::store {
namespace {
namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using wire::Sent;

struct Collected final : LogSink {
  void write(std::string_view record) override {
    const MutexLock lock(mu);
    text.append(record).append("\n");
  }
  std::string all() {
    const MutexLock lock(mu);
    return text;
  }
  Mutex mu;
  std::string text GUARDED_BY(mu);
};

class JournalTest : public testing::Test {
 protected:
  JournalTest() : folder_(fs::temp_directory_path() / ("smslab-journal." + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
  }
  ~JournalTest() override {
    journal_.reset();
    fs::remove_all(folder_);
  }

  Status open(GrowingFile::Allocate allocate = {}) {
    journal_.reset();
    ASSIGN_OR_RETURN(journal_, Journal::open(posix_env(), folder_, clock_,
                                             Log(sink_, LogForm::kConsole, clock_, "journal"), std::move(allocate)));
    recorder_ = std::make_unique<JournalRecorder>(
        *journal_, fault::Place{.role = v1::FaultMatch::DP, .dp = "LON-DCSMS-01"}, clock_,
        [](const std::string& address) { return address == "127.0.0.2" ? "WRK-LON-001" : std::string(); });
    return ok_status();
  }
  // One whole exchange.
  uint64_t record(const std::string& address, const wire::Topic& topic, int status = 200, uint64_t first = 0,
                  std::optional<uint64_t> last = std::nullopt) {
    const HostPort peer{address, 4711};
    const uint64_t number = recorder_->asked({.peer = peer,
                                              .connection = 1,
                                              .request = 1,
                                              .method = "GET",
                                              .target = "/" + topic.file,
                                              .topic = &topic,
                                              .first = first,
                                              .last = last,
                                              .rules = {}});
    if (number == 0) return 0;
    recorder_->planned(number, {.status = status, .head = 100, .whole = 300, .bytes = 300});
    recorder_->sent(number, {.end = Sent::End::kWhole, .bytes = 300}, {});
    recorder_->acknowledged(number, 300, true);
    return number;
  }
  static wire::Topic topic(std::string file, std::string package = "LON00001") {
    wire::Topic topic;
    topic.route = "content";
    topic.package = std::move(package);
    topic.version = 1;
    topic.file = std::move(file);
    return topic;
  }
  v1::JournalRecord read(uint64_t number) { return journal_record(*journal_, number, *journal_->row(number)); }
  uint64_t count(const JournalWanted& wanted = {}) {
    return JournalQuery(*journal_, wanted).count(journal_->first(), journal_->end());
  }

  void overwrite(const std::string& file, size_t at, std::string_view bytes) const {
    std::fstream out(folder_ + "/" + file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(static_cast<std::streamoff>(at));
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  std::string bytes_of(const std::string& file) const {
    std::ifstream in(folder_ + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  const std::string folder_;
  LabClock clock_{system_time_source(), LabClock::Frozen{*parse_rfc3339("2026-11-21T20:00:00Z")}};
  std::shared_ptr<Collected> sink_ = std::make_shared<Collected>();
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<JournalRecorder> recorder_;
};

TEST_F(JournalTest, ARecordSaysWhatWasAskedPlannedSentAndAcknowledged) {
  ASSERT_EQ(open(), ok_status());
  wire::Topic about = topic("a.msi");
  about.sha256 = std::string(32, 'x');
  const HostPort peer{"127.0.0.2", 4711};
  EXPECT_EQ(recorder_->connected(peer), 1u);
  EXPECT_EQ(recorder_->connected(peer), 2u);
  const uint64_t number = recorder_->asked({.peer = peer,
                                            .connection = 2,
                                            .request = 3,
                                            .tls = true,
                                            .method = "GET",
                                            .target = "/SMS_DP_SMSPKG$/LON00001/a.msi",
                                            .body = 7,
                                            .topic = &about,
                                            .first = 10,
                                            .last = 19,
                                            .rules = "4 9"});
  EXPECT_EQ(read(number).ended(), v1::JournalRecord::UNDER_WAY);
  recorder_->planned(number, {.status = 206,
                              .head = 100,
                              .whole = 110,
                              .bytes = 104,
                              .reason = {},
                              .digest = {wire::BodyDigest::Of::kPartOfFile, about.sha256}});
  clock_.advance(std::chrono::seconds(2));
  recorder_->sent(number, {.end = Sent::End::kCut, .bytes = 104}, {});
  recorder_->acknowledged(number, 60, false);
  EXPECT_FALSE(read(number).settled());
  recorder_->acknowledged(number, 104, true);

  const v1::JournalRecord record = read(number);
  EXPECT_EQ(record.sequence(), 1u);
  EXPECT_EQ(record.client(), "WRK-LON-001") << "known by its address";
  EXPECT_EQ(record.address(), "127.0.0.2");
  EXPECT_EQ(record.port(), 4711u);
  EXPECT_EQ(record.client_sequence(), 1u);
  EXPECT_EQ(record.connection(), 2u);
  EXPECT_EQ(record.request(), 3u);
  EXPECT_EQ(record.role(), v1::FaultMatch::DP);
  EXPECT_EQ(record.dp(), "LON-DCSMS-01");
  EXPECT_TRUE(record.tls());
  EXPECT_EQ(record.target(), "/SMS_DP_SMSPKG$/LON00001/a.msi");
  EXPECT_EQ(record.route(), "content");
  EXPECT_EQ(record.package(), "LON00001");
  EXPECT_EQ(record.version(), 1u);
  EXPECT_EQ(record.file(), "a.msi");
  EXPECT_EQ(record.range().first(), 10u);
  EXPECT_EQ(record.range().last(), 19u);
  EXPECT_EQ(record.request_bytes(), 7u);
  EXPECT_THAT(record.rules(), ElementsAre("4", "9"));
  EXPECT_EQ(record.status(), 206u);
  EXPECT_EQ(record.head_bytes(), 100u);
  EXPECT_EQ(record.reply_bytes(), 110u);
  EXPECT_EQ(record.planned_bytes(), 104u);
  EXPECT_EQ(record.sent_bytes(), 104u);
  EXPECT_EQ(record.acknowledged_bytes(), 104u);
  EXPECT_TRUE(record.settled());
  EXPECT_EQ(record.ended(), v1::JournalRecord::CUT);
  EXPECT_EQ(record.ended_at().seconds() - record.time().seconds(), 2);
  EXPECT_EQ(record.sha256(), "");
  EXPECT_EQ(record.part_of_sha256(), to_hex(about.sha256));
}

TEST_F(JournalTest, ARestartKeepsAllAndGoesOnCounting) {
  ASSERT_EQ(open(), ok_status());
  record("127.0.0.2", topic("a.msi"));
  record("127.0.0.3", topic("b.msi"));
  const HostPort peer{"127.0.0.2", 1};
  recorder_->asked({.peer = peer, .method = "GET", .target = "/half"});
  ASSERT_EQ(open(), ok_status());
  EXPECT_EQ(count(), 3u);
  EXPECT_EQ(read(1).file(), "a.msi");
  EXPECT_EQ(read(3).ended(), v1::JournalRecord::UNDER_WAY) << "the process ended before";
  EXPECT_TRUE(read(3).settled());
  EXPECT_EQ(record("127.0.0.2", topic("c.msi")), 4u);
  EXPECT_EQ(read(4).client_sequence(), 3u);
  EXPECT_EQ(read(4).file(), "c.msi");
}

TEST_F(JournalTest, AKilledProcessHasLostNothing) {
  constexpr uint64_t kRecords = 30'000;  // more than what is reserved at first
  const pid_t child = ::fork();
  if (child == 0) {
    if (!open().ok()) ::_exit(1);
    for (uint64_t i = 0; i < kRecords; i++) record("127.0.0.2", topic("file-" + std::to_string(i)));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(open(), ok_status());
  EXPECT_EQ(journal_->lost(), 0u);
  EXPECT_EQ(count(), kRecords);
  EXPECT_EQ(read(kRecords).file(), "file-" + std::to_string(kRecords - 1));
  EXPECT_EQ(read(kRecords).client_sequence(), kRecords);
}

TEST_F(JournalTest, ATornRowIsNoRecord) {
  ASSERT_EQ(open(), ok_status());
  for (int i = 0; i < 3; i++) record("127.0.0.2", topic("a.msi"));
  journal_.reset();
  overwrite("rows", 24, {"\1\0\0\0\0\0\0\0", 8});  // the head's `checked`: nobody has looked at the rows
  overwrite("rows", 4096 + sizeof(JournalRow) + 100, "torn");
  ASSERT_EQ(open(), ok_status());
  EXPECT_EQ(count(), 2u);
  EXPECT_EQ(journal_->row(2), nullptr);
  EXPECT_EQ(read(3).file(), "a.msi");
  EXPECT_EQ(record("127.0.0.2", topic("b.msi")), 4u);
  EXPECT_EQ(count(), 3u);
}

TEST_F(JournalTest, FilesThatAreNoneAreRefusedAndStay) {
  fs::create_directories(folder_);
  std::ofstream(folder_ + "/rows") << std::string(5000, 'x');
  EXPECT_EQ(open().code(), Code::kDataLoss);
  EXPECT_EQ(fs::file_size(folder_ + "/rows"), 5000u);
}

TEST_F(JournalTest, HeadsThatCannotBeAreRefusedAndStay) {
  ASSERT_EQ(open(), ok_status());
  for (int i = 0; i < 3; i++) record("127.0.0.2", topic("a.msi"));
  journal_.reset();
  const std::string rows = bytes_of("rows"), texts = bytes_of("texts");
  struct Head {
    const char* file;
    size_t at;
    uint64_t value;
  };
  for (const Head& head :
       {Head{"rows", 8, 5}, Head{"rows", 8, UINT64_MAX}, Head{"rows", 16, 0}, Head{"rows", 16, 5},
        Head{"texts", 8, texts.size() - 1}, Head{"texts", 8, texts.size() + 8}, Head{"texts", 8, 8}}) {
    SCOPED_TRACE(std::string(head.file) + " " + std::to_string(head.at) + " " + std::to_string(head.value));
    overwrite(head.file, head.at, {reinterpret_cast<const char*>(&head.value), sizeof head.value});
    const std::string now = bytes_of(head.file);
    EXPECT_EQ(open().code(), Code::kDataLoss);
    EXPECT_EQ(bytes_of(head.file), now);
    overwrite("rows", 0, rows);
    overwrite("texts", 0, texts);
  }
  ASSERT_EQ(open(), ok_status());
  EXPECT_EQ(count(), 3u);
}

TEST_F(JournalTest, TimesThatNoCalendarHasAreItsFirstAndLast) {
  ASSERT_EQ(open(), ok_status());
  const uint64_t number = record("127.0.0.2", topic("a.msi"));
  JournalRow& row = journal_->change(number);
  row.time = INT64_MIN;
  row.finished = INT64_MAX;
  EXPECT_EQ(format_rfc3339(from_timestamp(read(number).time())), "0001-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(from_timestamp(read(number).ended_at())), "9999-12-31T23:59:59.999Z");
}

TEST_F(JournalTest, AnotherProcessHasTheFolder) {
  ASSERT_EQ(open(), ok_status());
  const auto second = Journal::open(posix_env(), folder_, clock_, Log(null_log(), LogForm::kConsole, clock_, "x"));
  EXPECT_EQ(second.status().code(), Code::kFailedPrecondition);
}

TEST_F(JournalTest, AFullDiskLosesRecordsAndSaysSo) {
  std::atomic<uint64_t> disk = uint64_t{6} << 20;  // bytes of each file
  ASSERT_EQ(open([&disk](int fd, uint64_t from, uint64_t to) {
              if (to > disk) return Status(Code::kNoSpace, "the disk is full");
              return GrowingFile::allocate(fd, from, to);
            }),
            ok_status());
  uint64_t kept = 0;
  for (int i = 0; i < 40'000; i++) kept += record("127.0.0.2", topic("a.msi")) != 0 ? 1 : 0;
  EXPECT_GT(kept, 20'000u);
  EXPECT_LT(kept, 40'000u);
  EXPECT_EQ(journal_->lost(), 40'000u - kept);
  EXPECT_EQ(count(), kept) << "those that were kept are whole";
  EXPECT_THAT(sink_->all(), HasSubstr("no room for the journal"));
  // The keeper looks again every second; a record that is lost meanwhile only counts as one.
  disk = uint64_t{1} << 30;
  uint64_t number = 0;
  const SteadyTime deadline = clock_.steady() + std::chrono::seconds(20);
  while ((number = record("127.0.0.2", topic("again.msi"))) == 0 && clock_.steady() < deadline) {
  }
  ASSERT_EQ(number, kept + 1);
  EXPECT_EQ(read(number).file(), "again.msi");
}

TEST_F(JournalTest, ClearForgetsRecordsAndNotNumbers) {
  ASSERT_EQ(open(), ok_status());
  for (int i = 0; i < 3; i++) record("127.0.0.2", topic("a.msi"));
  const HostPort peer{"127.0.0.2", 1};
  recorder_->connected(peer);
  const uint64_t open_one = recorder_->asked({.peer = peer, .method = "GET", .target = "/under-way"});
  journal_->clear();
  EXPECT_EQ(count(), 0u);
  recorder_->sent(open_one, {.end = Sent::End::kWhole, .bytes = 5}, {});  // nobody will read it, and nothing breaks
  recorder_->acknowledged(open_one, 5, true);
  EXPECT_EQ(record("127.0.0.2", topic("b.msi")), 5u);
  EXPECT_EQ(read(5).client_sequence(), 1u) << "a lab that begins anew counts anew";
  EXPECT_EQ(recorder_->connected(peer), 1u);
  ASSERT_EQ(open(), ok_status());
  EXPECT_EQ(count(), 1u);
  EXPECT_EQ(read(5).file(), "b.msi");
}

TEST_F(JournalTest, LongTextsAreCut) {
  ASSERT_EQ(open(), ok_status());
  const std::string file = read(record("127.0.0.2", topic(std::string(50'000, 'f')))).file();
  EXPECT_EQ(file.size(), 8000u);
  EXPECT_TRUE(file.ends_with("f..."));
}

TEST_F(JournalTest, BytesThatAreNoTextAreSpelled) {
  ASSERT_EQ(open(), ok_status());
  const uint64_t odd = record("127.0.0.2", topic("a\xFF\xC3(\xC3\xA9"));
  const uint64_t cut = record("127.0.0.2", topic("x" + std::string(49'999, '\xC3')));
  EXPECT_EQ(read(odd).file(), "a%FF%C3(%C3%A9");
  EXPECT_EQ(read(odd).target(), "/a%FF%C3(%C3%A9");
  EXPECT_TRUE(read(cut).file().starts_with("x%C3%C3"));
  EXPECT_EQ(read(record("127.0.0.2", topic("caf\xC3\xA9"))).file(), "caf\xC3\xA9");
  JournalWanted wanted;
  wanted.match.set_file("a%FF*");
  EXPECT_EQ(count(wanted), 1u);
  wanted.match.set_file("b");
  const auto nearest = JournalQuery(*journal_, wanted).nearest(1, 2);
  ASSERT_EQ(nearest.size(), 1u);
  EXPECT_EQ(nearest[0].differs(0).was(), "a%FF%C3(%C3%A9");
}

TEST_F(JournalTest, ManyWritersLoseNothing) {
  ASSERT_EQ(open(), ok_status());
  constexpr int kThreads = 8, kEach = 5000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; i++) record("127.0.1." + std::to_string(t), topic("file-" + std::to_string(i % 7)));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count(), uint64_t{kThreads} * kEach);
  for (int t = 0; t < kThreads; t++) {
    JournalWanted wanted;
    wanted.match.set_address("127.0.1." + std::to_string(t));
    EXPECT_EQ(count(wanted), uint64_t{kEach});
  }
}

TEST_F(JournalTest, WaitersHearOfARecord) {
  ASSERT_EQ(open(), ok_status());
  uint64_t seen = journal_->changes();
  std::thread writer([this] { record("127.0.0.2", topic("a.msi")); });
  EXPECT_TRUE(journal_->wait_past(&seen, clock_.steady() + std::chrono::seconds(20)));
  writer.join();
  journal_->stop_waiting();
  seen = journal_->changes();
  EXPECT_FALSE(journal_->wait_past(&seen, clock_.steady() + std::chrono::seconds(20)));
}

TEST_F(JournalTest, NearMissesSayInWhat) {
  ASSERT_EQ(open(), ok_status());
  record("127.0.0.2", topic("a.msi"));
  record("127.0.0.2", topic("b.msi"), 404);
  JournalWanted wanted;
  wanted.match.set_client("wrk-lon-001");
  wanted.match.set_file("a.*");
  wanted.status = "4xx";
  wanted.least_status = 400;
  wanted.most_status = 499;
  JournalQuery query(*journal_, wanted);
  EXPECT_EQ(query.count(1, journal_->end()), 0u);
  const auto nearest = query.nearest(1, journal_->end());
  ASSERT_EQ(nearest.size(), 2u);
  EXPECT_EQ(nearest[0].record().file(), "b.msi") << "of two that come as close, the newer";
  ASSERT_EQ(nearest[0].differs_size(), 1);
  EXPECT_EQ(nearest[0].differs(0).field(), "file");
  EXPECT_EQ(nearest[0].differs(0).wanted(), "a.*");
  EXPECT_EQ(nearest[0].differs(0).was(), "b.msi");
  EXPECT_EQ(nearest[1].differs(0).field(), "status");
  EXPECT_EQ(nearest[1].differs(0).was(), "200");
}

// Whatever a fault's match would hit, the journal's finds, and nothing else.
TEST_F(JournalTest, FindsWhatAFaultWouldHit) {
  ASSERT_EQ(open(), ok_status());
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto pick = [&](std::initializer_list<const char*> of) {
    return std::string(of.begin()[random() % of.size()]);
  };
  std::vector<fault::Occasion> occasions;
  for (int i = 0; i < 500; i++) {
    wire::Topic about = topic(pick({"a.msi", "sub/A.MSI", "b.cab", ""}), pick({"LON00001", "LON00002"}));
    about.version = static_cast<uint32_t>(random()) % 3;
    about.client = pick({"WRK-LON-001", "wrk-lon-002", ""});
    about.smsid = pick({"GUID:1", ""});
    about.route = random() % 2 == 0 ? "content" : "propfind";
    const uint64_t first = random() % 50;
    const auto last = random() % 2 == 0 ? std::nullopt : std::optional<uint64_t>(first + random() % 50);
    const std::string address = pick({"127.0.0.2", "127.0.0.3"});
    record(address, about, 200, first, last);
    fault::Occasion o;
    o.role = v1::FaultMatch::DP;
    o.dp = "LON-DCSMS-01";
    o.client = !about.client.empty() ? about.client : address == "127.0.0.2" ? "WRK-LON-001" : "";
    o.smsid = about.smsid;
    o.address = address;
    o.route = about.route;
    o.method = "GET";
    o.package = about.package;
    o.version = about.version;
    o.file = about.file;
    o.first = first;
    o.last = last;
    occasions.push_back(o);
  }
  uint64_t hits = 0;
  for (int i = 0; i < 300; i++) {
    JournalWanted wanted;
    v1::FaultMatch& match = wanted.match;
    if (random() % 3 == 0) match.set_client(pick({"wrk-lon-001", "WRK-LON-002", "NOBODY"}));
    if (random() % 4 == 0) match.set_smsid("guid:1");
    if (random() % 4 == 0) match.set_address("127.0.0.3");
    if (random() % 3 == 0) match.set_route(pick({"content", "PROPFIND"}));
    if (random() % 4 == 0) match.set_method(pick({"get", "HEAD"}));
    if (random() % 3 == 0) match.set_package("lon00002");
    if (random() % 3 == 0) match.set_version(static_cast<uint32_t>(random()) % 3);
    if (random() % 3 == 0) match.set_file(pick({"*.msi", "a.???", "*", "sub/*"}));
    if (random() % 4 == 0) match.set_role(random() % 3 == 0 ? v1::FaultMatch::MP : v1::FaultMatch::DP);
    if (random() % 4 == 0) match.set_dp(pick({"lon-dcsms-01", "OTHER"}));
    if (random() % 3 == 0) {
      match.mutable_range()->set_first(random() % 60);
      if (random() % 2 == 0) match.mutable_range()->set_last(match.range().first() + random() % 20);
    }
    const auto expected = static_cast<uint64_t>(std::ranges::count_if(
        occasions, [&](const fault::Occasion& occasion) { return fault::matches(match, occasion); }));
    EXPECT_EQ(count(wanted), expected) << match.ShortDebugString();
    hits += expected;
  }
  EXPECT_GT(hits, 0u);
}

}  // namespace
}  // namespace smslab::store
