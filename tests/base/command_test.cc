#include "proto/base/command.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace smslab {
namespace {
using ::testing::ExitedWithCode;

// In a process of its own, with standard output going to `path`.
[[noreturn]] void run_into(const char* path, const std::function<Status()>& action) {
  if (std::freopen(path, "w", stdout) == nullptr) std::abort();
  std::exit(run_command("smslab", action));
}
// ... and with one that goes to a pipe that nobody reads any more.
[[noreturn]] void run_into_closed_pipe(const std::function<Status()>& action) {
  int ends[2];
  if (::pipe(ends) != 0 || ::dup2(ends[1], STDOUT_FILENO) < 0) std::abort();
  ::close(ends[0]);
  std::exit(run_command("smslab", action));
}

Status print_little() {
  fmt::print("a line\n");
  return ok_status();
}
Status print_much() {
  for (int i = 0; i < 10'000; i++) fmt::print("line {}\n", i);
  return ok_status();
}

TEST(CommandDeathTest, SaysHowItEnded) {
  EXPECT_EXIT(run_into("/dev/null", print_much), ExitedWithCode(0), "^$");
  EXPECT_EXIT(run_into("/dev/null", [] { return not_found("there is no lab", "--data"); }), ExitedWithCode(1),
              "^smslab: there is no lab \\[--data\\]\n$");
  EXPECT_EXIT(run_into("/dev/null", [] { return internal_error("odd"); }), ExitedWithCode(1), "^smslab: odd\n$");
  EXPECT_EXIT(run_into("/dev/null", []() -> Status { throw std::runtime_error("thrown"); }), ExitedWithCode(1),
              "^smslab: thrown\n$");
}

TEST(CommandDeathTest, AFullDiskIsSaid) {
  EXPECT_EXIT(run_into("/dev/full", print_little), ExitedWithCode(1), "^smslab: standard output: No space left");
  EXPECT_EXIT(run_into("/dev/full", print_much), ExitedWithCode(1), "^smslab: standard output: No space left");
}

TEST(CommandDeathTest, WhoClosesThePipeHasReadEnough) {
  EXPECT_EXIT(run_into_closed_pipe(print_little), ExitedWithCode(1), "^$");
  EXPECT_EXIT(run_into_closed_pipe(print_much), ExitedWithCode(1), "^$");
}

}  // namespace
}  // namespace smslab
