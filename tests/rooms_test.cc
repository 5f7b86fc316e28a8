// Who may include whom (docs/design.md, "Rooms"): an include that breaks the rule fails here, before it becomes a
// habit.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace smslab {
namespace {
namespace fs = std::filesystem;

// The rooms that a room's files may include, itself included. proto's sub-rooms count as proto; mp/host and mp/cli
// are rooms of their own.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"proto", {"proto"}},
    {"store", {"store", "proto"}},
    {"dp", {"dp", "store", "proto"}},
    {"mp", {"mp", "store", "proto"}},
    {"mp/host", {"mp/host", "mp", "dp", "store", "proto"}},
    {"mp/cli", {"mp/cli", "mp/host", "mp", "dp", "store", "proto"}},
};

// Third-party headers that stay in one place each.
const std::map<std::string, std::set<std::string>> kOnlyIn = {
    {"lmdb.h", {"store/index.cc"}},
    {"httplib.h", {"proto/control/server.cc", "proto/control/client.cc", "proto/control/socket_stream.h"}},
    {"yaml-cpp/yaml.h", {"proto/codec/"}},
    {"pugixml.hpp", {"proto/codec/", "proto/dav/"}},
    {"zlib.h", {"proto/ccm/zlib.cc"}},
    {"openssl/", {"proto/base/digest.cc", "proto/ccm/signature.cc", "proto/wire/tls.cc"}},
};

std::string room_of(const std::string& path) {
  for (const std::string room : {"mp/host", "mp/cli"}) {
    if (path.starts_with(room + "/")) return room;
  }
  return path.substr(0, path.find('/'));
}

struct Include {
  std::string file, header;
  int line;
};

std::vector<Include> includes_below(const std::string& folder) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::vector<Include> found;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(SMSLAB_SOURCE) / folder)) {
    if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
    std::ifstream in(entry.path());
    std::string text;
    for (int line = 1; std::getline(in, text); line++) {
      std::smatch match;
      if (std::regex_search(text, match, kInclude)) {
        found.push_back({fs::relative(entry.path(), SMSLAB_SOURCE).string(), match[1], line});
      }
    }
  }
  return found;
}

std::vector<Include> includes_of_product() {
  std::vector<Include> found;
  for (const auto& [room, allowed] : kMayInclude) {
    if (room == "mp/cli") continue;  // walked with mp
    const auto more = includes_below(room);
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

TEST(Rooms, IncludeOnlyWhatTheyMay) {
  const auto includes = includes_of_product();
  ASSERT_GT(includes.size(), 100u) << "the sources were not found";
  for (const auto& [file, header, line] : includes) {
    const std::string room = room_of(header);
    if (header == room) continue;  // no folder: the standard library
    EXPECT_FALSE(header.starts_with("tests/")) << file << ":" << line << " includes " << header;
    if (kMayInclude.contains(room)) {
      EXPECT_TRUE(kMayInclude.at(room_of(file)).contains(room)) << file << ":" << line << " includes " << header;
    }
  }
}

TEST(Rooms, TheReferenceClientStandsOnProtoAlone) {
  for (const auto& [file, header, line] : includes_of_product()) {
    if (!file.starts_with("proto/client/")) continue;
    EXPECT_FALSE(header.starts_with("proto/wire/") || header.starts_with("proto/fault/"))
        << file << ":" << line << " includes " << header;
  }
}

TEST(Rooms, ThirdPartyHeadersStayInOnePlaceEach) {
  for (const auto& [file, header, line] : includes_of_product()) {
    for (const auto& [library, places] : kOnlyIn) {
      if (!header.starts_with(library)) continue;
      bool allowed = false;
      for (const auto& place : places) allowed |= file.starts_with(place);
      EXPECT_TRUE(allowed) << file << ":" << line << " includes <" << header << ">";
    }
  }
}

// Tests see libraries through the product, but where they play a peer or break into a store.
TEST(Rooms, TestsKeepThirdPartyHeadersInOnePlaceEachToo) {
  const std::map<std::string, std::set<std::string>> places = {{"lmdb.h", {"tests/store/index_test.cc"}},
                                                               {"openssl/", {"tests/support/tls_probe.h"}}};
  for (const auto& [file, header, line] : includes_below("tests")) {
    for (const auto& [library, unused] : kOnlyIn) {
      if (!header.starts_with(library)) continue;
      EXPECT_TRUE(places.contains(library) && places.at(library).contains(file))
          << file << ":" << line << " includes <" << header << ">";
    }
  }
}

}  // namespace
}  // namespace smslab
