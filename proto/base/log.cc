#include "proto/base/log.h"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "proto/base/time_text.h"

namespace smslab {
namespace {
// spdlog carries the record to its place; the record itself, time included, is ours.
class SpdlogSink final : public LogSink {
 public:
  SpdlogSink(std::shared_ptr<spdlog::sinks::sink> sink, std::string_view line_end) : sink_(std::move(sink)) {
    sink_->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, std::string(line_end)));
  }
  void write(std::string_view record) override {
    try {
      sink_->log(spdlog::details::log_msg(spdlog::log_clock::time_point{}, {}, "", spdlog::level::info,
                                          spdlog::string_view_t(record.data(), record.size())));
      sink_->flush();
    } catch (const spdlog::spdlog_ex&) {  // a full disk loses the line and nothing else
    }
  }

 private:
  const std::shared_ptr<spdlog::sinks::sink> sink_;
};

class NullSink final : public LogSink {
 public:
  void write(std::string_view) override {}
};

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo: return "info ";
    case LogLevel::kWarning: return "warn ";
    case LogLevel::kError: break;
  }
  return "error";
}
}  // namespace

Result<std::shared_ptr<LogSink>> open_log_file(const std::string& path, std::string_view line_end) {
  try {
    return std::shared_ptr<LogSink>(
        std::make_shared<SpdlogSink>(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path), line_end));
  } catch (const spdlog::spdlog_ex& e) {
    return Status(Code::kUnavailable, "cannot open the log " + path + ": " + e.what());
  }
}

std::shared_ptr<LogSink> stderr_log() {
  static const auto sink = std::make_shared<SpdlogSink>(std::make_shared<spdlog::sinks::stderr_sink_mt>(), "\n");
  return sink;
}

std::shared_ptr<LogSink> null_log() {
  static const auto sink = std::make_shared<NullSink>();
  return sink;
}

std::string format_record(LogForm form, LabTime time, LogLevel level, std::string_view component, uint32_t thread,
                          std::string_view source_file, std::string_view text) {
  switch (form) {
    case LogForm::kClient:
      return fmt::format(
          R"(<![LOG[{}]LOG]!><time="{}+000" date="{}" component="{}" context="" type="{}" thread="{}" file="{}">)",
          text, format_log_time(time), format_log_date(time), component, static_cast<int>(level), thread, source_file);
    case LogForm::kServer:
      return fmt::format("{}  $$<{}><{} {}+000><thread={} (0x{:X})>", text, component, format_log_date(time),
                         format_log_time(time), thread, thread);
    case LogForm::kConsole: break;
  }
  return fmt::format("{} {} {}: {}", format_rfc3339(time), level_name(level), component, text);
}

Log::Log(std::shared_ptr<LogSink> sink, LogForm form, const Clock& clock, std::string component, uint32_t thread,
         std::string source_file)
    : sink_(std::move(sink)),
      form_(form),
      clock_(clock),
      component_(std::move(component)),
      thread_(thread),
      source_file_(std::move(source_file)) {}

void Log::write(LogLevel level, std::string_view text) const {
  sink_->write(format_record(form_, clock_.now(), level, component_, thread_, source_file_, text));
}

}  // namespace smslab
