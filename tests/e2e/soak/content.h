// Content: what the soak's packages are made of. Every file says which package and label it is of, in its first line
// and in every byte behind it, so that whoever gets it knows what it is, and a mixture is none of them.
//
// A label numbers what an administrator put into a source folder: it rises for ever, where a source version begins
// anew when a package is deleted and made again. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smslab::test::soak {

struct File {
  std::string path;
  size_t size;      // bytes; of a changing one the label adds some
  bool changes;     // with each label; else it is the same in all
  bool everybodys;  // the same in all packages, so their stores have it once
};
// Of every package. The large one is sent from a file, the others from memory.
const std::vector<File>& files();
constexpr size_t kFirstLine = 64;  // bytes, at most

std::string content(const std::string& package, uint64_t label, const File& file);
// What the first line of a changing file says; nullopt when it is none of this package's.
std::optional<uint64_t> label_of(const std::string& package, const File& file, std::string_view bytes);
// Upper-case SHA-256 of content(), remembered.
std::string sha256_of(const std::string& package, uint64_t label, const File& file);
std::string etag_of(const std::string& package, uint64_t label, const File& file);
// The package hash that the site is to say.
std::string package_sha1(const std::string& package, uint64_t label);

}  // namespace smslab::test::soak
