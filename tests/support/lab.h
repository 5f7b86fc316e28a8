// Lab: the real binary, serving on free ports from a temporary folder, and the real command line against it.
#pragma once

#include <gtest/gtest.h>

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
  // Starts and waits for the ready line. Extra arguments go to `smslab serve`; --dp is given unless one or a scenario is among them.
  explicit Lab(const std::vector<std::string>& serve_arguments = {});
  // The same data folder again: after stop() or kill().
  void restart(const std::vector<std::string>& serve_arguments = {});
  int stop();   // SIGTERM; the exit status
  void kill();  // SIGKILL

  const v1::Ready& ready() const { return ready_; }
  const std::string& folder() const { return folder_.path(); }
  std::string data() const { return folder_ / "data"; }
  std::string mp() const { return ready_.mp(); }
  std::string dp(const std::string& name = "LON-DCSMS-01") const { return ready_.dps().at(name); }
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

  // Message ids of `smslab status ARGS`, as "30000 2300 ...".
  std::string ladder(std::vector<std::string> arguments) const;

 private:
  static void parse(const std::string& text, google::protobuf::Message* message);

  TempFolder folder_;
  std::unique_ptr<Process> server_;
  v1::Ready ready_;
};

// A file below `folder`, its parents made.
void write(const std::string& path, const std::string& bytes);
std::string read(const std::string& path);
// Every path below a folder with its size, sorted: to show that nothing was left behind.
std::string listing(const std::string& folder);

}  // namespace smslab::test
