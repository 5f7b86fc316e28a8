// crowd: what a crowd of connections does to a few busy ones, and what it costs the server.
//
//   crowd idle PID URL URL-OF-A-LARGE-FILE CONNECTIONS BUSY SECONDS ROUNDS
//   crowd slow ...
//
// idle: each connection of the crowd has been served once and asks for nothing more. slow: each asks for the large file
// with a small receive buffer; every other one then reads a few bytes now and then, the rest nothing at all. A round
// measures the busy ones, which ask for URL, alone and beside the crowd, in turns of who comes first. Prints a line a
// round, which tests/bench/crowds.awk reads:
//   p50-alone p99-alone p50-with p99-with bytes-a-connection
// Latencies in microseconds; the bytes are the growth of the server's (PID's) anonymous memory since the first round.
#include <dirent.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "proto/base/text.h"
#include "tests/bench/busy.h"

namespace smslab::bench {
namespace {
struct Options {
  bool slow = false;
  std::string pid;
  Url small, large;
  size_t connections = 0, busy = 0, rounds = 0;
  std::chrono::seconds time{0};
};

Options read_options(const std::vector<std::string>& arguments) {
  if (arguments.size() != 8) die("crowd idle|slow PID URL LARGE-URL CONNECTIONS BUSY SECONDS ROUNDS");
  const auto number = [&](size_t i) { return static_cast<size_t>(parse_u64(arguments[i]).value_or(0)); };
  const auto small = parse_url(arguments[2], "URL");
  const auto large = parse_url(arguments[3], "LARGE-URL");
  if (!small.ok() || !large.ok()) die("not a URL: " + arguments[2] + " or " + arguments[3]);
  return {.slow = arguments[0] == "slow",
          .pid = arguments[1],
          .small = *small,
          .large = *large,
          .connections = number(4),
          .busy = number(5),
          .rounds = number(7),
          .time = std::chrono::seconds(number(6))};
}

void allow_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Bytes of memory that is the process' own: heap and stacks, neither files nor what the kernel keeps for its sockets.
int64_t anonymous_bytes(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/status");
  std::string word;
  int64_t kilobytes = 0;
  while (status >> word) {
    if (word == "RssAnon:" && status >> kilobytes) return kilobytes * 1024;
  }
  die("no process " + pid);
}

size_t open_descriptors(const std::string& pid) {
  DIR* folder = ::opendir(("/proc/" + pid + "/fd").c_str());
  if (folder == nullptr) die("no process " + pid);
  size_t count = 0;
  while (::readdir(folder) != nullptr) count++;
  ::closedir(folder);
  return count;
}

class Crowd {
 public:
  explicit Crowd(const Options& options) : slow_(options.slow) {
    const PeerOptions peer{.receive_buffer = slow_ ? 4096 : 0};
    const std::string request = get_request((slow_ ? options.large : options.small).target);
    for (size_t i = 0; i < options.connections; i++) {
      peers_.emplace_back(options.small.at, peer);
      peers_.back().send(request);
      if (slow_) {
        peers_.back().read_some(1);
      } else {
        peers_.back().read_reply();
      }
    }
  }
  // Called about every millisecond: one slow reader takes a few bytes.
  void nibble() {
    if (!slow_) return;
    next_ = (next_ + 2) % peers_.size();
    peers_[next_].try_read(256);
  }
  void check() const {
    if (slow_) return;
    for (const Peer& peer : peers_) {
      if (!peer.connected()) die("an idle connection was closed");
    }
  }

 private:
  const bool slow_;
  std::vector<Peer> peers_;
  size_t next_ = 0;
};

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options), busy_(options.small.at, options.small.target, options.busy) {
    busy_.run(std::chrono::seconds(1), [] {});  // warm
    descriptors_ = open_descriptors(options_.pid);
    memory_ = anonymous_bytes(options_.pid);
  }

  void round(bool crowd_first) {
    Latencies alone, with;
    int64_t bytes = 0;
    const auto measure_alone = [&] { alone = busy_.run(options_.time, [] {}); };
    if (!crowd_first) measure_alone();
    {
      Crowd crowd(options_);
      bytes = anonymous_bytes(options_.pid) - memory_;
      with = busy_.run(options_.time, [&] { crowd.nibble(); });
      crowd.check();
    }
    wait_gone();
    if (crowd_first) measure_alone();
    std::printf("%.1f %.1f %.1f %.1f %.0f\n", alone.at(0.5), alone.at(0.99), with.at(0.5), with.at(0.99),
                static_cast<double>(bytes) / static_cast<double>(options_.connections));
    std::fflush(stdout);
  }

 private:
  // Until the server has seen that the crowd left.
  void wait_gone() const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (open_descriptors(options_.pid) > descriptors_ + 8) {
      if (std::chrono::steady_clock::now() > end) die("the server keeps connections that are gone");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  const Options& options_;
  Busy busy_;
  size_t descriptors_ = 0;
  int64_t memory_ = 0;
};
}  // namespace
}  // namespace smslab::bench

int main(int argc, char** argv) {
  using namespace smslab::bench;
  const Options options = read_options({argv + 1, argv + argc});
  allow_descriptors();
  Bench bench(options);
  for (size_t i = 0; i < options.rounds; i++) bench.round(i % 2 == 1);
}
