#include "store/growing_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace smslab::store {
namespace {
constexpr uint64_t kPage = 4096;
constexpr uint64_t kLeastMap = uint64_t{64} << 20;
}  // namespace

Status GrowingFile::allocate(int fd, uint64_t from, uint64_t to) {
  // Where the file system has no such call, the C library writes into every block instead.
  const int error = ::posix_fallocate(fd, static_cast<off_t>(from), static_cast<off_t>(to - from));
  return error == 0 ? ok_status() : from_errno(error, "reserving room on the disk");
}

Result<std::unique_ptr<GrowingFile>> GrowingFile::open(const std::string& path, Allocate allocate, uint64_t most) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) return from_errno(errno, path);
  const auto size = static_cast<uint64_t>(info.st_size);
  const auto map = [&] {
    return ::mmap(nullptr, most, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd.get(), 0);
  };
  void* data = map();
  for (; data == MAP_FAILED && errno == ENOMEM && most / 2 >= std::max(kLeastMap, 2 * size); data = map()) most /= 2;
  if (data == MAP_FAILED) return from_errno(errno, "mapping " + path);
  if (!allocate) allocate = GrowingFile::allocate;
  return std::unique_ptr<GrowingFile>(
      new GrowingFile(path, std::move(allocate), std::move(fd), static_cast<char*>(data), most, size));
}

GrowingFile::~GrowingFile() { ::munmap(data_, most_); }

Status GrowingFile::reserve(uint64_t size) {
  if (size <= reserved_) return ok_status();
  if (size > most_) return failed_precondition(path_ + " cannot grow beyond " + std::to_string(most_) + " bytes");
  RETURN_IF_ERROR(allocate_(fd_.get(), reserved_, size).prefixed(path_));
  reserved_ = size;
  return ok_status();
}

void GrowingFile::punch(uint64_t from, uint64_t to) {
  from = (from + kPage - 1) / kPage * kPage;
  to = to / kPage * kPage;
  if (from < to) {
    ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
                static_cast<off_t>(to - from));
  }
}

void GrowingFile::trim(uint64_t size) {
  if (size < reserved_ && ::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0) reserved_ = size;
}

}  // namespace smslab::store
