#include "tests/e2e/soak/content.h"

#include <array>
#include <cstring>
#include <map>
#include <tuple>

#include "proto/base/digest.h"
#include "proto/base/mutex.h"
#include "proto/base/text.h"
#include "proto/base/tree_hash.h"

namespace smslab::test::soak {
namespace {
std::string first_line(const std::string& package, uint64_t label, const File& file) {
  std::string line = file.everybodys ? "everybody's" : package;
  if (file.changes) line += " " + std::to_string(label);
  return line + " " + file.path + "\n";
}

class Digests {
 public:
  std::string of(const std::string& package, uint64_t label, const File& file) {
    const Key key(file.everybodys ? "" : package, file.changes ? label : 0, file.path);
    {
      const MutexLock lock(mu_);
      if (const auto found = known_.find(key); found != known_.end()) return found->second;
    }
    std::string digest = digest_hex(Algorithm::kSha256, content(package, label, file));
    const MutexLock lock(mu_);
    return known_[key] = std::move(digest);
  }

 private:
  using Key = std::tuple<std::string, uint64_t, std::string>;
  Mutex mu_;
  std::map<Key, std::string> known_ GUARDED_BY(mu_);
};
}  // namespace

const std::vector<File>& files() {
  static const std::vector<File> all = {{"setup.exe", 20'000, true, false},
                                        {"data/read me.txt", 200, true, false},
                                        {"large.bin", 250'000, true, false},
                                        {"data/always.dat", 9'000, false, false},
                                        {"common.dll", 30'000, false, true}};
  return all;
}

std::string content(const std::string& package, uint64_t label, const File& file) {
  std::string bytes = first_line(package, label, file);
  uint64_t state = 0xCBF29CE484222325;
  for (const char c : bytes) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  const size_t size = file.size + (file.changes ? label % 97 : 0);
  bytes.reserve(size + sizeof state);
  while (bytes.size() < size) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::array<char, sizeof state> next;
    std::memcpy(next.data(), &state, sizeof state);
    bytes.append(next.data(), next.size());
  }
  bytes.resize(size);
  return bytes;
}

std::optional<uint64_t> label_of(const std::string& package, const File& file, std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  const auto words = split(line.substr(0, kFirstLine), ' ');
  if (words.size() < 3 || words[0] != package) return std::nullopt;
  const auto label = parse_u64(words[1]);
  if (!label || first_line(package, *label, file) != std::string(line) + "\n") return std::nullopt;
  return *label;
}

std::string sha256_of(const std::string& package, uint64_t label, const File& file) {
  static Digests digests;
  return digests.of(package, label, file);
}

std::string etag_of(const std::string& package, uint64_t label, const File& file) {
  return "\"" + sha256_of(package, label, file) + "\"";
}

std::string package_sha1(const std::string& package, uint64_t label) {
  PackageTree tree;
  for (const File& file : files()) tree.add_file(file.path, content_digests(content(package, label, file)));
  return tree.hash(Algorithm::kSha1);
}

}  // namespace smslab::test::soak
