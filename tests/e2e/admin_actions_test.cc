// What an administrator does, row by row (docs/site.md): status messages in order, states, versions, the hash in policy
// and the bytes on each distribution point, before and after. And the two kinds of hash mismatch, each with what cures
// it and what does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "proto/base/digest.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/base/tree_hash.h"
#include "proto/base/utf16.h"
#include "proto/control/client.h"
#include "proto/schema/timestamp.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using testing::HasSubstr;

const char kFirst[] = "LON-DCSMS-01";
const char kSecond[] = "LON-DP-02";
const char kClient[] = "WRK-LON-001";
using Files = std::map<std::string, std::string>;  // path -> bytes
const Files kOriginal = {{"data/read me.txt", "hello\n"}, {"setup.exe", "the program"}};
const Files kEdited = {{"data/read me.txt", "hello\n"}, {"more.txt", "one more"}, {"setup.exe", "another program"}};

std::string hash_of(const Files& files) {
  PackageTree tree;
  for (const auto& [path, bytes] : files) tree.add_file(path, content_digests(bytes));
  return tree.hash(Algorithm::kSha1);
}

class AdminActions : public testing::Test {
 protected:
  AdminActions() { put(kOriginal); }

  // ---- the source
  std::string source() const { return lab_.folder() + "/source"; }
  void put(const Files& files) {
    std::filesystem::remove_all(source());
    for (const auto& [path, bytes] : files) write(source() + "/" + path, bytes);
  }

  // ---- what is done
  void create(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"package",  "create", "LON00001",  "--name",           "Tools",
                                          "--source", source(), "--program", "Install=setup.exe"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    lab_.must(arguments);
  }
  void on(const std::string& verb, const std::string& dp) {
    lab_.must({"package", verb, "LON00001", "--dp", dp, "--wait"});
  }
  void update() { lab_.must({"package", "update", "LON00001", "--wait"}); }
  void advertise() {
    lab_.must({"collection", "create", "Admin Systems", "--member", kClient});
    lab_.must({"advert", "create", "LON20000", "--package", "LON00001", "--program", "Install", "--collection",
               "Admin Systems", "--mandatory", "now", "--rerun", "always", "--download"});
  }
  // A package on both DPs, advertised.
  void set_up(const std::vector<std::string>& more = {}) {
    create(more);
    on("distribute", kFirst);
    on("distribute", kSecond);
    advertise();
  }
  void damage(const std::string& dp) {
    lab_.must({"fault", "add", R"({"match":{"dp":")" + dp + R"(","package":"LON00001"},"corrupt":{}})"});
  }

