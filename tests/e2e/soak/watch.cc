#include "tests/e2e/soak/watch.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "proto/base/text.h"

namespace smslab::test::soak {
namespace {
constexpr std::chrono::milliseconds kBetween{200};

uint64_t median(std::vector<Sample> samples) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.memory < b.memory; });
  return samples[samples.size() / 2].memory;
}
}  // namespace

Sample sample(const Server& server) {
  Sample now{.life = server.life()};
  const std::string process = "/proc/" + std::to_string(server.pid());
  std::ifstream status(process + "/status");
  for (std::string line; std::getline(status, line);) {
    const auto number = [&] {
      return parse_u64(split(trim(line.substr(line.find(':') + 1)), ' ').front()).value_or(0);
    };
    if (line.starts_with("RssAnon:")) now.memory = number() * 1024;
    if (line.starts_with("Threads:")) now.threads = number();
  }
  std::error_code gone;  // it may be dying
  for (std::filesystem::directory_iterator at(process + "/fd", gone), end; !gone && at != end; at.increment(gone)) {
    now.descriptors++;
  }
  return now;
}

void Watch::start() {
  thread_ = std::thread([this] {
    do {
      const Sample now = sample(server_);
      if (now.life == 0 || now.life != server_.life()) continue;
      const MutexLock lock(mu_);
      samples_.push_back(now);
    } while (server_.pause(kBetween));
  });
}

void Watch::stop() {
  if (thread_.joinable()) thread_.join();
}

std::vector<Sample> Watch::last_life() const {
  std::vector<Sample> all;
  for (const Sample& each : samples_) {
    if (each.life == samples_.back().life) all.push_back(each);
  }
  return all;
}

Sample Watch::last() const {
  const MutexLock lock(mu_);
  return samples_.empty() ? Sample() : samples_.back();
}

Sample Watch::peak() const {
  const MutexLock lock(mu_);
  Sample peak;
  for (const Sample& each : last_life()) {
    peak.life = each.life;
    peak.memory = std::max(peak.memory, each.memory);
    peak.descriptors = std::max(peak.descriptors, each.descriptors);
    peak.threads = std::max(peak.threads, each.threads);
  }
  return peak;
}

Watch::Growth Watch::growth() const {
  const MutexLock lock(mu_);
  const std::vector<Sample> all = last_life();
  const auto part = [&](size_t fifth) {
    return std::vector<Sample>(all.begin() + static_cast<std::ptrdiff_t>(all.size() * fifth / 5),
                               all.begin() + static_cast<std::ptrdiff_t>(all.size() * (fifth + 1) / 5));
  };
  return {median(part(1)), median(part(4)), all.size()};
}

}  // namespace smslab::test::soak
