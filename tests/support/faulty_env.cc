#include "tests/support/faulty_env.h"

#include <map>
#include <optional>
#include <utility>

#include "proto/base/mutex.h"

namespace smslab::testing {

class FaultyEnv::Plan {
 public:
  // What becomes of the next call. `torn`: what is left of it when it is the one that death meets.
  Status next(Call call, const std::function<void()>& torn = {}) {
    const MutexLock lock(mu_);
    calls_++;
    const uint64_t nth = ++by_kind_[call];
    if (last_ && calls_ > *last_) {
      if (torn && calls_ == *last_ + 1) torn();
      if (death_) death_();
      return {Code::kUnavailable, "the process is dead"};
    }
    const auto planned = failures_.find({call, nth});
    if (planned == failures_.end()) return ok_status();
    Status status = std::move(planned->second);
    failures_.erase(planned);
    return status;
  }
  void fail(Call call, uint64_t nth, Status status) {
    const MutexLock lock(mu_);
    failures_[{call, by_kind_[call] + nth}] = std::move(status);
  }
  void die_after(uint64_t calls, std::function<void()> death) {
    const MutexLock lock(mu_);
    last_ = calls_ + calls;
    death_ = std::move(death);
  }
  bool dead() const {
    const MutexLock lock(mu_);
    return last_ && calls_ > *last_;
  }
  uint64_t calls() const {
    const MutexLock lock(mu_);
    return calls_;
  }
  uint64_t calls(Call call) const {
    const MutexLock lock(mu_);
    const auto found = by_kind_.find(call);
    return found == by_kind_.end() ? 0 : found->second;
  }

 private:
  mutable Mutex mu_;
  uint64_t calls_ GUARDED_BY(mu_) = 0;
  std::optional<uint64_t> last_ GUARDED_BY(mu_);
  std::function<void()> death_ GUARDED_BY(mu_);
  std::map<Call, uint64_t> by_kind_ GUARDED_BY(mu_);
  std::map<std::pair<Call, uint64_t>, Status> failures_ GUARDED_BY(mu_);
};

namespace {

class FaultyReadable final : public ReadableFile {
 public:
  FaultyReadable(std::unique_ptr<ReadableFile> under, std::shared_ptr<FaultyEnv::Plan> plan)
      : under_(std::move(under)), plan_(std::move(plan)) {}
  Result<size_t> pread(uint64_t offset, std::span<char> buffer) const override {
    RETURN_IF_ERROR(plan_->next(FaultyEnv::Call::kRead));
    return under_->pread(offset, buffer);
  }
  uint64_t size() const override { return under_->size(); }
  int fd() const override { return under_->fd(); }

 private:
  const std::unique_ptr<ReadableFile> under_;
  const std::shared_ptr<FaultyEnv::Plan> plan_;
};

class FaultyWritable final : public WritableFile {
 public:
  FaultyWritable(std::unique_ptr<WritableFile> under, std::shared_ptr<FaultyEnv::Plan> plan)
      : under_(std::move(under)), plan_(std::move(plan)) {}
  Status append(std::string_view bytes) override {
    RETURN_IF_ERROR(
        plan_->next(FaultyEnv::Call::kAppend, [&] { (void)under_->append(bytes.substr(0, bytes.size() / 2)); }));
    return under_->append(bytes);
  }
  Status close() override {
    RETURN_IF_ERROR(plan_->next(FaultyEnv::Call::kClose));
    return under_->close();
  }

 private:
  const std::unique_ptr<WritableFile> under_;
  const std::shared_ptr<FaultyEnv::Plan> plan_;
};

}  // namespace

FaultyEnv::FaultyEnv(Env& under) : ForwardingEnv(under), plan_(std::make_shared<Plan>()) {}
FaultyEnv::~FaultyEnv() = default;

void FaultyEnv::fail(Call call, uint64_t nth, Status status) { plan_->fail(call, nth, std::move(status)); }
void FaultyEnv::die_after(uint64_t calls) { plan_->die_after(calls, {}); }
void FaultyEnv::die_after(uint64_t calls, std::function<void()> death) { plan_->die_after(calls, std::move(death)); }
bool FaultyEnv::dead() const { return plan_->dead(); }
uint64_t FaultyEnv::calls() const { return plan_->calls(); }
uint64_t FaultyEnv::calls(Call call) const { return plan_->calls(call); }

Result<std::unique_ptr<ReadableFile>> FaultyEnv::open(const std::string& path) {
  RETURN_IF_ERROR(plan_->next(Call::kOpen));
  ASSIGN_OR_RETURN(auto file, under_.open(path));
  return std::unique_ptr<ReadableFile>(std::make_unique<FaultyReadable>(std::move(file), plan_));
}
Result<std::unique_ptr<WritableFile>> FaultyEnv::wrap(Result<std::unique_ptr<WritableFile>> file) const {
  if (!file.ok()) return file.status();
  return std::unique_ptr<WritableFile>(std::make_unique<FaultyWritable>(*std::move(file), plan_));
}
Result<std::unique_ptr<WritableFile>> FaultyEnv::create(const std::string& path) {
  RETURN_IF_ERROR(plan_->next(Call::kCreate));
  return wrap(under_.create(path));
}
Result<std::unique_ptr<WritableFile>> FaultyEnv::open_append(const std::string& path) {
  RETURN_IF_ERROR(plan_->next(Call::kCreate));
  return wrap(under_.open_append(path));
}
Result<FileInfo> FaultyEnv::info(const std::string& path) {
  RETURN_IF_ERROR(plan_->next(Call::kInfo));
  return under_.info(path);
}
Result<FileInfo> FaultyEnv::link_info(const std::string& path) {
  RETURN_IF_ERROR(plan_->next(Call::kInfo));
  return under_.link_info(path);
}
Result<std::vector<FolderEntry>> FaultyEnv::list(const std::string& path) {
  RETURN_IF_ERROR(plan_->next(Call::kList));
  return under_.list(path);
}
Result<std::string> FaultyEnv::real_path(const std::string& path) {
  RETURN_IF_ERROR(plan_->next(Call::kRealPath));
  return under_.real_path(path);
}
Status FaultyEnv::make_folders(const std::string& path) {
  RETURN_IF_ERROR(plan_->next(Call::kMakeFolders));
  return under_.make_folders(path);
}
Status FaultyEnv::rename(const std::string& from, const std::string& to) {
  RETURN_IF_ERROR(plan_->next(Call::kRename));
  return under_.rename(from, to);
}
Status FaultyEnv::remove_file(const std::string& path) {
  RETURN_IF_ERROR(plan_->next(Call::kRemove));
  return under_.remove_file(path);
}
Status FaultyEnv::remove_tree(const std::string& path) {
  RETURN_IF_ERROR(plan_->next(Call::kRemove));
  return under_.remove_tree(path);
}
Status FaultyEnv::barrier(const std::string& folder) {
  RETURN_IF_ERROR(plan_->next(Call::kBarrier));
  return under_.barrier(folder);
}
Result<std::unique_ptr<FolderLock>> FaultyEnv::lock_folder(const std::string& folder) {
  RETURN_IF_ERROR(plan_->next(Call::kLock));
  return under_.lock_folder(folder);
}

}  // namespace smslab::testing