  // ---- what there is
  v1::Package package() { return lab_.json<v1::Package>({"package", "show", "LON00001"}); }
  std::string state(const std::string& dp) {
    const v1::Package now = package();
    for (const auto& row : now.dps()) {
      if (row.dp() == dp) return v1::PackageDp::State_Name(row.state()) + " " + std::to_string(row.version());
    }
    return "none";
  }
  std::string fetch(const std::string& dp, const std::string& path, int* status) {
    control::HttpClient http({.base = lab_.dp(dp), .token = {}, .bind = {}});
    const auto reply = http.send({.method = "GET", .target = "/SMS_DP_SMSPKGC$/" + path});
    EXPECT_TRUE(reply.ok());
    *status = reply.ok() ? reply->status : 0;
    return reply.ok() ? reply->body : "";
  }
  // The bytes that a DP serves as this version; empty when it serves none of them.
  Files served(const std::string& dp, uint32_t version) {
    Files files;
    for (const char* path : {"data/read%20me.txt", "more.txt", "setup.exe"}) {
      int status = 0;
      std::string bytes = fetch(dp, "LON00001." + std::to_string(version) + "/" + path, &status);
      if (status != 200) continue;
      files[path == std::string("data/read%20me.txt") ? "data/read me.txt" : path] = std::move(bytes);
    }
    return files;
  }
  // What a client knows of the package after asking for its policy: "version hash", "" when nothing is offered to it.
  std::string policy() {
    (void)lab_.client(kClient, {"--download-only"});
    const std::string folder = lab_.folder() + "/" + kClient + "/state/policies";
    std::string known;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (!entry.path().filename().string().starts_with("LON20000")) continue;
      const auto body = utf8_from_utf16le(read(entry.path().string()));
      EXPECT_TRUE(body.ok());
      known = property(*body, "PKG_SourceVersion") + " " + property(*body, "PKG_SourceHash");
    }
    return known;
  }
  static std::string property(const std::string& mof, const std::string& name) {
    const std::string begin = name + " = \"";
    const size_t at = mof.find(begin);
    EXPECT_NE(at, std::string::npos) << name;
    if (at == std::string::npos) return "";
    return mof.substr(at + begin.size(), mof.find('"', at + begin.size()) - at - begin.size());
  }
  // The messages that came since the last call.
  std::string messages() {
    v1::StatusMessageList list;
    EXPECT_TRUE(ask("GET", "/api/v1/status-messages?after=" + std::to_string(seen_), nullptr, &list).ok());
    std::string ids;
    for (const auto& message : list.status_messages()) {
      seen_ = message.id();
      if (message.client().empty()) ids += (ids.empty() ? "" : " ") + std::to_string(message.message_id());
    }
    return ids;
  }
  // What a client that downloads the package comes to, with its run of the program.
  int run() { return lab_.client(kClient, {"--mif", "Success"}).exit_status; }
  template <class M>
  Status ask(const std::string& method, const std::string& target, const google::protobuf::Message* body, M* reply) {
    return control::HttpClient({.base = lab_.ready().control(), .token = {}, .bind = {}})
        .call(method, target, body, reply);
  }

  Lab lab_{{"--profile", "2003", "--clock", "2026-11-21T20:00:00Z", "--dp", std::string(kFirst) + "=127.0.0.1:0",
            "--dp", std::string(kSecond) + "=127.0.0.1:0"}};
  uint64_t seen_ = 0;
  const std::string original_ = "1 " + hash_of(kOriginal);
};

// ---- row 1
TEST_F(AdminActions, CreateAPackage) {
  create({"--program", "Remove=setup.exe /x"});
  EXPECT_EQ(messages(), "30000 30003 30003 2300 2311 2301");
  EXPECT_EQ(package().source_version(), 1u);
  EXPECT_EQ(package().hash().sha1(), hash_of(kOriginal));
  EXPECT_EQ(package().summary().targeted(), 0u);
  EXPECT_EQ(served(kFirst, 1), Files());
}

// ---- row 2
TEST_F(AdminActions, ChangeItsDataOrItsPrograms) {
  set_up();
  EXPECT_EQ(policy(), original_);
  (void)messages();
  put(kEdited);  // is not read
  lab_.must({"package", "set", "LON00001", "--name", "Better tools", "--manufacturer", "Contoso", "--version", "5.2",
             "--language", "English"});
  EXPECT_EQ(messages(), "30001 2300 2311 2301");
  lab_.must({"program", "create", "LON00001", "--name", "Repair", "--command", "setup.exe /r"});
  EXPECT_EQ(messages(), "30003 2300 2311 2301");
  lab_.must({"program", "set", "LON00001", "--name", "Repair", "--command", "setup.exe /repair", "--duration", "30",
             "--user-context"});
  EXPECT_EQ(messages(), "30004 2300 2311 2301");
  const v1::Package now = package();
  EXPECT_EQ(now.manufacturer(), "Contoso");
  EXPECT_EQ(now.programs(1).command_line(), "setup.exe /repair");
  EXPECT_EQ(now.programs(1).duration_minutes(), 30u);
  EXPECT_TRUE(now.programs(1).user_context());
  lab_.must({"program", "delete", "LON00001", "--name", "Repair"});
  EXPECT_EQ(messages(), "30005 2300 2311 2301");
  EXPECT_EQ(policy(), original_);
  EXPECT_EQ(lab_.json<v1::Advert>({"advert", "show", "LON20000"}).policy_version(), 2u) << "rewritten by the first";
  EXPECT_EQ(served(kFirst, 1), kOriginal);
}

