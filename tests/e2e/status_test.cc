// The status message viewer against a lab that comes and goes, the files beside the store, and one client's whole
// record.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <thread>

#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using testing::HasSubstr;

class StatusViewer : public testing::Test {
 protected:
  // Until it is so or the program ends: its output is a file, and nothing tells of a file's growth.
  static void until(Process& program, const std::function<bool()>& so) {
    while (!so() && program.running()) std::this_thread::yield();
    EXPECT_TRUE(so()) << program.out() << program.err();
  }
  static size_t count(const std::string& text, const std::string& part) {
    size_t n = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) n++;
    return n;
  }
  std::unique_ptr<Process> follow(std::vector<std::string> more = {}) {
    std::vector<std::string> command = {SMSLAB_BINARY, "status", "--data", lab_.data(), "--follow"};
    command.insert(command.end(), more.begin(), more.end());
    return std::make_unique<Process>(command, lab_.folder(), "follow");
  }

  Lab lab_;
};

TEST_F(StatusViewer, FollowsThroughARestartAndEndsWhenInterrupted) {
  lab_.must({"collection", "create", "One"});
  const auto viewer = follow();
  until(*viewer, [&] { return viewer->out().find("30015") != std::string::npos; });
  lab_.must({"collection", "create", "Two"});
  until(*viewer, [&] { return viewer->out().find("(Two)") != std::string::npos; });
  EXPECT_EQ(lab_.stop(), 0);
  until(*viewer, [&] { return viewer->err().find("going on when it is back") != std::string::npos; });
  lab_.restart();  // on another port
  lab_.must({"collection", "create", "Three"});
  until(*viewer, [&] { return viewer->out().find("(Three)") != std::string::npos; });
  EXPECT_THAT(viewer->err(), HasSubstr("the lab answers again"));
  viewer->signal(SIGINT);
  const Finished finished = viewer->wait();
  EXPECT_EQ(finished.exit_status, 0);
  for (const char* once : {"(One)", "(Two)", "(Three)", "COMPONENT"}) EXPECT_EQ(count(finished.out, once), 1u);
  EXPECT_EQ(count(finished.err, "going on when it is back"), 1u);
}

TEST_F(StatusViewer, FollowsOnlyWhatIsAskedFor) {
  const auto viewer = follow({"--severity", "warning", "--json"});
  lab_.must({"collection", "create", "One"});
  viewer->signal(SIGINT);
  const Finished finished = viewer->wait();
  EXPECT_THAT(finished.out, testing::Not(HasSubstr("30015")));
  const Finished bad = lab_.cli({"status", "--follow", "--severity", "bad"});
  EXPECT_EQ(bad.exit_status, 1);
  EXPECT_THAT(bad.err, HasSubstr("[severity]"));
}

TEST_F(StatusViewer, NoLabToFollow) {
  EXPECT_EQ(lab_.stop(), 0);
  const auto viewer = follow();
  const Finished finished = viewer->wait();
  EXPECT_EQ(finished.exit_status, 1);
  EXPECT_THAT(finished.err, HasSubstr("smslab serve"));
}

TEST_F(StatusViewer, ListsTheCatalogueAndTheComponents) {
  EXPECT_THAT(lab_.must({"status", "catalogue"}), HasSubstr("\n2330   I  M  SMS_DISTRIBUTION_MANAGER "));
  EXPECT_THAT(lab_.must({"status", "catalogue", "--json"}), HasSubstr("\"textKind\":\"EXACT\""));
  lab_.must({"collection", "create", "One"});
  EXPECT_THAT(lab_.must({"status", "components"}), HasSubstr("SMS Provider                          OK "));
}

TEST(Inboxes, AreWrittenWhenAskedFor) {
  Lab lab({"--inboxes", "AST,CEN"});
  write(lab.folder() + "/source/setup.exe", "x");
  lab.must({"package", "create", "LON00001", "--name", "Tools", "--source", lab.folder() + "/source"});
  const std::string inboxes = lab.data() + "/site/inboxes";
  EXPECT_THAT(read(inboxes + "/pkginfo.box/LON00001.pkg"), HasSubstr("Name=Tools\r\n"));
  EXPECT_THAT(read(inboxes + "/replmgr.box/LON00001.RPT"), HasSubstr("Site=AST\r\nSite=CEN\r\n"));
  EXPECT_TRUE(std::filesystem::is_directory(inboxes + "/pkginfo.box/LON00001.ico"));
  EXPECT_EQ(lab.stop(), 0);
  const Finished bad = run({SMSLAB_BINARY, "serve", "--data", lab.data(), "--inboxes", "AST,LONDON"}, lab.folder());
  EXPECT_EQ(bad.exit_status, 1);
  EXPECT_THAT(bad.err, HasSubstr("[--inboxes]"));
  lab.restart({"--inboxes"});
  EXPECT_FALSE(std::filesystem::exists(inboxes + "/replmgr.box/LON00001.RPT"));
  lab.must({"package", "delete", "LON00001"});
  EXPECT_FALSE(std::filesystem::exists(inboxes + "/pkginfo.box/LON00001.pkg"));
  EXPECT_FALSE(std::filesystem::exists(inboxes + "/pkginfo.box/LON00001.ico"));
}

TEST(ClientRecord, ShowsWhatAClientDid) {
  Lab lab;
  EXPECT_EQ(lab.client("WRK-LON-001").exit_status, 0);
  const auto shown = lab.json<v1::Client>({"client", "show", "WRK-LON-001"});
  EXPECT_TRUE(shown.registered());
  EXPECT_TRUE(shown.has_last_policy());
  EXPECT_TRUE(shown.has_last_policy_body());
  EXPECT_FALSE(shown.client_version().empty());
  EXPECT_THAT(lab.must({"client", "show", "WRK-LON-001"}), HasSubstr("\npolicy fetched  20"));
  EXPECT_EQ(lab.stop(), 0);
  EXPECT_THAT(read(lab.data() + "/logs/MP_Policy.log"), HasSubstr("WRK-LON-001"));
  lab.restart();
  EXPECT_TRUE(lab.json<v1::Client>({"client", "show", "WRK-LON-001"}).has_last_policy_body());
}

}  // namespace
}  // namespace smslab::test
