// The package content hash: one digest over names and contents of a whole tree (facts: protocol 7.2).
//
//   PackageTree tree;
//   tree.add_folder("Sub/Empty");
//   tree.add_file("Sub/b.txt", content_digests("world\n"));
//   std::string sha1 = tree.hash(Algorithm::kSha1);          // upper-case hex
//
// The SHA-256 generation is a public reconstruction; that the MD5 and SHA-1 generations are built alike is ASSUMED (A9,
// semantics 11.1): no SMS 2003 description was ever published. This file is the one place to mend.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "proto/base/digest.h"

namespace smslab {

class PackageTree {
 public:
  // Paths are relative, '/'-separated; parents come into being by themselves. The last digests given for a path count.
  void add_folder(std::string_view path);
  void add_file(std::string_view path, ContentDigests digests);

  std::string hash(Algorithm generation) const;

 private:
  // Children by folded name, which is NTFS' order; code point order of the upper-case form is assumed (A9).
  struct Folder {
    std::map<std::string, std::pair<std::string, Folder>> folders;        // folded -> (relative path, folder)
    std::map<std::string, std::pair<std::string, ContentDigests>> files;  // folded -> (relative path, digests)
  };
  static void feed(const Folder& folder, Algorithm generation, Hasher* hasher);
  Folder& folder_at(std::string_view path);

  Folder root_;
};

}  // namespace smslab
