#include "proto/client/program.h"

#include "proto/base/text.h"

namespace smslab::client {

ProgramResult run_program(const ProgramEnd& end, const AgentSettings& settings) {
  if (end.mif) {
    const std::string said = " by its status MIF, description \"" + end.mif->description + "\"";
    if (end.mif->success) {
      return {ProgramVerdict::kSucceeded,
              "SoftDistProgramCompletedSuccessfulMIFEvent",
              {{"MIFDescription", end.mif->description}},
              "succeeded" + said};
    }
    return {ProgramVerdict::kFailed,
            "SoftDistProgramErrorMIFEvent",
            {{"MIFDescription", end.mif->description}},
            "failed" + said};
  }
  const std::string exit_code = std::to_string(end.exit_code), said = "exit code " + exit_code;
  const auto listed = [&](const std::set<uint32_t>& codes) {
    return end.exit_code >= 0 && end.exit_code <= UINT32_MAX && codes.count(static_cast<uint32_t>(end.exit_code)) != 0;
  };
  if (end.exit_code == 0 || listed(settings.success_codes)) {
    // The real event carries these empty strings (semantics 7.6).
    return {ProgramVerdict::kSucceeded,
            "SoftDistProgramCompletedSuccessfullyEvent",
            {{"DummyString2", ""},
             {"DummyString3", ""},
             {"DummyString6", ""},
             {"DummyString7", ""},
             {"DummyString8", ""},
             {"ExitCode", exit_code}},
            said};
  }
  if (listed(settings.reboot_codes)) {
    return {ProgramVerdict::kSucceeded,
            "SoftDistProgramPrelimSuccessEvent",
            {{"ExitCode", exit_code}},
            said + ", restart pending"};
  }
  if (listed(settings.retry_codes)) {
    return {ProgramVerdict::kRetry, "", {}, said + ": an agent would try again every 10 minutes for a week"};
  }
  return {ProgramVerdict::kFailed, "SoftDistProgramErrorEvent", {{"ExitCode", exit_code}}, said};
}

std::string resolved_command_line(std::string_view command_line) {
  for (const std::string_view name : {"msiexec.exe", "msiexec"}) {
    if (!istarts_with(command_line, name)) continue;
    const std::string_view rest = command_line.substr(name.size());
    if (rest.empty() || rest.front() == ' ') return "\"C:\\WINDOWS\\system32\\msiexec.exe\"" + std::string(rest);
  }
  return std::string(command_line);
}

std::string resolved_working_directory(std::string_view directory, std::string_view package_folder) {
  const bool absolute = directory.starts_with("\\\\") || (directory.size() > 1 && directory[1] == ':');
  if (absolute) return std::string(directory);
  return std::string(package_folder) + std::string(directory);
}

}  // namespace smslab::client
