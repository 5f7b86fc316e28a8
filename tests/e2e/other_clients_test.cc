// A full day of two clients that were written with other tools than ours, against the real binary.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/lab.h"

namespace smslab::test {
namespace {
class OtherClients : public testing::TestWithParam<std::string> {};

TEST_P(OtherClients, LiveADay) {
  const std::string script = std::string(SMSLAB_SOURCE) + "/tests/e2e/clients/" + GetParam();
  const std::string certificate = std::string(SMSLAB_SOURCE) + "/tests/data/wire/client.pem";
  Lab lab;
  write(lab.folder() + "/source/adminpak.msi", std::string(300'000, 'm') + "end");
  write(lab.folder() + "/source/ReadMe.txt", "hello\n");
  write(lab.folder() + "/source/empty", "");
  lab.must({"package", "create", "LON00001", "--name", "Tools", "--source", lab.folder() + "/source", "--program",
            "Install=msiexec.exe /q /i \"adminpak.msi\""});
  lab.must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
  lab.must({"advert", "create", "LON20000", "--package", "LON00001", "--program", "Install", "--collection",
            "All Systems", "--mandatory", "now", "--download"});

  const std::string cache = lab.folder() + "/cache";
  const Finished day = run({script, lab.mp(), "WRK-OTHER-01", "LON", certificate, cache}, lab.folder());
  ASSERT_EQ(day.exit_status, 0) << day.err << day.out << lab.log();
  EXPECT_EQ(day.out, "LON20000 3 files\n");
  EXPECT_EQ(read(cache + "/adminpak.msi"), std::string(300'000, 'm') + "end");
  EXPECT_EQ(read(cache + "/empty"), "");

  EXPECT_EQ(lab.ladder({"--client", "WRK-OTHER-01"}), "10002 10005 10009");
  const auto advert = lab.json<v1::Advert>({"advert", "show", "LON20000"});
  EXPECT_EQ(advert.summary().received(), 1u);
  EXPECT_EQ(advert.summary().started(), 1u);
  EXPECT_EQ(advert.summary().succeeded(), 1u);
  EXPECT_EQ(advert.clients(0).state(), v1::AdvertClient::SUCCEEDED);

  // The site says no: so does the client, and nothing is reported.
  lab.must({"client", "reject", "WRK-OTHER-01"});
  const Finished refused = run({script, lab.mp(), "WRK-OTHER-01", "LON", certificate, cache}, lab.folder());
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.err, testing::HasSubstr("not registered"));
  EXPECT_EQ(lab.ladder({"--client", "WRK-OTHER-01"}), "10002 10005 10009");
}

INSTANTIATE_TEST_SUITE_P(Scripts, OtherClients, testing::Values("day.py", "day.sh"),
                         [](const auto& script) { return script.param == "day.py" ? "Python" : "Shell"; });
}  // namespace
}  // namespace smslab::test
