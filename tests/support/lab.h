// Lab: the real binary, serving on free ports from a temporary folder, and the real command line against it. LabDp: a
// distribution point of it in a process of its own.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/schema/control.pb.h"
#include "tests/support/process.h"

namespace smslab::test {

// A folder of the test's own, gone with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class Lab {
 public:
  // kSite: `smslab mp`, with a token file for the DPs that run beside it.
  enum class Kind { kWhole, kSite };
  // Starts and waits for the ready line. Extra arguments go to `smslab serve`; --dp is given unless one or a scenario
  // is among them. `data`: instead of a new folder.
  explicit Lab(const std::vector<std::string>& serve_arguments = {}, Kind kind = Kind::kWhole, std::string data = {});
  // The same data folder again: after stop() or kill(). A kSite comes back at the same addresses, a whole lab where the
  // arguments say (--mp, --control, --dp), else anywhere.
  void restart(const std::vector<std::string>& serve_arguments = {});
  int stop();   // SIGTERM; the exit status
  void kill();  // SIGKILL

  const v1::Ready& ready() const { return ready_; }
  const std::string& folder() const { return folder_.path(); }
  std::string data() const { return data_.empty() ? folder_ / "data" : data_; }
  std::string mp() const { return ready_.mp(); }
  std::string dp(const std::string& name = "LON-DCSMS-01") const { return ready_.dps().at(name); }
  std::string token_file() const { return folder_ / "token.txt"; }
  std::string log() const { return server_->err(); }
  bool serves() const { return server_ != nullptr; }

  // smslab ARGS, against this lab.
  Finished cli(std::vector<std::string> arguments) const;
  // The same, which must succeed; standard output.
  std::string must(std::vector<std::string> arguments) const;
  // The same with --json, parsed into a message.
  template <class M>
  M json(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    M message;
    parse(must(std::move(arguments)), &message);
    return message;
  }
  // smslab-client run --mp ... ARGS
  Finished client(const std::string& name, std::vector<std::string> arguments = {}) const;

  // Waits until `is_so` holds for the package, which is asked again with each status message about it.
  v1::Package wait_package(const std::string& id, const std::function<bool(const v1::Package&)>& is_so) const;

  // Message ids of `smslab status ARGS`, as "30000 2300 ...".
  std::string ladder(std::vector<std::string> arguments) const;

 private:
  static void parse(const std::string& text, google::protobuf::Message* message);

  friend class LabDp;
  std::string address(const std::string& url) const;  // of the last start, else a free port

  const Kind kind_;
  TempFolder folder_;
  const std::string data_;
  std::unique_ptr<Process> server_;
  v1::Ready ready_;
};

class LabDp {
 public:
  // Starts it at a free port of `host` and waits for its ready line. Its folder is the lab's folder/NAME. `under`: a
  // command that runs the one given behind it, in the same process.
  LabDp(const Lab& lab, std::string name, std::string host = "127.0.0.1", std::vector<std::string> under = {});
  // The same folder again, at another port: after stop() or kill(). `more` goes to `smslab dp`, and wins.
  void start(const std::vector<std::string>& more = {});
  int stop();
  void kill();

  const std::string& name() const { return name_; }
  const std::string& data() const { return data_; }
  const v1::Ready& ready() const { return ready_; }
  std::string url() const { return ready_.dps().at(name_); }
  std::string control() const { return ready_.dp_controls().at(name_); }
  std::string log() const { return server_->err(); }
  pid_t pid() const { return server_->pid(); }
  bool serves() const { return server_->running(); }

 private:
  const Lab& lab_;
  const std::string name_, host_, data_;
  const std::vector<std::string> under_;
  std::unique_ptr<Process> server_;
  v1::Ready ready_;
};

// A file below `folder`, its parents made.
void write(const std::string& path, const std::string& bytes);
std::string read(const std::string& path);
// Every path below a folder with its size, sorted: to show that nothing was left behind.
std::string listing(const std::string& folder);

}  // namespace smslab::test
