// What comes of running an advertised program: decided by a status MIF, else by its exit code (facts: semantics 6.3).
//
//   ProgramResult r = run_program({.exit_code = 0, .mif = std::nullopt}, settings);     // 10008
//
// Nothing is executed: the caller says how the program ended. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/client/policy.h"

namespace smslab::client {

struct StatusMif {
  bool success = true;
  std::string description;  // at most 128 characters
};
struct ProgramEnd {
  int64_t exit_code = 0;
  std::optional<StatusMif> mif;  // decides over the exit code
  uint32_t minutes = 0;          // how long they run
};

enum class ProgramVerdict { kSucceeded, kFailed, kRetry };
struct ProgramResult {
  ProgramVerdict verdict = ProgramVerdict::kFailed;
  std::string event;  // class of the status message; empty for kRetry, which tells nothing yet
  std::vector<std::pair<std::string, std::string>> properties;  // beside those of every advert event
  std::string reason;
};

ProgramResult run_program(const ProgramEnd& end, const AgentSettings& settings);

// The command line as 10005 shows it: msiexec is found in the system folder (semantics 1.3); everything else as it is.
std::string resolved_command_line(std::string_view command_line);
// The folder of 10005: blank means the package folder, a relative one stands below it (semantics 2.3).
std::string resolved_working_directory(std::string_view directory, std::string_view package_folder);

}  // namespace smslab::client
