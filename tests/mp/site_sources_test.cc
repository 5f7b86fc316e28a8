// The source of a package: direct from it, by a schedule, gone, refused, locked; and what DPs hold, compared with it.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "mp/faults.h"
#include "mp/validation.h"
#include "proto/schema/timestamp.h"
#include "tests/mp/site_fixture.h"
#include "tests/support/forwarding_env.h"

namespace smslab::mp {
namespace {
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Dp = v1::PackageDp;

class SourcesTest : public SiteTest {
 protected:
  // A package on one DP, settled.
  v1::Package distributed(bool direct) {
    add_dp(kDp);
    v1::Package wanted = request();
    wanted.set_direct(direct);
    create(wanted);
    manager_->start();
    EXPECT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
    wait_message(2301, 2);
    return package();
  }
  // Beside the lists of what was published, which stay a while.
  std::vector<std::string> staged_contents() {
    std::vector<std::string> files = staged();
    std::erase_if(files, [](const std::string& file) { return file.find("/intent.") != std::string::npos; });
    return files;
  }
  v1::Package package() { return *show_package(*site_, "LON00001"); }
  v1::DpValidation held(const std::string& dp = kDp) {
    const auto found = validate_package(*site_, dps_, "LON00001", on({dp}));
    EXPECT_EQ(found.status(), ok_status());
    return found.ok() ? found->validations(0) : v1::DpValidation();
  }
  void refresh_dp(long passes) {
    ASSERT_TRUE(refresh(*site_, dps_, "LON00001", on({kDp})).ok());
    wait_message(2301, passes);
  }
  void wait_state(Dp::State state) {
    const auto good = [&](const v1::Package& p) { return !p.pass_open() && p.dps(0).state() == state; };
    const auto found = polls_->wait<v1::Package>(
        kMaxWait, [&] { return show_package(*site_, "LON00001"); }, good);
    ASSERT_TRUE(found.ok() && good(*found));
  }
};

TEST_F(SourcesTest, ACopyProtectsFromEditsOfTheSource) {
  const v1::Package before = distributed(false);
  source("adminpak", {{"adminpak.msi", "edited bytes"}});
  refresh_dp(3);
  EXPECT_EQ(held().message(), 2384u);
  EXPECT_EQ(held().hash().sha1(), before.hash().sha1());
}

// Semantics 3.4, kind B.
TEST_F(SourcesTest, ADirectPackageSendsTheSourceAsItIs) {
  const v1::Package before = distributed(true);
  EXPECT_EQ(held().message(), 2384u);
  source("adminpak", {{"adminpak.msi", "edited bytes"}, {"new.txt", "new"}});
  const uint64_t seen = last_id();
  refresh_dp(3);
  EXPECT_EQ(ladder("LON00001", seen), "2300 2342 2329 2330 2301");
  const v1::Package after = package();
  EXPECT_EQ(after.source_version(), before.source_version());
  EXPECT_EQ(after.hash().sha1(), before.hash().sha1());
  EXPECT_EQ(after.dps(0).version(), 1u);
  EXPECT_FALSE(after.dps(0).live());
  v1::DpValidation found = held();
  EXPECT_EQ(found.message(), 2382u);
  EXPECT_THAT(found.wrong(), ElementsAre("adminpak.msi", "new.txt"));
  EXPECT_NE(found.hash().sha1(), before.hash().sha1());
  EXPECT_THAT(staged_contents(), IsEmpty()) << "what was read for the DP is gone";

  // Assigned anew it is the same; updated it is cured.
  ASSERT_TRUE(remove(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_message(2301, 4);
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_message(2301, 5);
  EXPECT_EQ(held().message(), 2382u);
  ASSERT_TRUE(update_package(*site_, *imports_, "LON00001").ok());
  wait_message(2301, 6);
  EXPECT_EQ(held().message(), 2384u);
  EXPECT_EQ(held().hash().sha1(), found.hash().sha1());
  EXPECT_EQ(package().hash().sha1(), found.hash().sha1());

  // So does the old source, sent again.
  source("adminpak", {{"adminpak.msi", "edited once more"}});
  refresh_dp(7);
  EXPECT_EQ(held().message(), 2382u);
  source("adminpak", {{"adminpak.msi", "edited bytes"}});
  refresh_dp(8);
  EXPECT_EQ(held().message(), 2384u);
}

TEST_F(SourcesTest, AFileThatIsGoneFromTheSourceIsMissingOnTheDp) {
  distributed(true);
  std::filesystem::remove(folder_ + "/adminpak/sub/readme.txt");
  refresh_dp(3);
  EXPECT_EQ(held().message(), 2385u);
  EXPECT_THAT(held().missing(), ElementsAre("sub/readme.txt"));
}

TEST_F(SourcesTest, ADirectPackageWithoutItsSourceIsTriedAgain) {
  distributed(true);
  std::filesystem::rename(folder_ + "/adminpak", folder_ + "/elsewhere");
  const uint64_t before = last_id();
  ASSERT_TRUE(refresh(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_message(2302);
  wait_state(Dp::INSTALL_RETRYING);
  EXPECT_EQ(ladder("LON00001", before), "2300 2306 2302");
  EXPECT_EQ(package().dps(0).win32_error(), 3u);
  EXPECT_EQ(held().message(), 2384u) << "the DP keeps what it has";
  std::filesystem::rename(folder_ + "/elsewhere", folder_ + "/adminpak");
  const uint64_t mended = last_id();
  clock_.advance(std::chrono::minutes(30));
  wait_message(2301, 3);
  EXPECT_EQ(ladder("LON00001", mended), "2300 2342 2329 2330 2301");
}

// Refuses one file, as a file system does to a user without rights.
class RefusingEnv final : public smslab::testing::ForwardingEnv {
 public:
  using ForwardingEnv::ForwardingEnv;
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    if (path.ends_with(refused)) return from_errno(EACCES, "cannot open " + path);
    return under_.open(path);
  }
  std::string refused = "/nothing";
};

TEST_F(SourcesTest, AFileThatMayNotBeReadIsNamed) {
  RefusingEnv env(posix_env());
  env_ = &env;
  restart_site();
  const v1::Package old = distributed(false);
  source("adminpak", {{"adminpak.msi", "edited bytes"}});
  env.refused = "sub/readme.txt";
  const uint64_t before = last_id();
  const auto updated = update_package(*site_, *imports_, "LON00001");
  EXPECT_EQ(updated.status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(updated.status().field(), "source");
  EXPECT_EQ(ladder("LON00001", before), "2300 2307 2302");
  EXPECT_THAT(messages({.after = before})[1].insertion_strings(2), HasSubstr("sub/readme.txt"));
  EXPECT_EQ(package().source_version(), 1u);
  EXPECT_EQ(package().hash().sha1(), old.hash().sha1());
  EXPECT_EQ(held().message(), 2384u);
  EXPECT_THAT(staged_contents(), IsEmpty());
  env.refused = "/nothing";
  EXPECT_TRUE(update_package(*site_, *imports_, "LON00001").ok());
  wait_settled();
  close_site();  // before its file system goes
  env_ = &posix_env();
  open_site();
}

TEST_F(SourcesTest, ALockedFileIsALineOfTheLogAlone) {
  distributed(false);
  const uint64_t before = last_id();
  const auto refused = [&] {
    const auto updated = update_package(*site_, *imports_, "LON00001");
    EXPECT_EQ(updated.status().code(), Code::kFailedPrecondition);
    EXPECT_EQ(updated.status().field(), "source");
    EXPECT_THAT(updated.status().message(), HasSubstr("adminpak.msi is locked by another program"));
    EXPECT_EQ(last_id(), before);
    EXPECT_EQ(package().source_version(), 1u);
  };
  const int file = ::open((folder_ + "/adminpak/adminpak.msi").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(file, 0);
  ASSERT_EQ(::flock(file, LOCK_EX), 0);
  refused();
  EXPECT_THAT(distmgr_->lines(), Contains(HasSubstr("~Cannot read the source of package LON00001, error = 32")));
  ASSERT_EQ(::flock(file, LOCK_UN), 0);
  struct flock write_lock {};
  write_lock.l_type = F_WRLCK;
  write_lock.l_whence = SEEK_SET;
  ASSERT_EQ(::fcntl(file, F_OFD_SETLK, &write_lock), 0);
  refused();
  ::close(file);
  EXPECT_TRUE(update_package(*site_, *imports_, "LON00001").ok());
}

TEST_F(SourcesTest, ValidationFindsDamageAndPackagesThatAreNotThere) {
  distributed(false);
  v1::FaultRule rule;
  rule.mutable_match()->set_dp(kDp);
  rule.mutable_match()->set_package("LON00001");
  rule.mutable_match()->set_file("adminpak.msi");
  rule.mutable_corrupt();
  const auto placed = add_fault(*site_, dps_, rule);
  ASSERT_TRUE(placed.ok());
  const uint64_t before = last_id();
  const v1::DpValidation found = held();
  EXPECT_EQ(ladder("LON00001", before), "2380 2382");
  EXPECT_THAT(found.wrong(), ElementsAre("adminpak.msi"));
  EXPECT_EQ(found.hash().sha1(), placed->foretold().package().sha1());
  points_.erase(kDp);
  EXPECT_EQ(held().message(), 2383u);
  EXPECT_FALSE(held().error().empty());
  EXPECT_EQ(validate_package(*site_, dps_, "LON00001", on({kDp2})).status().code(), Code::kNotFound);
  add_dp(kDp2);
  const auto elsewhere = validate_package(*site_, dps_, "LON00001", on({kDp2}));
  EXPECT_EQ(elsewhere.status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(elsewhere.status().field(), "dps");
}

TEST_F(SourcesTest, AScheduleUpdatesByItself) {
  add_dp(kDp);
  v1::Package wanted = request();
  wanted.set_direct(true);
  wanted.add_schedule("every 1d from 2026-11-21T20:00:00Z");
  const v1::Package made = create(wanted);
  const auto day = [](int n) {
    return to_timestamp(*parse_rfc3339("2026-11-21T20:00:00Z") + std::chrono::hours(24 * n)).seconds();
  };
  EXPECT_EQ(made.next_update().seconds(), day(1));
  EXPECT_THAT(made.schedule(0), ::testing::MatchesRegex("[0-9A-F]{16}"));
  manager_->start();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_message(2301, 2);
  source("adminpak", {{"adminpak.msi", "edited bytes"}});
  uint64_t before = last_id();
  clock_.advance(std::chrono::hours(24));
  wait_message(2301, 3);
  EXPECT_EQ(ladder("LON00001", before), "2300 2311 2342 2329 2330 2301");
  EXPECT_EQ(package().source_version(), 2u);
  EXPECT_EQ(package().next_update().seconds(), day(2));
  EXPECT_EQ(held().message(), 2384u);

  // Ten days at once are one update, and a restart forgets nothing.
  restart_site();
  clock_.advance(std::chrono::hours(24 * 10));
  manager_->start();
  wait_message(2301, 4);
  EXPECT_EQ(package().source_version(), 3u);
  EXPECT_EQ(package().next_update().seconds(), day(12));

  // Without a source it is tried again at the interval of retries.
  std::filesystem::rename(folder_ + "/adminpak", folder_ + "/elsewhere");
  before = last_id();
  clock_.advance(std::chrono::hours(24));
  wait_message(2302);
  EXPECT_EQ(ladder("LON00001", before), "2300 2306 2302");
  std::filesystem::rename(folder_ + "/elsewhere", folder_ + "/adminpak");
  const auto postponed = [&](const v1::Package& p) {
    return from_timestamp(p.next_update()) == clock_.now() + std::chrono::minutes(30);
  };
  const auto found = polls_->wait<v1::Package>(
      kMaxWait, [&] { return show_package(*site_, "LON00001"); }, postponed);
  ASSERT_TRUE(found.ok() && postponed(*found));
  clock_.advance(std::chrono::minutes(30));
  wait_message(2301, 5);
  EXPECT_EQ(package().source_version(), 4u);
}

TEST_F(SourcesTest, SchedulesThatCannotBe) {
  v1::Package wanted = request();
  wanted.add_schedule("every 1d");
  auto made = create_package(*site_, *imports_, wanted);
  EXPECT_EQ(made.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(made.status().field(), "schedule");
  wanted.set_direct(true);
  wanted.set_schedule(0, "every now and then");
  EXPECT_EQ(create_package(*site_, *imports_, wanted).status().field(), "schedule");
  for (int n = 0; n < 16; n++) wanted.add_schedule("every 1d");
  EXPECT_EQ(create_package(*site_, *imports_, wanted).status().field(), "schedule");
  EXPECT_EQ(list_packages(*site_)->packages_size(), 0);
  wanted.clear_schedule();
  wanted.add_schedule("every 1d");
  ASSERT_EQ(create(wanted).schedule_size(), 1);

  v1::Package change;
  change.set_direct(false);
  EXPECT_EQ(set_package(*site_, "LON00001", change).status().field(), "schedule");
  EXPECT_TRUE(package().direct());
  change.add_schedule("none");
  ASSERT_TRUE(set_package(*site_, "LON00001", change).ok());
  EXPECT_EQ(package().schedule_size(), 0);
  EXPECT_FALSE(package().has_next_update());
}

}  // namespace
}  // namespace smslab::mp
