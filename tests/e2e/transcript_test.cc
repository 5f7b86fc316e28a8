// Two runs of one scenario, on other ports, in other processes, say the same of every request, byte for byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/seed.h"

namespace smslab::test {
namespace {
using testing::HasSubstr;
using testing::Not;

using Story = void (*)(const Lab& lab);

// `seed`: of the lab; a client that nobody has given an ID makes one of its own seed.
std::string told(const std::string& scenario, const std::string& clock, const std::string& seed, Story story) {
  const Seed files(scenario);
  Lab lab({"--scenario", files.file(), "--clock", clock, "--seed", seed});
  story(lab);
  std::string text = lab.must({"transcript"});
  EXPECT_THAT(text, Not(HasSubstr(lab.mp().substr(lab.mp().rfind(':'))))) << "a port";
  EXPECT_EQ(lab.must({"transcript"}), text) << "looking changes nothing";
  return text;
}

void seed_a(const Lab& lab) {
  when_settled(lab, "LON00001");
  EXPECT_EQ(lab.client("WRK-LON-001", {"--clock", "2007-10-25T20:05:00Z", "--mif", "Success"}).exit_status, 0);
  EXPECT_EQ(lab.client("WRK-LON-002", {"--clock", "2007-10-25T20:05:00Z", "--mif", "Failed:full"}).exit_status, 1);
}

void seed_b(const Lab& lab) {
  when_settled(lab, "CEN0005E");
  when_settled(lab, "CEN0005F");
  const auto training = [&](const std::string& clock) {
    return lab
        .client("AST-TRAINING1", {"--site", "AST", "--smsid", "GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52", "--clock",
                                  clock, "--mif", "Success"})
        .exit_status;
  };
  lab.must({"fault", "add", R"({"match":{"dp":"AST-DCSMS-01","package":"CEN0005F","file":"data1.cab"},"corrupt":{}})"});
  lab.must({"fault", "add",
            R"({"match":{"route":"content","file":"setup.exe"},"when":{"nth":"1"},)"
            R"("limitData":{"bytes":"1000","in":"BODY","end":"FIN"}})"});
  EXPECT_EQ(training("2007-10-25T21:31:20.279Z"), 1);
  lab.must({"package", "refresh", "CEN0005F", "--dp", "AST-DCSMS-01", "--wait"});
  EXPECT_EQ(training("2007-10-25T22:00:00Z"), 0);
  lab.must({"clock", "freeze", "2007-10-26T16:35:49.724Z"});
  EXPECT_EQ(training("2007-10-26T16:35:49.724Z"), 0);
}

TEST(Transcript, OfSeedAIsTheSameAgain) {
  const std::string first = told("seed-a", "2007-10-25T20:00:00Z", "1", seed_a);
  EXPECT_EQ(told("seed-a", "2007-10-25T20:00:00Z", "1", seed_a), first);
  EXPECT_THAT(first, HasSubstr("\nWRK-LON-001\n"));
  EXPECT_THAT(first, HasSubstr("\nWRK-LON-002\n"));
  EXPECT_THAT(first, HasSubstr("CCM_POST /ccm_system/request  200 whole"));
}

TEST(Transcript, OfSeedBIsTheSameAgain) {
  const std::string first = told("seed-b", "2007-10-25T21:31:20.279Z", "1", seed_b);
  EXPECT_EQ(told("seed-b", "2007-10-25T21:31:20.279Z", "1", seed_b), first);
  EXPECT_THAT(first, HasSubstr("\nAST-TRAINING1\n"));
  EXPECT_THAT(first, HasSubstr("/data1.cab  200 whole"));
  EXPECT_THAT(first, HasSubstr("  rules 2"));
  EXPECT_NE(told("seed-b", "2007-10-25T21:31:20.279Z", "2", seed_b), first) << "another seed damages other bytes";
}

}  // namespace
}  // namespace smslab::test
