// start: how long it takes a lab to answer, and what it holds then.
//
//   start SMSLAB DATA-FOLDER TARGET ROUNDS
//
// DATA-FOLDER is of a lab that was stopped. A round starts `SMSLAB serve` with it and asks its first distribution point
// for TARGET as soon as it says that it is ready. Prints the median of the milliseconds from the start of the process
// to the whole reply, and the anonymous memory of the process a moment later. Exit status 1 above 20 ms or 16 MiB.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "proto/base/text.h"
#include "tests/bench/peer.h"

namespace smslab::bench {
namespace {
constexpr double kMostMs = 20;
constexpr uint64_t kMostKilobytes = 16 << 10;

struct Round {
  double milliseconds = 0;
  uint64_t kilobytes = 0;
};

uint64_t anonymous_kilobytes(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  uint64_t kilobytes = 0;
  while (status >> word) {
    if (word == "RssAnon:" && status >> kilobytes) return kilobytes;
  }
  die("the server is gone");
}

// Of the ready line: the URL of the first distribution point.
HostPort dp_of(const std::string& ready) {
  const size_t dps = ready.find("\"dps\":{");
  const size_t from = ready.find("http://", dps), to = ready.find('"', from);
  const auto url = parse_url(ready.substr(from, to - from), "dps");
  if (dps == std::string::npos || !url.ok()) die("no ready line but: " + ready);
  return url->at;
}

std::string read_line(int fd) {
  std::string line;
  char c = 0;
  while (::read(fd, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

Round start(const std::string& smslab, const std::string& data, const std::string& target) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) die("no pipe");
  const auto begin = std::chrono::steady_clock::now();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // when this program gives up
    ::dup2(ends[1], 1);
    ::execl(smslab.c_str(), "smslab", "serve", "--data", data.c_str(), "--mp", "127.0.0.1:0", "--dp", "127.0.0.1:0",
            "--control", "127.0.0.1:0", nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  Round round;
  {
    const Peer peer(dp_of(read_line(ends[0])));
    peer.send(get_request(target));
    peer.read_reply();
    round.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    round.kilobytes = anonymous_kilobytes(pid);
  }
  ::close(ends[0]);
  ::kill(pid, SIGTERM);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status != 0) die("the server did not stop in order");
  return round;
}

int run(const std::string& smslab, const std::string& data, const std::string& target, int rounds) {
  std::vector<double> milliseconds;
  uint64_t kilobytes = 0;
  for (int i = 0; i < rounds; i++) {
    const Round round = start(smslab, data, target);
    milliseconds.push_back(round.milliseconds);
    kilobytes = std::max(kilobytes, round.kilobytes);
  }
  std::ranges::sort(milliseconds);
  const double median = milliseconds[milliseconds.size() / 2];
  const bool good = median < kMostMs && kilobytes < kMostKilobytes;
  std::printf("start to first reply: median %.1f ms (%.1f - %.1f) of %d; %.1f MiB of memory its own; %s\n", median,
              milliseconds.front(), milliseconds.back(), rounds, static_cast<double>(kilobytes) / 1024,
              good ? "ok" : "too much");
  return good ? 0 : 1;
}
}  // namespace
}  // namespace smslab::bench

int main(int argc, char** argv) {
  if (argc != 5) smslab::bench::die("start SMSLAB DATA-FOLDER TARGET ROUNDS");
  return smslab::bench::run(argv[1], argv[2], argv[3], static_cast<int>(smslab::parse_u64(argv[4]).value_or(11)));
}
