#include "mp/imports.h"

#include <utility>

namespace smslab::mp {

Imports::Import::Import(Imports& owner, std::string package, std::string source)
    : owner_(owner), package_(std::move(package)), source_(std::move(source)) {}

Imports::Import::~Import() {
  const MutexLock lock(owner_.mu_);
  owner_.running_.erase(package_);
}

store::Staging::Progress Imports::Import::progress() {
  return [this](uint64_t bytes) -> Status {
    bytes_ = bytes;
    return owner_.stopped_ ? Status(Code::kUnavailable, "the site is stopping") : ok_status();
  };
}

Result<std::unique_ptr<Imports::Import>> Imports::begin(const std::string& package, const std::string& source) {
  std::unique_ptr<Import> import;  // destroyed after the lock: its end takes it
  const MutexLock lock(mu_);
  if (running_.contains(package)) {
    return Status(Code::kAborted, "the source of " + package + " is being read already; try again when that is done");
  }
  import.reset(new Import(*this, package, source));
  running_[package] = import.get();
  return import;
}

v1::ImportList Imports::list() const {
  v1::ImportList list;
  const MutexLock lock(mu_);
  for (const auto& [package, import] : running_) {
    v1::ImportProgress* progress = list.add_imports();
    progress->set_package(package);
    progress->set_source(import->source_);
    progress->set_bytes(import->bytes_);
  }
  return list;
}

void Imports::stop() { stopped_ = true; }

}  // namespace smslab::mp
