// Seed: a seed's scenario and its sources, in a folder of the test's own.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "proto/control/client.h"
#include "tests/support/lab.h"

namespace smslab::test {

class Seed {
 public:
  explicit Seed(const std::string& name) : file_(folder_ / (name + ".yaml")) {
    const Finished made = run({SMSLAB_SOURCE "/scripts/seed-sources", folder_.path()}, folder_.path());
    EXPECT_EQ(made.exit_status, 0) << made.err;
    std::filesystem::copy_file(SMSLAB_SOURCE "/scenarios/" + name + ".yaml", file_);
  }
  const std::string& file() const { return file_; }

 private:
  TempFolder folder_;
  std::string file_;
};

inline v1::Package when_settled(const Lab& lab, const std::string& package) {
  control::HttpClient http(
      {.base = lab.ready().control(), .token = {}, .bind = {}, .timeout = std::chrono::minutes(2)});
  v1::Package found;
  EXPECT_EQ(http.call("GET", "/api/v1/packages/" + package + "?wait_ms=100000", nullptr, &found), ok_status());
  return found;
}

}  // namespace smslab::test
