// DiskNames: the names of a file system as they are, and as they would be after a power cut.
//
//   DiskNames<Inode> disk;
//   disk.take({.kind = Kind::kPut, .path = "/a/b", .inode = inode});
//   disk.barrier("/a");                                  // what was done below is durable
//   disk.lose_power(Loss::kAny, seed);                   // names and bytes as they might be found
//
// Names change one step at a time (put, rename, remove; a rename happens or does not), contents are cut or full of
// zeros from the last barrier on. An Inode has size(), durable (so many of its bytes) and cut(size, zeros_from); a null
// one is a folder. Paths are absolute. The owner locks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace smslab::testing {

enum class Loss {
  kEverything,  // all that no barrier covered
  kTail,        // from some step on, as a journal does
  kAny,         // any of the steps: no order among them is promised
};

inline bool below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder == "/" ? folder : folder + "/");
}
inline std::string parent(const std::string& path) { return path.substr(0, std::max<size_t>(path.rfind('/'), 1)); }

template <class Inode>
class DiskNames {
 public:
  using InodePtr = std::shared_ptr<Inode>;
  using Names = std::map<std::string, InodePtr>;
  struct Step {
    enum class Kind { kPut, kRename, kRemove } kind;
    std::string path;
    std::string to = {};       // kRename
    InodePtr inode = nullptr;  // kPut
  };

  const Names& names() const { return names_; }
  bool is_folder(const std::string& path) const {
    const auto found = names_.find(path);
    return found != names_.end() && !found->second;
  }
  InodePtr file(const std::string& path) const {
    const auto found = names_.find(path);
    return found == names_.end() ? nullptr : found->second;
  }

  void take(Step step) {
    take_step(&names_, step);
    steps_.push_back(std::move(step));
  }
  // One step for each name, deepest first.
  void take_tree(const std::string& path) {
    std::vector<std::string> doomed;
    for (const auto& [name, inode] : names_) {
      if (below(name, path)) doomed.push_back(name);
    }
    for (auto name = doomed.rbegin(); name != doomed.rend(); ++name) take({.kind = Step::Kind::kRemove, .path = *name});
  }
  void barrier(const std::string& folder) {
    std::vector<Step> open;
    for (Step& step : steps_) {
      if (below(step.path, folder) || (!step.to.empty() && below(step.to, folder))) {
        take_step(&durable_, step);
      } else {
        open.push_back(std::move(step));
      }
    }
    steps_ = std::move(open);
    for (const auto& [path, inode] : names_) {
      if (inode && below(path, folder)) inode->durable = inode->size();
    }
  }
  void lose_power(Loss loss, uint64_t seed) {
    std::mt19937_64 draw(seed);
    Names names = durable_;
    const size_t kept = steps_.empty() ? 0 : draw() % (steps_.size() + 1);
    for (size_t i = 0; i < steps_.size(); i++) {
      if (loss == Loss::kTail ? i < kept : loss == Loss::kAny && draw() % 2 == 0) take_step(&names, steps_[i]);
    }
    for (auto& [path, inode] : names) {
      if (!inode || inode->durable == inode->size()) continue;
      const uint64_t open = inode->size() - inode->durable;
      const bool zeros = draw() % 2 == 0;
      const uint64_t size = inode->durable + (loss == Loss::kEverything ? 0 : draw() % (open + 1));
      inode->cut(size, zeros ? inode->durable : size);
      inode->durable = size;
    }
    names_ = names;
    durable_ = std::move(names);
    steps_.clear();
  }

 private:
  static void make_parents(Names* names, const std::string& path) {
    for (std::string at = parent(path); names->try_emplace(at, nullptr).second;) at = parent(at);
  }
  static void take_step(Names* names, const Step& step) {
    switch (step.kind) {
      case Step::Kind::kPut:
        make_parents(names, step.path);
        (*names)[step.path] = step.inode;
        break;
      case Step::Kind::kRename: {
        const auto node = names->extract(step.path);
        if (node.empty()) break;  // its making was lost
        make_parents(names, step.to);
        (*names)[step.to] = node.mapped();
        break;
      }
      case Step::Kind::kRemove:
        std::erase_if(*names, [&](const auto& name) { return below(name.first, step.path); });
        break;
    }
  }

  Names names_ = {{"/", nullptr}}, durable_ = {{"/", nullptr}};
  std::vector<Step> steps_;  // since a barrier
};

}  // namespace smslab::testing
