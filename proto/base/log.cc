#include "proto/base/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "proto/base/fd.h"
#include "proto/base/mutex.h"
#include "proto/base/time_text.h"

namespace smslab {
namespace {
// spdlog carries the record to its place; the record itself, time included, is ours.
class SpdlogSink final : public LogSink {
 public:
  explicit SpdlogSink(std::shared_ptr<spdlog::sinks::sink> sink) : sink_(std::move(sink)) {
    sink_->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, "\n"));
  }
  void write(std::string_view record) override {
    try {
      sink_->log(spdlog::details::log_msg(spdlog::log_clock::time_point{}, {}, "", spdlog::level::info,
                                          spdlog::string_view_t(record.data(), record.size())));
      sink_->flush();
    } catch (const spdlog::spdlog_ex&) {  // standard error may be a file on a full disk: the line is lost, no more
    }
  }

 private:
  const std::shared_ptr<spdlog::sinks::sink> sink_;
};

// Not spdlog's: that keeps a part of what a full disk did not take, and writes it before another record.
class FileSink final : public LogSink {
 public:
  FileSink(UniqueFd fd, std::string_view line_end, LostNote note)
      : fd_(std::move(fd)), line_end_(line_end), note_(std::move(note)) {}
  void write(std::string_view record) override {
    const MutexLock lock(mu_);
    std::string text;
    if (lost_ > 0 && note_) text = note_(lost_) + line_end_;
    text.append(record).append(line_end_);
    if (put(text)) {
      lost_ = 0;
    } else {
      lost_ += lines_of(record);
    }
  }

 private:
  // The whole of it or nothing.
  bool put(const std::string& text) {
    struct stat before {};
    if (::fstat(fd_.get(), &before) != 0) return false;
    const ssize_t put = ::write(fd_.get(), text.data(), text.size());
    if (put == static_cast<ssize_t>(text.size())) return true;
    return put > 0 && ::ftruncate(fd_.get(), before.st_size) != 0;  // a torn line that stays is not told as lost
  }
  uint64_t lines_of(std::string_view record) const {
    uint64_t lines = 1;
    for (size_t at = record.find(line_end_); at != std::string_view::npos; at = record.find(line_end_, at + 1)) lines++;
    return lines;
  }

  const UniqueFd fd_;
  const std::string line_end_;
  const LostNote note_;
  Mutex mu_;
  uint64_t lost_ GUARDED_BY(mu_) = 0;
};

Result<std::shared_ptr<LogSink>> open_growing_file(const std::string& path, std::string_view line_end,
                                                   const LostNote& lost) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd) return from_errno(errno, "cannot open the log " + path);
  return std::shared_ptr<LogSink>(std::make_shared<FileSink>(std::move(fd), line_end, lost));
}

// One generation is kept. What cannot be rolled goes on growing; what cannot be opened again is tried with each record.
class RollingSink final : public LogSink {
 public:
  RollingSink(std::string path, std::string_view line_end, uint64_t roll_at, LostNote lost,
              std::shared_ptr<LogSink> file)
      : path_(std::move(path)), line_end_(line_end), roll_at_(roll_at), lost_(std::move(lost)), file_(std::move(file)) {
    std::error_code none;
    const auto size = std::filesystem::file_size(path_, none);
    if (!none) size_ = size;
  }
  void write(std::string_view record) override {
    const MutexLock lock(mu_);
    if (size_ > roll_at_) roll();
    if (!file_) {
      auto again = open_growing_file(path_, line_end_, lost_);
      if (!again.ok()) return;
      file_ = *std::move(again);
    }
    file_->write(record);
    size_ += record.size() + line_end_.size();
  }

 private:
  void roll() REQUIRES(mu_) {
    file_.reset();
    std::error_code failed;
    std::filesystem::rename(path_, std::filesystem::path(path_).replace_extension(".lo_"), failed);
    if (!failed) size_ = 0;
  }

  const std::string path_, line_end_;
  const uint64_t roll_at_;
  const LostNote lost_;
  Mutex mu_;
  std::shared_ptr<LogSink> file_ GUARDED_BY(mu_);
  uint64_t size_ GUARDED_BY(mu_) = 0;
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

Result<std::shared_ptr<LogSink>> open_log_file(const std::string& path, std::string_view line_end, uint64_t roll_at,
                                               LostNote lost) {
  ASSIGN_OR_RETURN(auto file, open_growing_file(path, line_end, lost));
  if (roll_at == 0) return file;
  return std::shared_ptr<LogSink>(
      std::make_shared<RollingSink>(path, line_end, roll_at, std::move(lost), std::move(file)));
}

std::shared_ptr<LogSink> stderr_log() {
  static const auto sink = std::make_shared<SpdlogSink>(std::make_shared<spdlog::sinks::stderr_sink_mt>());
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
