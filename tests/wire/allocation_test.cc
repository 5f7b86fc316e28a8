// The hot path takes no memory: a keep-alive client that asks for a file it has asked for before is served from what
// the worker and the connection have already. In a program of its own, for it counts every allocation.
#include <gtest/gtest.h>
#include <sys/epoll.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "proto/base/time_text.h"
#include "proto/wire/conn.h"
#include "proto/wire/entity.h"
#include "store/journal_recorder.h"

namespace {
std::atomic<uint64_t> allocations = 0;
}  // namespace

void* operator new(size_t size) {
  allocations++;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace smslab::wire {
namespace {

// Gives the same request whenever it is asked to, and counts what it is sent.
class RepeatingLink final : public Link {
 public:
  RepeatingLink(std::string_view request, uint64_t* sent) : request_(request), sent_(sent) {}
  void give() { given_ = false; }

  int fd() const override { return -1; }
  IoResult read(std::span<char> buffer) override {
    if (given_) return {Io::kWantRead};
    given_ = true;
    request_.copy(buffer.data(), buffer.size());
    return {Io::kOk, request_.size(), true};
  }
  IoResult write(std::span<const iovec> parts, bool) override {
    size_t bytes = 0;
    for (const iovec& part : parts) bytes += part.iov_len;
    *sent_ += bytes;
    return {Io::kOk, bytes};
  }
  IoResult send_file(const ReadableFile&, uint64_t, uint64_t) override { return {Io::kError}; }
  void end_sending() override {}
  void reset() override {}
  UniqueFd release() override { return {}; }

 private:
  const std::string_view request_;
  uint64_t* const sent_;
  bool given_ = true;
};

// What 100 requests take, after a few.
uint64_t allocations_of(const LabClock& clock, Recorder* recorder) {
  Plane plane{{}, clock, Log(null_log(), LogForm::kConsole, clock, "wire")};
  auto topic = std::make_shared<Topic>();
  topic->route = "content";
  topic->package = "LON00001";
  topic->version = 1;
  topic->file = "a folder/of some/length/Setup.exe";
  topic->sha256 = std::string(32, 'x');
  const auto entity = ready({.body = Body(std::string(1024, 'x')),
                             .content_type = "application/octet-stream",
                             .etag = "\"0123456789ABCDEF0123456789ABCDEF\"",
                             .modified = clock.now(),
                             .topic = topic});
  Router router;
  router.add({"GET", "HEAD"}, "/SMS_DP_SMSPKG*",
             [&](const Request& request) { return entity_reply(request, *entity); });
  uint64_t sent = 0;
  auto link = std::make_unique<RepeatingLink>(
      "GET /SMS_DP_SMSPKG$/LON00001/a%20folder/of%20some/length/Setup.exe HTTP/1.1\r\nHost: 127.0.0.1:8081\r\n"
      "User-Agent: Microsoft BITS/7.8\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: Keep-Alive\r\n\r\n",
      &sent);
  RepeatingLink& client = *link;
  const Service service{router, nullptr, nullptr, recorder};
  Conn conn(plane, service, {}, std::move(link), {"127.0.0.1", 40000}, {"127.0.0.1", 8081});
  const auto space = std::make_unique<Workspace>();
  const auto ask = [&] {
    client.give();
    EXPECT_EQ(conn.advance(*space, EPOLLIN).next, Turn::Next::kReadable);
  };
  for (int i = 0; i < 3; i++) ask();
  const uint64_t before = allocations, sent_before = sent;
  for (int i = 0; i < 100; i++) ask();
  const uint64_t taken = allocations - before;
  EXPECT_GT(sent - sent_before, 100U * 1024);
  return taken;
}

TEST(HotPath, TakesNoMemory) {
  const LabClock clock(system_time_source(), LabClock::Frozen{*parse_rfc3339("2026-11-21T20:00:00Z")});
  EXPECT_EQ(allocations_of(clock, nullptr), 0U);
}

TEST(HotPath, TakesNoMemoryForTheJournal) {
  const LabClock clock(system_time_source(), LabClock::Frozen{*parse_rfc3339("2026-11-21T20:00:00Z")});
  const std::string folder =
      std::filesystem::temp_directory_path() / ("smslab-allocation." + std::to_string(::getpid()));
  {
    const auto journal =
        store::Journal::open(posix_env(), folder, clock, Log(null_log(), LogForm::kConsole, clock, "journal"));
    ASSERT_TRUE(journal.ok()) << journal.status().to_string();
    store::JournalRecorder recorder(**journal, {.role = v1::FaultMatch::DP, .dp = "LON-DCSMS-01"}, clock,
                                    [](const std::string&) { return std::string("WRK-LON-001"); });
    EXPECT_EQ(allocations_of(clock, &recorder), 0U);
    EXPECT_EQ((*journal)->end() - (*journal)->first(), 103U) << "and each is recorded";
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace smslab::wire
