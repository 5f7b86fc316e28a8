// The plan of a real lab: what it says beforehand is what then happens to each client, whoever else asks, and however
// many threads serve.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "proto/base/uri.h"
#include "proto/codec/json.h"
#include "proto/schema/plan.pb.h"
#include "tests/support/http_probe.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kAttempts = 20;
constexpr int kClients = 64;
constexpr const char* kNow = "2026-11-21T20:00:00Z";
constexpr const char* kDp = "LON-DCSMS-01";
constexpr const char* kRoot = "/SMS_DP_SMSPKG$/LON00001/";
const std::vector<std::string> kRules = {
    R"({"match":{"route":"content","method":"GET"},"when":{"probability":0.4},"status":{"code":503}})",
    R"({"match":{"dp":"LON-DCSMS-01","file":"readme.txt"},"when":{"every":"3"},"limit":"2","status":{"code":403}})",
    R"({"match":{"route":"propfind"},"when":{"after":"5","probability":0.5},"status":{"code":405}})"};

// "content GET a.txt": the status of each attempt, 200 or 207 where nothing happens.
using Outcomes = std::map<std::string, std::vector<int>>;

class PlannedLab {
 public:
  PlannedLab(const std::string& seed, const std::string& workers)
      : lab_({"--seed", seed, "--workers", workers, "--clock", kNow}) {
    write(lab_.folder() + "/source/adminpak.msi", std::string(5000, 'm'));
    write(lab_.folder() + "/source/readme.txt", "hello\n");
    lab_.must({"package", "create", "LON00001", "--name", "Tools", "--source", lab_.folder() + "/source"});
    lab_.must({"package", "distribute", "LON00001", "--dp", kDp, "--wait"});
    for (const auto& rule : kRules) lab_.must({"fault", "add", rule});
  }
  const Lab& lab() const { return lab_; }

  v1::FaultPlan plan(const std::string& address) const {
    return lab_.json<v1::FaultPlan>(
        {"fault", "plan", "--address", address, "--package", "LON00001", "--attempts", std::to_string(kAttempts)});
  }
  // What that client then meets.
  Outcomes meet(const std::string& address) const {
    Outcomes met;
    const auto ask = [&](const std::string& route, const std::string& method, const std::string& file) {
      for (int i = 0; i < kAttempts; i++) {
        HttpProbe probe(parse_url(lab_.dp(), "url")->at, address);
        const int status = probe.ask(method, kRoot + file, "Depth: infinity\r\n").status;
        met[route + " " + method + " " + file].push_back(status);
      }
    };
    ask("propfind", "PROPFIND", "");
    for (const char* file : {"adminpak.msi", "readme.txt"}) {
      ask("content", "HEAD", file);
      ask("content", "GET", file);
    }
    return met;
  }

 private:
  Lab lab_;
};

// The statuses that the plan's rules make, by the last that acts.
Outcomes told(const v1::FaultPlan& plan) {
  const std::map<std::string, int> codes = {{"1", 503}, {"2", 403}, {"3", 405}};
  Outcomes out;
  for (const auto& resource : plan.resources()) {
    const v1::FaultMatch& asked = resource.asked();
    if (asked.role() != v1::FaultMatch::DP || asked.route() == "connection") continue;
    auto& statuses = out[asked.route() + " " + asked.method() + " " + asked.file()];
    for (const auto& attempt : resource.attempts()) {
      const int usual = asked.route() == "propfind" ? 207 : 200;
      statuses.push_back(attempt.hits().empty() ? usual : codes.at(attempt.hits().rbegin()->rule()));
    }
  }
  return out;
}

std::string address_of(int client) { return "127.0.4." + std::to_string(client + 1); }

struct Story {
  std::map<std::string, Outcomes> plans;  // by client
  std::string transcript;                 // of all, each on its own
};

// The plans of all clients, which then all ask at once, and get what was planned.
Story all_at_once(const std::string& seed, const std::string& workers) {
  const PlannedLab lab(seed, workers);
  std::map<std::string, Outcomes> plans;
  std::vector<Outcomes> met(kClients);
  for (int i = 0; i < kClients; i++) plans[address_of(i)] = told(lab.plan(address_of(i)));
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; i++) clients.emplace_back([&, i] { met[i] = lab.meet(address_of(i)); });
  for (auto& client : clients) client.join();
  for (int i = 0; i < kClients; i++) EXPECT_EQ(met[i], plans[address_of(i)]) << address_of(i);
  return {std::move(plans), lab.lab().must({"transcript"})};
}