// ---- row 3
TEST_F(AdminActions, AssignADp) {
  create();
  advertise();
  (void)messages();
  on("distribute", kFirst);
  EXPECT_EQ(messages(), "30009 2300 2342 2329 2330 2301");
  EXPECT_EQ(state(kFirst), "INSTALLED 1");
  EXPECT_EQ(state(kSecond), "none");
  EXPECT_EQ(served(kFirst, 1), kOriginal);
  EXPECT_EQ(served(kSecond, 1), Files());
  EXPECT_EQ(policy(), original_);
}

TEST_F(AdminActions, AssignADirectPackageReadsTheSource) {
  create({"--direct"});
  advertise();
  (void)messages();
  put(kEdited);
  on("distribute", kFirst);
  EXPECT_EQ(messages(), "30009 2300 2342 2329 2330 2301");
  EXPECT_EQ(state(kFirst), "INSTALLED 1");
  EXPECT_EQ(served(kFirst, 1), kEdited);
  EXPECT_EQ(policy(), original_);
  int status = 0;
  EXPECT_THAT(fetch(kFirst, "LON00001.1.manifest", &status), HasSubstr(hash_of(kEdited)))
      << "the manifest says what the DP holds";
}

// ---- row 4
TEST_F(AdminActions, EditTheSource) {
  set_up({"--direct"});
  (void)messages();
  put(kEdited);
  EXPECT_EQ(messages(), "");
  EXPECT_EQ(package().hash().sha1(), hash_of(kOriginal));
  EXPECT_EQ(served(kFirst, 1), kOriginal);
  EXPECT_EQ(policy(), original_);
}

// ---- row 5
TEST_F(AdminActions, UpdateAllDps) {
  set_up();
  EXPECT_EQ(policy(), original_);
  (void)messages();
  put(kEdited);
  update();
  EXPECT_EQ(messages(), "2300 2311 2342 2329 2330 2342 2329 2330 2301");
  for (const char* dp : {kFirst, kSecond}) {
    EXPECT_EQ(state(dp), "INSTALLED 2");
    EXPECT_EQ(served(dp, 2), kEdited);
    EXPECT_EQ(served(dp, 1), Files());
  }
  EXPECT_EQ(policy(), "2 " + hash_of(kEdited));
  EXPECT_EQ(lab_.json<v1::Advert>({"advert", "show", "LON20000"}).policy_version(), 2u);
}

// ---- row 6
TEST_F(AdminActions, ScheduledUpdate) {
  set_up({"--direct", "--schedule", "every 1d from 2026-11-21T20:00:00Z"});
  EXPECT_EQ(policy(), original_);
  (void)messages();
  put(kEdited);
  lab_.must({"clock", "advance", "23h"});
  EXPECT_EQ(messages(), "");
  lab_.must({"clock", "advance", "1h"});
  v1::Package now;
  while (now.source_version() != 2 || now.pass_open()) {
    ASSERT_TRUE(ask("GET", "/api/v1/packages/LON00001?wait_ms=10000", nullptr, &now).ok());
  }
  EXPECT_EQ(messages(), "2300 2311 2342 2329 2330 2342 2329 2330 2301");
  EXPECT_EQ(served(kFirst, 2), kEdited);
  EXPECT_EQ(served(kSecond, 2), kEdited);
  EXPECT_EQ(policy(), "2 " + hash_of(kEdited));
  EXPECT_EQ(format_rfc3339(from_timestamp(now.next_update())), "2026-11-23T20:00:00Z");
}

