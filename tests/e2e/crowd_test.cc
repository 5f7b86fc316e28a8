// Many connections that do nothing, or read nothing, beside a few that want to be served.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>

#include "tests/support/http_probe.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
constexpr size_t kIdle = 2'000;
constexpr size_t kSlow = 2'000;
const char kFolder[] = "/SMS_DP_SMSPKGC$/LON00001/";

class Crowd : public ::testing::Test {
 protected:
  void SetUp() override {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_GT(limit.rlim_max, kIdle + kSlow + 100) << "this machine allows too few descriptors";
    for (size_t i = 0; large_.size() < size_t{16} << 20; i++) large_ += std::to_string(i) + "\n";
    write(lab_.folder() + "/source/small", "small");
    write(lab_.folder() + "/source/large", large_);
    lab_.must({"package", "create", "LON00001", "--name", "Crowd", "--source", lab_.folder() + "/source"});
    lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
    dp_ = parse_url(lab_.dp(), "dp")->at;
    mp_ = parse_url(lab_.mp(), "mp")->at;
  }

  void expect_served(HttpProbe& probe) {
    const HttpProbe::Reply reply = probe.ask("GET", kFolder + std::string("small"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "small");
  }
  void expect_newcomers_served() {
    for (int i = 0; i < 20; i++) {
      HttpProbe dp(dp_);
      expect_served(dp);
      HttpProbe mp(mp_);
      EXPECT_EQ(mp.ask("GET", "/sms_mp/.sms_aut?MPLIST1&LON").status, 200);
    }
  }
  // Asks for the large file, sees the reply begin, and reads no further.
  std::unique_ptr<HttpProbe> slow_reader() {
    auto probe = std::make_unique<HttpProbe>(dp_);
    probe->send("GET " + std::string(kFolder) + "large HTTP/1.1\r\nHost: crowd\r\n\r\n");
    char begin = 0;
    EXPECT_EQ(::recv(probe->fd(), &begin, 1, MSG_PEEK), 1);
    return probe;
  }

  Lab lab_;
  HostPort dp_, mp_;
  std::string large_;
};

TEST_F(Crowd, OfIdleConnectionsKeepsNobodyWaiting) {
  std::vector<std::unique_ptr<HttpProbe>> idle;
  for (size_t i = 0; i < kIdle; i++) {
    idle.push_back(std::make_unique<HttpProbe>(dp_));
    expect_served(*idle.back());
    ASSERT_FALSE(HasFailure()) << "connection " << i;
  }
  expect_newcomers_served();
  for (const auto& probe : idle) expect_served(*probe);
  idle.clear();
  expect_newcomers_served();
}

TEST_F(Crowd, OfSlowReadersKeepsNobodyWaiting) {
  std::vector<std::unique_ptr<HttpProbe>> slow;
  for (size_t i = 0; i < kSlow; i++) {
    slow.push_back(slow_reader());
    ASSERT_FALSE(HasFailure()) << "connection " << i;
  }
  expect_newcomers_served();
  const HttpProbe::Reply whole = slow.back()->read_reply();
  EXPECT_EQ(whole.status, 200);
  EXPECT_TRUE(whole.body == large_) << "a slow reader that goes on reading gets what it asked for";
  slow.clear();
  expect_newcomers_served();
}

}  // namespace
}  // namespace smslab::test
