#include "proto/base/env.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

namespace smslab {
namespace {

class PosixEnv : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "env.XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { EXPECT_TRUE(env_.remove_tree(folder_).ok()); }

  Env& env_ = posix_env();
  std::string folder_;
};

TEST_F(PosixEnv, WritesReadsAndAppends) {
  const std::string path = folder_ + "/a";
  ASSERT_TRUE(write_file(env_, path, "hello").ok());
  auto more = env_.open_append(path);
  ASSERT_TRUE(more.ok());
  ASSERT_TRUE((*more)->append(" world").ok());
  ASSERT_TRUE((*more)->close().ok());
  EXPECT_EQ(*read_file(env_, path, 100), "hello world");
  EXPECT_EQ(read_file(env_, path, 10).status().code(), Code::kTooLarge);
  EXPECT_TRUE(env_.barrier(folder_).ok());
}

TEST_F(PosixEnv, ListsInByteOrderAndTellsLinksApart) {
  ASSERT_TRUE(write_file(env_, folder_ + "/b", "").ok());
  ASSERT_TRUE(env_.make_folders(folder_ + "/a/x/y").ok());
  std::filesystem::create_symlink(folder_ + "/b", folder_ + "/c");
  const auto entries = env_.list(folder_);
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[0].type, FileType::kFolder);
  EXPECT_EQ((*entries)[1].type, FileType::kFile);
  EXPECT_EQ((*entries)[2].type, FileType::kLink);
  EXPECT_EQ(env_.info(folder_ + "/c")->type, FileType::kFile);
  EXPECT_EQ(env_.link_info(folder_ + "/c")->type, FileType::kLink);
}

TEST_F(PosixEnv, OpenRefusesWhatIsNoFileWithoutHanging) {
  ASSERT_EQ(::mkfifo((folder_ + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(env_.open(folder_ + "/pipe").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(env_.open(folder_).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(env_.open(folder_ + "/none").status().code(), Code::kNotFound);
}

TEST_F(PosixEnv, RemoveTreeDoesNotFollowLinks) {
  ASSERT_TRUE(env_.make_folders(folder_ + "/kept").ok());
  ASSERT_TRUE(write_file(env_, folder_ + "/kept/file", "x").ok());
  ASSERT_TRUE(env_.make_folders(folder_ + "/gone").ok());
  std::filesystem::create_directory_symlink(folder_ + "/kept", folder_ + "/gone/link");
  ASSERT_TRUE(env_.remove_tree(folder_ + "/gone").ok());
  EXPECT_TRUE(env_.info(folder_ + "/kept/file").ok());
  EXPECT_TRUE(env_.remove_tree(folder_ + "/gone").ok()) << "absent is fine";
}

TEST_F(PosixEnv, OneLockAFolder) {
  auto first = env_.lock_folder(folder_);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(env_.lock_folder(folder_).status().code(), Code::kFailedPrecondition);
  first->reset();
  EXPECT_TRUE(env_.lock_folder(folder_).ok());
}

}  // namespace
}  // namespace smslab
