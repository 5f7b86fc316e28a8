// Process: a program started by a test, with its output in files; ended by pid when the object goes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace smslab::test {

struct Finished {
  int exit_status = -1;  // 128 + signal when one ended it
  std::string out, err;
};

class Process {
 public:
  // `folder` takes <name>.out and <name>.err. Aborts the test run when the program cannot be started.
  Process(std::vector<std::string> command, const std::string& folder, const std::string& name,
          const std::vector<std::string>& environment = {});
  ~Process();  // SIGKILL, if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  bool running();
  Finished wait();  // to its end
  std::string out() const;
  std::string err() const;
  // The first whole line of standard output; "" when the program ended without one.
  std::string first_line() const;

 private:
  pid_t pid_ = -1;
  std::string out_path_, err_path_;
  int status_ = -1;
  mutable bool ended_ = false;
};

// Runs a program to its end.
Finished run(std::vector<std::string> command, const std::string& folder,
             const std::vector<std::string>& environment = {});

}  // namespace smslab::test
