#include "proto/base/digest.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "proto/base/digest_lanes.h"
#include "proto/base/tree_hash.h"

namespace smslab {
namespace {

TEST(Digest, KnowsTheEmptyContent) {
  const ContentDigests digests = content_digests("");
  EXPECT_EQ(digests.md5, "D41D8CD98F00B204E9800998ECF8427E");
  EXPECT_EQ(digests.sha1, "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709");
  EXPECT_EQ(digests.sha256, "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855");
}

TEST(Digest, StreamsInAnyPieces) {
  ContentHasher hasher;
  for (char c : std::string("hello\n")) hasher.update({&c, 1});
  EXPECT_EQ(hasher.finish(), content_digests("hello\n"));
}

TEST(Digest, LanesDigestTheSameInAnyPieces) {
  std::string bytes;
  for (int i = 0; bytes.size() < 5'000'000; i++) bytes += std::to_string(i) + ",";
  for (const size_t piece : {1'000'000u, 262'144u, 99'991u}) {
    DigestLanes lanes;
    for (std::string_view rest = bytes; !rest.empty();) {
      const std::span<char> room = lanes.room();
      const size_t n = std::min({rest.size(), room.size(), size_t{piece}});
      std::ranges::copy(rest.substr(0, n), room.begin());
      EXPECT_EQ(lanes.put(n), rest.substr(0, n));
      rest.remove_prefix(n);
    }
    EXPECT_EQ(lanes.finish(), content_digests(bytes)) << piece;
  }
  EXPECT_EQ(DigestLanes().finish(), content_digests(""));
  DigestLanes given_up;  // its threads end with it
  given_up.room();
  given_up.put(10);
}

// The worked examples of the published construction (facts: protocol 7.2).
PackageTree example_one() {
  PackageTree tree;
  tree.add_file("setup.exe", content_digests("MZ"));
  tree.add_file("Sub/b.txt", content_digests("world\n"));
  tree.add_file("A.txt", content_digests("hello\n"));
  return tree;
}

TEST(PackageTree, HashesTheFirstWorkedExample) {
  const PackageTree tree = example_one();
  EXPECT_EQ(tree.hash(Algorithm::kSha256), "1282C7B47567C9EFD0B31FC35ECEDE1F4B94AA66F7DEE79817B2EE82C3383F04");
  EXPECT_EQ(tree.hash(Algorithm::kSha1), "6207D00E0FF964EDACDCBC4FA4FA9DE4C88F99F5");
  EXPECT_EQ(tree.hash(Algorithm::kMd5), "6387BA8DD9CF19B386C94C98E8028CF1");
}

TEST(PackageTree, HashesTheSecondWorkedExample) {
  PackageTree tree = example_one();
  tree.add_file("Sub/Deep/c.bin", content_digests(std::string("\0\1\2", 3)));
  tree.add_folder("Sub/Empty");
  tree.add_file("Zed/z.txt", content_digests(""));
  EXPECT_EQ(tree.hash(Algorithm::kSha256), "A1EB09857B4CA4471A8C23F31F9B85E896E5EB2AB1A09837DC018B51547620BB");
  EXPECT_EQ(tree.hash(Algorithm::kSha1), "198C1076CC899469B89A3FA0211FB48A3D7D98B1");
  EXPECT_EQ(tree.hash(Algorithm::kMd5), "534EFA4FA135E5100AF357C12E80B4BB");
}

TEST(PackageTree, ASingleFileIsNotItsBareDigest) {
  PackageTree tree;
  tree.add_file("setup.exe", content_digests("MZ"));
  EXPECT_EQ(tree.hash(Algorithm::kSha1), "A2FFB9E6936F85D57AE485F083730691A64C737A");
}

TEST(PackageTree, AnEmptyTreeIsTheHashOfNothing) {
  EXPECT_EQ(PackageTree().hash(Algorithm::kSha1), "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709");
}

}  // namespace
}  // namespace smslab
