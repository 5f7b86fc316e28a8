// GrowingFile: a file that is written in memory and grows at its end.
//
//   ASSIGN_OR_RETURN(auto file, GrowingFile::open(path, {}, uint64_t{64} << 30));
//   RETURN_IF_ERROR(file->reserve(uint64_t{4} << 20));        // of the disk
//   std::memcpy(file->data() + at, ...);                      // below reserved() alone
//
// It is mapped once, far beyond its end, so that data() never moves. What is reserved has its place on the disk: a disk
// that fills up later cannot fail a write into memory, which no program survives. A kill of the process loses nothing
// that was written; a power cut may. reserve(), punch() and trim() block on the disk and are for one thread at a time;
// the others are for all.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "proto/base/fd.h"
#include "proto/base/status.h"

namespace smslab::store {

class GrowingFile {
 public:
  // Gives the bytes of a file that lie between their place on the disk; what they hold stays.
  using Allocate = std::function<Status(int fd, uint64_t from, uint64_t to)>;
  static Status allocate(int fd, uint64_t from, uint64_t to);  // the system's

  // Makes the file if it is not there; what it has is taken for reserved. It can grow to `most` bytes, or as far as the
  // process may have addresses (ulimit -v).
  static Result<std::unique_ptr<GrowingFile>> open(const std::string& path, Allocate allocate, uint64_t most);
  ~GrowingFile();

  char* data() const { return data_; }
  uint64_t reserved() const { return reserved_; }
  // kNoSpace and whatever else the disk says leaves everything as it was.
  Status reserve(uint64_t size);
  void punch(uint64_t from, uint64_t to);  // gives back the disk's pages that lie between; they read as zeros
  void trim(uint64_t size);                // what is behind goes; nobody may write there

 private:
  GrowingFile(std::string path, Allocate allocate, UniqueFd fd, char* data, uint64_t most, uint64_t reserved)
      : path_(std::move(path)),
        allocate_(std::move(allocate)),
        fd_(std::move(fd)),
        data_(data),
        most_(most),
        reserved_(reserved) {}

  const std::string path_;
  const Allocate allocate_;
  const UniqueFd fd_;
  char* const data_;
  const uint64_t most_;
  std::atomic<uint64_t> reserved_;
};

}  // namespace smslab::store