TEST(Plan, IsWhatOneClientThenMeets) {
  const PlannedLab lab("42", "2");
  const Outcomes plan = told(lab.plan("127.0.4.1"));
  EXPECT_EQ(plan.size(), 5u);
  EXPECT_EQ(lab.meet("127.0.4.1"), plan);
  EXPECT_EQ(told(lab.plan("127.0.4.2")).size(), 5u);
  // And goes on from there.
  const Outcomes next = told(lab.plan("127.0.4.1"));
  EXPECT_NE(next, plan);
  EXPECT_EQ(lab.meet("127.0.4.1"), next);
}

TEST(Plan, IsTheSameForManyAtOnceAndAnyNumberOfWorkers) {
  const Story story = all_at_once("42", "1");
  EXPECT_THAT(story.transcript, HasSubstr("127.0.4.64"));
  const auto same = [&](const std::string& workers) {
    const Story again = all_at_once("42", workers);
    EXPECT_EQ(again.plans, story.plans) << workers << " workers";
    EXPECT_TRUE(again.transcript == story.transcript) << workers << " workers tell another transcript";
  };
  same("1");
  same("8");
  same("8");
  const Story other = all_at_once("43", "8");
  EXPECT_NE(other.plans, story.plans) << "another seed";
  EXPECT_NE(other.transcript, story.transcript);
}

TEST(Plan, NeedsNoServer) {
  const auto offline = [](std::vector<std::string> more) {
    const TempFolder folder;
    std::vector<std::string> command = {SMSLAB_BINARY, "fault",    "plan",       "--client", "WRK-LON-001",
                                        "--package",   "LON00001", "--attempts", "20",       "--json"};
    command.insert(command.end(), more.begin(), more.end());
    return run(command, folder.path());
  };
  const Finished none = offline({"--seed", "42"});
  EXPECT_EQ(none.exit_status, 0) << none.err;
  EXPECT_THAT(none.out, Not(HasSubstr("\"rule\"")));

  const std::vector<std::string> rules = {"--rules", kRules[0], "--rules", kRules[2], "--file", "adminpak.msi"};
  const auto with_seed = [&](const std::string& seed) {
    std::vector<std::string> more = rules;
    more.insert(more.end(), {"--seed", seed});
    const Finished finished = offline(more);
    EXPECT_EQ(finished.exit_status, 0) << finished.err;
    return finished.out;
  };
  EXPECT_THAT(with_seed("42"), HasSubstr("\"effect\":\"status\""));
  EXPECT_EQ(with_seed("42"), with_seed("42"));
  EXPECT_NE(with_seed("42"), with_seed("43"));

  const Finished list = offline({"--rules", "[" + kRules[0] + "," + kRules[2] + "]", "--file", "adminpak.msi"});
  EXPECT_EQ(list.exit_status, 0) << list.err;
  EXPECT_THAT(list.out, HasSubstr("\"effect\":\"status\""));

  const Finished never = offline({"--rules", R"({"when":{"probability":2},"emptyBody":{}})"});
  EXPECT_EQ(never.exit_status, 1);
  EXPECT_THAT(never.err, HasSubstr("[rules[0].when.probability]"));
}

TEST(Plan, OfALabThatIsDownIsOfItsRecords) {
  Lab lab({"--seed", "42", "--clock", kNow});
  write(lab.folder() + "/source/readme.txt", "hello\n");
  lab.must({"package", "create", "LON00001", "--name", "Tools", "--source", lab.folder() + "/source"});
  lab.must({"package", "distribute", "LON00001", "--dp", kDp, "--wait"});
  lab.must({"fault", "add", R"({"match":{"route":"content"},"when":{"probability":0.5},"status":{"code":503}})"});
  const std::vector<std::string> question = {"fault",     "plan",     "--seed",     "42", "--client", "WRK-LON-001",
                                             "--package", "LON00001", "--attempts", "20", "--clock",  kNow};
  const std::string running = lab.must(question);
  EXPECT_THAT(running, HasSubstr("readme.txt"));
  EXPECT_THAT(lab.cli({"fault", "plan", "--client", "WRK-LON-001", "--package", "LON00001", "--file", "none.txt"}).err,
              HasSubstr("[asks.file]"));
  // A list of its rules, asked for without it, says the same.
  write(lab.folder() + "/rules.json", lab.must({"fault", "list", "--json"}));
  std::vector<std::string> elsewhere = question;
  elsewhere.insert(elsewhere.end(), {"--rules", lab.folder() + "/rules.json", "--file", "readme.txt"});
  elsewhere.insert(elsewhere.begin(), SMSLAB_BINARY);
  const TempFolder folder;
  EXPECT_EQ(run(elsewhere, folder.path()).out, running);

  EXPECT_EQ(lab.stop(), 0);
  std::vector<std::string> down = question;
  down.insert(down.begin(), SMSLAB_BINARY);
  down.insert(down.end(), {"--data", lab.data()});
  const Finished finished = run(down, folder.path());
  EXPECT_EQ(finished.out, running) << finished.err;
}

}  // namespace
}  // namespace smslab::test
