// Files of tests/data: reading them, and comparing with them. SMSLAB_ACCEPT=1 writes what the test got instead.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace smslab::testing {

inline std::string test_data_path(const std::string& name) { return std::string(SMSLAB_TEST_DATA) + "/" + name; }

inline std::string test_data(const std::string& name) {
  std::ifstream in(test_data_path(name), std::ios::binary);
  if (!in) ADD_FAILURE() << "no file tests/data/" << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void expect_golden(const std::string& name, const std::string& actual) {
  if (std::getenv("SMSLAB_ACCEPT") != nullptr) {
    std::filesystem::create_directories(std::filesystem::path(test_data_path(name)).parent_path());
    std::ofstream(test_data_path(name), std::ios::binary) << actual;
    return;
  }
  EXPECT_TRUE(test_data(name) == actual) << "differs from tests/data/" << name << " (SMSLAB_ACCEPT=1 accepts):\n"
                                         << actual;
}

}  // namespace smslab::testing
