// A file of more than 4 GiB, in a program of its own: it takes as long as hashing it does.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "tests/store/fixture.h"
#include "tests/support/forwarding_env.h"

namespace smslab::store {
namespace {

using smslab::testing::ForwardingEnv;

// Writes blocks of zeros as holes, so that a test of size does not fill a disk.
class SparseEnv final : public ForwardingEnv {
 public:
  using ForwardingEnv::ForwardingEnv;
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return from_errno(errno, "cannot create " + path);
    return std::unique_ptr<WritableFile>(std::make_unique<File>(fd));
  }

 private:
  class File final : public WritableFile {
   public:
    explicit File(int fd) : fd_(fd) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() override { ::close(fd_); }
    Status append(std::string_view bytes) override {
      const bool zeros = !bytes.empty() && bytes[0] == '\0' && std::memcmp(&bytes[0], &bytes[1], bytes.size() - 1) == 0;
      if (!zeros && ::pwrite(fd_, bytes.data(), bytes.size(), size_) != static_cast<ssize_t>(bytes.size())) {
        return from_errno(errno, "cannot write");
      }
      size_ += static_cast<off_t>(bytes.size());
      return ok_status();
    }
    Status close() override { return ::ftruncate(fd_, size_) == 0 ? ok_status() : from_errno(errno, "cannot write"); }

   private:
    const int fd_;
    off_t size_ = 0;
  };
};

TEST(LargeTest, AFileOfMoreThanFourGigabytesInConstantMemory) {
  const TempFolder folder(true);
  const uint64_t size = (uint64_t{4} << 30) + 1;
  const std::string source = folder / "source";
  write_bytes(source + "/large.bin", "");
  fs::resize_file(source + "/large.bin", size - 1);
  std::ofstream(source + "/large.bin", std::ios::app) << 'X';
  ASSERT_EQ(fs::file_size(source + "/large.bin"), size);

  SparseEnv env(posix_env());
  const auto store = must(Store::open(env, folder / "data"));
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  uint64_t progress = 0;
  const Snapshot snapshot = must(import_folder(env, store->blobs(), {"LON00001", 1, source}, [&](uint64_t bytes) {
    EXPECT_LE(bytes - progress, 4u << 20);
    progress = bytes;
    return ok_status();
  }));
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(progress, size);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 << 10) << "KiB";
  ASSERT_OK(store->commit([&](WriteTxn& txn) { return snapshot.publish(txn, store->blobs()); }));
  const v1::FileEntry& entry = snapshot.manifest.files(0);
  EXPECT_EQ(entry.size(), size);
  EXPECT_EQ(entry.hash().sha1(), "9BD109DBAFE50950BA93D10CC3FDB2C9DDF0AA60") << "4 GiB of zeros and an X";
  const auto blob = must(store->blobs().open(entry.hash().sha256()));
  EXPECT_EQ(blob->size(), size);
  char last = 0;
  EXPECT_EQ(must(blob->pread(size - 1, {&last, 1})), 1u);
  EXPECT_EQ(last, 'X');
}

}  // namespace
}  // namespace smslab::store