// ---- row 7
TEST_F(AdminActions, RefreshChosenDps) {
  set_up();
  (void)messages();
  put(kEdited);
  on("refresh", kFirst);
  EXPECT_EQ(messages(), "2300 2342 2329 2330 2301");
  EXPECT_EQ(state(kFirst), "INSTALLED 1");
  EXPECT_EQ(served(kFirst, 1), kOriginal) << "the site's copy";
  EXPECT_EQ(policy(), original_);
}

TEST_F(AdminActions, RefreshOfADirectPackageReadsTheSource) {
  set_up({"--direct"});
  (void)messages();
  put(kEdited);
  on("refresh", kSecond);
  EXPECT_EQ(messages(), "2300 2342 2329 2330 2301");
  EXPECT_EQ(state(kSecond), "INSTALLED 1");
  EXPECT_EQ(package().hash().sha1(), hash_of(kOriginal));
  EXPECT_EQ(served(kFirst, 1), kOriginal) << "was not chosen";
  EXPECT_EQ(served(kSecond, 1), kEdited);
  EXPECT_EQ(policy(), original_);
}

// ---- row 9
TEST_F(AdminActions, RemoveFromADp) {
  set_up();
  (void)messages();
  on("remove", kFirst);
  EXPECT_EQ(messages(), "30011 2300 2301");
  EXPECT_EQ(state(kFirst), "none");
  EXPECT_EQ(state(kSecond), "INSTALLED 1");
  EXPECT_EQ(served(kFirst, 1), Files());
  EXPECT_EQ(served(kSecond, 1), kOriginal);
  EXPECT_EQ(policy(), original_);
  EXPECT_EQ(run(), 0) << "from the other one";
}

// ---- row 10
TEST_F(AdminActions, DeleteThePackage) {
  set_up();
  EXPECT_EQ(policy(), original_);
  (void)messages();
  lab_.must({"package", "delete", "LON00001"});
  v1::Package left;
  while (ask("GET", "/api/v1/packages/LON00001?wait_ms=10000", nullptr, &left).ok()) {
  }
  EXPECT_EQ(messages(), "30002 30005 30008 2300 2301");
  EXPECT_EQ(served(kFirst, 1), Files());
  EXPECT_EQ(served(kSecond, 1), Files());
  EXPECT_EQ(lab_.cli({"advert", "show", "LON20000"}).exit_status, 1);
  EXPECT_EQ(policy(), "");
  ASSERT_EQ(lab_.stop(), 0);
  EXPECT_THAT(listing(lab_.data() + "/site/blobs"), testing::Not(HasSubstr(" "))) << "no content is left";
}

// ---- row 11, an extension
TEST_F(AdminActions, ValidateContent) {
  set_up();
  damage(kSecond);
  (void)messages();
  EXPECT_EQ(lab_.cli({"package", "validate", "LON00001", "--dp", kFirst}).exit_status, 0);
  EXPECT_EQ(messages(), "2380 2384");
  const Finished bad = lab_.cli({"package", "validate", "LON00001", "--dp", kFirst, kSecond});
  EXPECT_EQ(bad.exit_status, 1);
  EXPECT_THAT(bad.out, HasSubstr("wrong: "));
  EXPECT_EQ(messages(), "2380 2384 2380 2382");
  EXPECT_EQ(state(kSecond), "INSTALLED 1") << "only looked at";
}

