// Log: one file of records in one of the two forms that SMS writes, or lines for a person on standard error.
//
//   client   <![LOG[text]LOG]!><time="20:00:00.000+000" date="11-21-2026" component="CAS" context="" type="1"
//            thread="1016" file="contentaccess.cpp:1">                                        (facts: protocol 8.1)
//   server   text  $$<SMS_DISTRIBUTION_MANAGER><11-21-2026 20:00:00.000+000><thread=5620 (0x15F4)>
//   console  2026-11-21T20:00:00Z error wire: text
//
// Times are lab time. Thread numbers are logical ones, given by the owner, so that two runs write the same file.
// Writing is thread-safe and never fails the caller: a full disk loses whole log lines, nothing else, and once there is
// room again the file says how many.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "proto/base/clock.h"
#include "proto/base/status.h"

namespace smslab {

enum class LogLevel { kInfo = 1, kWarning = 2, kError = 3 };  // the values are the client form's `type`

// Where finished records go. One sink may serve several logs.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(std::string_view record) = 0;  // without the line end
};
// The record that stands where so many lines did not find room.
using LostNote = std::function<std::string(uint64_t lines)>;
// Appends to `path` (made when missing) with `line_end` after each record, one system call a record. A file that has
// passed `roll_at` bytes becomes the one before, NAME.lo_ for NAME.log, in place of what that was; 0: it grows for
// ever.
Result<std::shared_ptr<LogSink>> open_log_file(const std::string& path, std::string_view line_end, uint64_t roll_at = 0,
                                               LostNote lost = {});
std::shared_ptr<LogSink> stderr_log();
std::shared_ptr<LogSink> null_log();

enum class LogForm { kClient, kServer, kConsole };

std::string format_record(LogForm form, LabTime time, LogLevel level, std::string_view component, uint32_t thread,
                          std::string_view source_file, std::string_view text);

class Log {
 public:
  Log(std::shared_ptr<LogSink> sink, LogForm form, const Clock& clock, std::string component, uint32_t thread = 1,
      std::string source_file = {});

  void info(std::string_view text) const { write(LogLevel::kInfo, text); }
  void warning(std::string_view text) const { write(LogLevel::kWarning, text); }
  void error(std::string_view text) const { write(LogLevel::kError, text); }
  void write(LogLevel level, std::string_view text) const;

 private:
  std::shared_ptr<LogSink> sink_;
  LogForm form_;
  const Clock& clock_;
  std::string component_;
  uint32_t thread_;
  std::string source_file_;
};

}  // namespace smslab
