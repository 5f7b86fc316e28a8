// Mutex, MutexLock and CondVar that clang's -Wthread-safety understands. Thin covers of the standard ones.
//
//   mutable Mutex mu_;
//   int jobs_ GUARDED_BY(mu_) = 0;
//   { MutexLock lock(mu_); while (jobs_ == 0) changed_.wait(lock); }
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define SMSLAB_TSA(x) __attribute__((x))
#else
#define SMSLAB_TSA(x)
#endif
#define CAPABILITY(x) SMSLAB_TSA(capability(x))
#define SCOPED_CAPABILITY SMSLAB_TSA(scoped_lockable)
#define GUARDED_BY(x) SMSLAB_TSA(guarded_by(x))
#define PT_GUARDED_BY(x) SMSLAB_TSA(pt_guarded_by(x))
#define REQUIRES(...) SMSLAB_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) SMSLAB_TSA(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) SMSLAB_TSA(acquire_capability(__VA_ARGS__))
#define RELEASE(...) SMSLAB_TSA(release_capability(__VA_ARGS__))

namespace smslab {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mu_.lock(); }
  void unlock() RELEASE() { mu_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mu_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mu) ACQUIRE(mu) : lock_(mu.mu_) {}
  ~MutexLock() RELEASE() {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  friend class CondVar;
  std::unique_lock<std::mutex> lock_;
};

class CondVar {
 public:
  void wait(MutexLock& lock) { cv_.wait(lock.lock_); }
  // False when the deadline passed.
  bool wait_until(MutexLock& lock, std::chrono::steady_clock::time_point deadline) {
    return cv_.wait_until(lock.lock_, deadline) == std::cv_status::no_timeout;
  }
  void notify_one() { cv_.notify_one(); }
  void notify_all() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace smslab