// ---- rows 12 and 13
TEST_F(AdminActions, CreateChangeAndDeleteAnAdvert) {
  create();
  on("distribute", kFirst);
  (void)messages();
  EXPECT_EQ(policy(), "");
  advertise();
  EXPECT_THAT(messages(), testing::EndsWith("30006"));
  EXPECT_EQ(policy(), original_);
  v1::Advert change, changed;
  change.set_rerun(v1::Advert::NEVER);
  ASSERT_TRUE(ask("PATCH", "/api/v1/adverts/LON20000", &change, &changed).ok());
  EXPECT_EQ(messages(), "30007");
  EXPECT_EQ(changed.policy_version(), 2u);
  EXPECT_EQ(policy(), original_);
  lab_.must({"advert", "delete", "LON20000"});
  EXPECT_EQ(messages(), "30008");
  EXPECT_EQ(policy(), "");
  EXPECT_EQ(served(kFirst, 1), kOriginal);
}

// ---- kind A: a damaged copy. Clients of that DP fail, and the site knows nothing of it.
class DamagedCopy : public AdminActions {
 protected:
  void SetUp() override {
    create();
    on("distribute", kFirst);
    advertise();
    damage(kFirst);
    EXPECT_EQ(run(), 1);
    EXPECT_NE(served(kFirst, 1), kOriginal);
    EXPECT_EQ(state(kFirst), "INSTALLED 1");
  }
};

TEST_F(DamagedCopy, RefreshCures) {
  on("refresh", kFirst);
  EXPECT_EQ(served(kFirst, 1), kOriginal);
  EXPECT_EQ(run(), 0);
}

TEST_F(DamagedCopy, UpdateCures) {
  update();
  EXPECT_EQ(served(kFirst, 2), kOriginal);
  EXPECT_EQ(run(), 0);
}

TEST_F(DamagedCopy, RemovingAndAssigningAgainCures) {
  on("remove", kFirst);
  on("distribute", kFirst);
  EXPECT_EQ(run(), 0);
}

TEST_F(DamagedCopy, OtherDpsAreGood) {
  on("distribute", kSecond);
  EXPECT_EQ(served(kSecond, 1), kOriginal);
  on("remove", kFirst);
  EXPECT_EQ(run(), 0);
}

// ---- kind B: the source was edited, then copied without an update.
class EditedSource : public AdminActions {
 protected:
  void SetUp() override {
    set_up({"--direct"});
    put(kEdited);
    on("refresh", kFirst);
    EXPECT_EQ(policy(), original_);
    EXPECT_EQ(served(kFirst, 1), kEdited);
    EXPECT_EQ(served(kSecond, 1), kOriginal);
  }
  // Every DP serves what policy says, and a client that downloads it is content.
  void cured(uint32_t version, const Files& files) {
    EXPECT_EQ(served(kFirst, version), files);
    EXPECT_EQ(served(kSecond, version), files);
    EXPECT_EQ(policy(), std::to_string(version) + " " + hash_of(files));
    EXPECT_EQ(run(), 0);
  }
};

TEST_F(EditedSource, RefreshSpreadsIt) {
  on("refresh", kSecond);
  EXPECT_EQ(served(kSecond, 1), kEdited);
  EXPECT_EQ(run(), 1);
  on("refresh", kFirst);
  EXPECT_EQ(run(), 1);
}

TEST_F(EditedSource, UpdateCures) {
  update();
  cured(2, kEdited);
}

TEST_F(EditedSource, TheOldSourceRefreshedCures) {
  put(kOriginal);
  on("refresh", kFirst);
  cured(1, kOriginal);
}

TEST_F(EditedSource, RemovingAndAssigningAgainDoesNotCure) {
  on("remove", kFirst);
  on("distribute", kFirst);
  EXPECT_EQ(served(kFirst, 1), kEdited);
  on("remove", kSecond);
  EXPECT_EQ(run(), 1);
}

TEST_F(AdminActions, TheSitesCopyPreventsKindB) {
  set_up();
  put(kEdited);
  on("refresh", kFirst);
  on("remove", kSecond);
  on("distribute", kSecond);
  EXPECT_EQ(served(kFirst, 1), kOriginal);
  EXPECT_EQ(served(kSecond, 1), kOriginal);
  EXPECT_EQ(run(), 0);
}

}  // namespace
}  // namespace smslab::test
