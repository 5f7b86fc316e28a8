#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

extern char** environ;

namespace smslab::test {
namespace {
std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) std::cerr << "cannot read " << path << ": " << std::strerror(errno) << "\n";
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}
int exit_status_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }
}  // namespace

Process::Process(std::vector<std::string> command, const std::string& folder, const std::string& name,
                 const std::vector<std::string>& environment)
    : out_path_(folder + "/" + name + ".out"), err_path_(folder + "/" + name + ".err") {
  std::vector<char*> argv;
  for (auto& part : command) argv.push_back(part.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables = environment;
  for (char** variable = environ; *variable != nullptr; variable++) variables.emplace_back(*variable);
  std::vector<char*> envp;
  for (auto& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, out_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  ::posix_spawn_file_actions_addopen(&actions, 2, err_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const int error = ::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    std::cerr << "cannot start " << command[0] << ": " << std::strerror(error) << "\n";
    std::abort();
  }
}

Process::~Process() {
  if (ended_) return;
  ::kill(pid_, SIGKILL);
  (void)wait();
}

void Process::signal(int number) const {
  if (!ended_) ::kill(pid_, number);
}

Finished Process::wait() {
  if (!ended_) {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    status_ = exit_status_of(status);
    ended_ = true;
  }
  return {status_, out(), err()};
}

bool Process::running() {
  int status = 0;
  if (!ended_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    status_ = exit_status_of(status);
    ended_ = true;
  }
  return !ended_;
}

std::string Process::out() const { return slurp(out_path_); }
std::string Process::err() const { return slurp(err_path_); }

// Waits on the process itself, not on a clock: each turn either the line is there or the process has ended, or 10 ms
// pass.
std::string Process::first_line() const {
  const auto process = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  while (true) {
    pollfd ended{process, POLLIN, 0};
    const bool gone = ::poll(&ended, 1, 10) > 0;
    const std::string text = out();
    const auto end = text.find('\n');
    if (end != std::string::npos || gone) {
      ::close(process);
      return end == std::string::npos ? "" : text.substr(0, end);
    }
  }
}

Finished run(std::vector<std::string> command, const std::string& folder, const std::vector<std::string>& environment) {
  static std::atomic<int> count = 0;
  Process process(std::move(command), folder, "run" + std::to_string(count++), environment);
  return process.wait();
}

}  // namespace smslab::test
