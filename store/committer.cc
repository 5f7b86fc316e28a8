#include "store/committer.h"

#include <utility>

namespace smslab::store {

Committer::Committer(Index& index) : index_(index), thread_([this] { run(); }) {}

Committer::~Committer() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

CompletionPtr Committer::submit(Index::Change change) {
  auto done = std::make_shared<Completion>();
  const MutexLock lock(mu_);
  waiting_.emplace_back(std::move(change), done);
  wake_.notify_one();
  return done;
}

void Committer::settle() {
  MutexLock lock(mu_);
  const uint64_t seen = rounds_;
  while (writing_ && rounds_ == seen) settled_.wait(lock);
}

void Committer::run() {
  while (true) {
    std::vector<Index::Change> changes;
    std::vector<CompletionPtr> completions;
    {
      MutexLock lock(mu_);
      while (waiting_.empty() && !stopping_) wake_.wait(lock);
      if (waiting_.empty()) return;
      for (auto& [change, done] : waiting_) {
        changes.push_back(std::move(change));
        completions.push_back(std::move(done));
      }
      waiting_.clear();
      writing_ = true;
    }
    std::vector<Status> results = index_.write(changes);
    // What a change holds goes before its waiter goes on: a Staging must not outlive the store behind our back.
    changes.clear();
    for (size_t i = 0; i < completions.size(); i++) completions[i]->finish(std::move(results[i]));
    const MutexLock lock(mu_);
    writing_ = false;
    rounds_++;
    settled_.notify_all();
  }
}

}  // namespace smslab::store
