// Faults of a distribution point as a store, through the real lab, plain and over TLS: what it lists and what it
// serves, to the byte, and that the next request is served right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "proto/base/digest.h"
#include "proto/base/text.h"
#include "proto/base/tree_hash.h"
#include "proto/base/uri.h"
#include "proto/dav/propfind.h"
#include "tests/support/http_probe.h"
#include "tests/support/lab.h"
#include "tests/support/tls_probe.h"

namespace smslab::test {
namespace {
using testing::HasSubstr;
using testing::Not;

constexpr char kRoot[] = "/SMS_DP_SMSPKG$/LON00001/";

// No two of these have a byte in common anywhere.
std::string pattern(size_t size, char first) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; i++) bytes[i] = static_cast<char>(first + i % 23);
  return bytes;
}

using Files = std::map<std::string, std::string>;  // path -> bytes
const Files kOld = {{"adminpak.msi", pattern(40'000, 'a')},
                    {"readme.txt", "old readme\n"},
                    {"gone.txt", "gone\n"},
                    {".settings", "hidden\n"},
                    {"bin/tool.exe", "tool"},
                    {"data.mdb", "base"},
                    {"c++.txt", "plus"}};
const Files kNew = {{"adminpak.msi", pattern(60'000, 'A')},
                    {"readme.txt", "new readme\n"},
                    {"added.txt", "added\n"},
                    {".settings", "hidden\n"},
                    {"bin/tool.exe", "tool"},
                    {"data.mdb", "base"},
                    {"c++.txt", "plus"}};

// What a client computes that has these files.
std::string package_sha1(const Files& files) {
  PackageTree tree;
  for (const auto& [path, bytes] : files) {
    if (const size_t slash = path.rfind('/'); slash != std::string::npos) tree.add_folder(path.substr(0, slash));
  }
  for (const auto& [path, bytes] : files) {
    const ContentDigests digests = content_digests(bytes);
    tree.add_file(path, {digests.md5, digests.sha1, digests.sha256});
  }
  return tree.hash(Algorithm::kSha1);
}
std::string sha1(const std::string& bytes) { return content_digests(bytes).sha1; }

using Sizes = std::map<std::string, uint64_t>;
Sizes sizes_of(const Files& files) {
  Sizes sizes;
  for (const auto& [path, bytes] : files) sizes[path] = bytes.size();
  return sizes;
}

class DpFaults : public testing::TestWithParam<bool> {
 protected:
  static void SetUpTestSuite() {
    lab_ = std::make_unique<Lab>(std::vector<std::string>{"--clock", "2026-11-21T20:00:00Z"});
    const std::string source = lab_->folder() + "/source";
    for (const auto& [path, bytes] : kOld) write(source + "/" + path, bytes);
    lab_->must({"package", "create", "LON00001", "--name", "Tools", "--source", source});
    lab_->must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
    for (const auto& [path, bytes] : kNew) write(source + "/" + path, bytes);
    ASSERT_EQ(::remove((source + "/gone.txt").c_str()), 0);
    lab_->must({"package", "update", "LON00001", "--wait"});
  }
  static void TearDownTestSuite() { lab_.reset(); }
  ~DpFaults() override {
    lab_->must({"fault", "clear"});
    expect_right();
  }

  static v1::FaultRule add(const std::string& rule) { return lab_->json<v1::FaultRule>({"fault", "add", rule}); }
  // In this package alone.
  static v1::FaultRule fault(const std::string& match, const std::string& rest) {
    return add(R"({"match":{"package":"LON00001")" + (match.empty() ? "" : "," + match) + "}," + rest + "}");
  }
  static std::string refused(const std::string& rule) {
    const Finished finished = lab_->cli({"fault", "add", rule});
    EXPECT_EQ(finished.exit_status, 1) << rule;
    return finished.err;
  }
  static uint64_t hits(const v1::FaultRule& rule) {
    return lab_->json<v1::FaultRule>({"fault", "show", rule.id()}).counts().hit();
  }

  std::unique_ptr<HttpProbe> connect(const std::string& from = {}) const {
    const HostPort at = parse_url(lab_->dp(), "url")->at;
    if (GetParam()) return std::make_unique<TlsProbe>(at, lab_->data() + "/tls.pem", from);
    return std::make_unique<HttpProbe>(at, from);
  }
  HttpProbe::Reply get(const std::string& path, const std::string& fields = {}) const {
    return connect()->ask("GET", kRoot + percent_encode_path(path), fields);
  }
  HttpProbe::Reply propfind(const std::string& folder = {}, const std::string& from = {}) const {
    return connect(from)->ask("PROPFIND", kRoot + folder, "Depth: infinity\r\n");
  }
  static Sizes sizes_in(const std::string& multistatus) {
    const auto items = dav::read_multistatus(multistatus);
    EXPECT_TRUE(items.ok()) << items.status().to_string();
    Sizes sizes;
    if (!items.ok()) return sizes;
    for (const auto& item : *items) {
      if (item.folder) continue;
      const size_t at = item.href.find("LON00001/");
      sizes[*percent_decode(item.href.substr(at + 9))] = item.size;
    }
    return sizes;
  }
  Sizes listing(const std::string& folder = {}, const std::string& from = {}) const {
    const auto reply = propfind(folder, from);
    EXPECT_EQ(reply.status, 207);
    return sizes_in(reply.body);
  }
  // As version 2 is.
  void expect_right() const {
    EXPECT_EQ(listing(), sizes_of(kNew));
    for (const auto& [path, bytes] : kNew) EXPECT_EQ(get(path).body, bytes) << path;
  }

  static std::unique_ptr<Lab> lab_;
};
std::unique_ptr<Lab> DpFaults::lab_;

TEST_P(DpFaults, MissingFileIs404AndUnlisted) {
  const auto rule = fault(R"("file":"readme.txt")", R"("missingFile":{},"when":{"first":"1"})");
  Files left = kNew;
  left.erase("readme.txt");
  EXPECT_EQ(rule.foretold().package().sha1(), package_sha1(left));
  EXPECT_EQ(rule.foretold().status(), 404u);
  EXPECT_EQ(listing(), sizes_of(left));
  const auto missing = get("readme.txt");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body, "'readme.txt' is not in LON00001\n") << "as of a file that never was";
  EXPECT_EQ(get("none").body, "'none' is not in LON00001\n");
  EXPECT_EQ(hits(rule), 2u) << "one listing and one GET";
  expect_right();
}

TEST_P(DpFaults, MissingFileFromOnlyOneOfTheTwo) {
  fault(R"("file":"*.txt")", R"("missingFile":{"from":"LISTING"})");
  EXPECT_EQ(listing().count("readme.txt"), 0u);
  EXPECT_EQ(get("readme.txt").body, kNew.at("readme.txt"));
  lab_->must({"fault", "clear"});
  fault(R"("file":"*.txt")", R"("missingFile":{"from":"CONTENT"})");
  EXPECT_EQ(listing(), sizes_of(kNew));
  EXPECT_EQ(get("readme.txt").status, 404);
  EXPECT_EQ(connect()->ask("HEAD", std::string(kRoot) + "readme.txt").status, 404);
  EXPECT_EQ(get("adminpak.msi").body, kNew.at("adminpak.msi"));
}

TEST_P(DpFaults, ExtraFileIsListedAndNotThere) {
  const auto rule = fault("", R"("extraFile":{"file":"more/extra.dat","size":"5000000000"},"when":{"nth":"1"})");
  EXPECT_EQ(rule.foretold().status(), 404u);
  Sizes expected = sizes_of(kNew);
  expected["more/extra.dat"] = 5'000'000'000;
  EXPECT_EQ(listing(), expected);
  EXPECT_EQ(get("more/extra.dat").status, 404);
  EXPECT_EQ(listing(), sizes_of(kNew));
}

TEST_P(DpFaults, WrongSizeIsInTheListingAlone) {
  fault(R"("file":"adminpak.msi")", R"("wrongSize":{"by":"-1"},"limit":"1")");
  Sizes expected = sizes_of(kNew);
  expected["adminpak.msi"]--;
  EXPECT_EQ(listing(), expected);
  const auto file = get("adminpak.msi");
  EXPECT_EQ(file.field("Content-Length"), "60000");
  EXPECT_EQ(file.body, kNew.at("adminpak.msi"));
  EXPECT_EQ(listing(), sizes_of(kNew));
}

TEST_P(DpFaults, EmptyListingHasTheFolderAlone) {
  const auto rule = fault("", R"("emptyListing":{},"when":{"first":"1"})");
  EXPECT_EQ(rule.foretold().package().sha1(), package_sha1({}));
  const auto items = dav::read_multistatus(propfind().body);
  ASSERT_TRUE(items.ok());
  ASSERT_EQ(items->size(), 1u);
  EXPECT_TRUE(items->front().folder);
  EXPECT_EQ(listing(), sizes_of(kNew));
}

TEST_P(DpFaults, HugeListingIsStreamed) {
  constexpr uint64_t kMany = 20'000;
  fault("", R"("hugeListing":{"entries":"20000"},"limit":"1")");
  const auto probe = connect();
  probe->send("PROPFIND " + std::string(kRoot) + " HTTP/1.0\r\nDepth: infinity\r\n\r\n");
  const std::string all = probe->read_rest();
  const size_t body = all.find("\r\n\r\n") + 4;
  EXPECT_THAT(all.substr(0, body), Not(HasSubstr("Content-Length"))) << "its end is the connection's";
  Sizes sizes = sizes_in(all.substr(body));
  EXPECT_EQ(sizes.size(), kNew.size() + kMany);
  EXPECT_EQ(sizes.at("made-up-00000001.bin"), 1u);
  EXPECT_EQ(sizes.at("made-up-00020000.bin"), kMany);
  EXPECT_EQ(sizes.at("readme.txt"), kNew.at("readme.txt").size());
  EXPECT_EQ(listing(), sizes_of(kNew));
}

TEST_P(DpFaults, HiddenUnlistedFilesAreServedAllTheSame) {
  const auto rule = fault(R"("address":"127.0.0.1")", R"("hiddenUnlisted":{})");
  Files seen = kNew;
  seen.erase(".settings");
  EXPECT_EQ(rule.foretold().package().sha1(), package_sha1(seen));
  EXPECT_EQ(listing(), sizes_of(seen));
  EXPECT_EQ(get(".settings").body, "hidden\n");
  EXPECT_EQ(listing("", "127.0.0.2"), sizes_of(kNew)) << "another client";
}

TEST_P(DpFaults, RequestFilteringRefusesWhatIisRefuses) {
  const auto rule = fault("", R"("requestFiltering":{},"when":{"first":"1"})");
  EXPECT_EQ(rule.foretold().status(), 404u);
  const std::map<std::string, std::string> refusals = {
      {"bin/tool.exe", "404.8"}, {"data.mdb", "404.7"}, {"c++.txt", "404.11"}};
  for (const auto& [path, code] : refusals) {
    const auto reply = get(path);
    EXPECT_EQ(reply.status, 404) << path;
    EXPECT_THAT(reply.body, HasSubstr("HTTP Error " + code + " - Not Found")) << path;
    EXPECT_THAT(reply.field("Content-Type"), HasSubstr("text/html"));
    EXPECT_EQ(get(path).body, kNew.at(path)) << path << ", once more";
  }
  EXPECT_EQ(propfind("bin").status, 404);
  EXPECT_EQ(get("readme.txt").body, kNew.at("readme.txt"));
  EXPECT_EQ(hits(rule), 4u) << "what is not refused is not counted";
}

TEST_P(DpFaults, RequestFilteringOfGivenNamesIsOnlyOfThese) {
  fault("", R"("requestFiltering":{"extensions":[".TXT"]})");
  EXPECT_THAT(get("readme.txt").body, HasSubstr("404.7"));
  for (const char* path : {"bin/tool.exe", "data.mdb"}) EXPECT_EQ(get(path).body, kNew.at(path));
}

TEST_P(DpFaults, EioBreaksOffAtTheByte) {
  const std::string& content = kNew.at("adminpak.msi");
  const auto rule = fault(R"("file":"adminpak.msi")", R"("eio":{"offset":"12345"},"when":{"first":"2"})");
  EXPECT_EQ(rule.foretold().bytes(), 12'345u);
  const auto rest = [&](const std::string& fields) {
    const auto probe = connect();
    probe->send("GET " + std::string(kRoot) + "adminpak.msi HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
    return probe->read_rest();
  };
  const auto body = [](const std::string& reply) { return reply.substr(reply.find("\r\n\r\n") + 4); };
  const std::string whole = rest("");
  EXPECT_THAT(whole, HasSubstr("Content-Length: 60000\r\n"));
  EXPECT_EQ(body(whole), content.substr(0, 12'345));
  EXPECT_EQ(get("adminpak.msi", "Range: bytes=20000-20009\r\n").body, content.substr(20'000, 10))
      << "the byte is not among these";
  const std::string part = rest("Range: bytes=12000-12999\r\n");
  EXPECT_THAT(part, HasSubstr("Content-Range: bytes 12000-12999/60000\r\n"));
  EXPECT_EQ(body(part), content.substr(12'000, 345));
  EXPECT_EQ(hits(rule), 2u);
}

TEST_P(DpFaults, EioChoosesTheByteBySeedAndTellsIt) {
  const auto rule = fault(R"("dp":"LON-DCSMS-01","file":"adminpak.msi")", R"("eio":{},"limit":"1")");
  ASSERT_TRUE(rule.foretold().has_bytes());
  const auto probe = connect();
  probe->send("GET " + std::string(kRoot) + "adminpak.msi HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string reply = probe->read_rest();
  EXPECT_EQ(reply.size() - (reply.find("\r\n\r\n") + 4), rule.foretold().bytes());
}

TEST_P(DpFaults, StaleIsTheVersionBeforeInAllItSays) {
  const auto rule = fault(R"("address":"127.0.0.1")", R"("stale":{})");
  EXPECT_EQ(rule.foretold().package().sha1(), package_sha1(kOld));
  EXPECT_EQ(listing(), sizes_of(kOld));
  for (const auto& [path, bytes] : kOld) EXPECT_EQ(get(path).body, bytes) << path;
  EXPECT_EQ(get("added.txt").status, 404);
  EXPECT_EQ(get("adminpak.msi").field("ETag"), '"' + content_digests(kOld.at("adminpak.msi")).sha256 + '"');
  EXPECT_EQ(get("adminpak.msi", "Range: bytes=39990-\r\n").body, kOld.at("adminpak.msi").substr(39'990));
  const auto manifest = connect()->ask("GET", "/SMS_DP_SMSPKG$/LON00001.2.manifest");
  EXPECT_THAT(manifest.body, HasSubstr(R"("version":1)"));
  const auto other = connect("127.0.0.2")->ask("GET", std::string(kRoot) + "adminpak.msi");
  EXPECT_EQ(other.body, kNew.at("adminpak.msi")) << "another client";
}

TEST_P(DpFaults, StaleOnlyForTheFirstRangeIsAVersionBumpWithinAFile) {
  fault(R"("file":"adminpak.msi","method":"GET")", R"("stale":{},"when":{"first":"1"})");
  const auto first = get("adminpak.msi", "Range: bytes=0-9\r\n");
  EXPECT_EQ(first.body, kOld.at("adminpak.msi").substr(0, 10));
  const auto second = get("adminpak.msi", "Range: bytes=10-19\r\nIf-Range: " + first.field("ETag") + "\r\n");
  EXPECT_EQ(second.status, 200) << "a client that asks with If-Range is told";
  EXPECT_EQ(second.body, kNew.at("adminpak.msi"));
}

TEST_P(DpFaults, TornRefreshOfAnOldListingWithNewBytes) {
  fault("", R"("tornRefresh":{"old":"LISTING"},"when":{"first":"1"})");
  EXPECT_EQ(listing(), sizes_of(kOld));
  EXPECT_EQ(get("adminpak.msi").body, kNew.at("adminpak.msi"));
  EXPECT_EQ(get("gone.txt").status, 404);
}

TEST_P(DpFaults, TornRefreshOfANewListingWithOldBytes) {
  const auto rule = fault(R"("file":"readme.txt")", R"("tornRefresh":{"old":"BYTES"},"limit":"1")");
  EXPECT_EQ(rule.foretold().file().sha1(), sha1(kOld.at("readme.txt")));
  Files seen = kNew;
  seen["readme.txt"] = kOld.at("readme.txt");
  EXPECT_EQ(rule.foretold().package().sha1(), package_sha1(seen));
  EXPECT_EQ(listing(), sizes_of(kNew));
  EXPECT_EQ(get("readme.txt").body, kOld.at("readme.txt"));
  EXPECT_EQ(get("readme.txt").body, kNew.at("readme.txt"));
}

TEST_P(DpFaults, TornRefreshBetweenTwoRanges) {
  fault(R"("file":"adminpak.msi")", R"("tornRefresh":{"old":"FIRST_RANGE"})");
  const auto first = get("adminpak.msi", "Range: bytes=0-99\r\n");
  EXPECT_EQ(first.body, kOld.at("adminpak.msi").substr(0, 100));
  EXPECT_EQ(first.field("Content-Range"), "bytes 0-99/40000");
  const auto second = get("adminpak.msi", "Range: bytes=100-199\r\n");
  EXPECT_EQ(second.body, kNew.at("adminpak.msi").substr(100, 100));
  EXPECT_EQ(second.field("Content-Range"), "bytes 100-199/60000");
  EXPECT_NE(first.field("ETag"), second.field("ETag"));
}

TEST_P(DpFaults, TornRefreshWithinAFileUnderOneETag) {
  const std::string& is = kNew.at("adminpak.msi");
  const auto rule = fault(R"("file":"adminpak.msi")", R"("tornRefresh":{"old":"BEGINNING","offset":"1000"})");
  const std::string torn = kOld.at("adminpak.msi").substr(0, 1000) + is.substr(1000);
  EXPECT_EQ(rule.foretold().file().sha1(), sha1(torn));
  EXPECT_EQ(rule.foretold().first_wrong_offset(), 0u);
  Files seen = kNew;
  seen["adminpak.msi"] = torn;
  EXPECT_EQ(rule.foretold().package().sha1(), package_sha1(seen));
  EXPECT_EQ(get("adminpak.msi").body, torn);
  const auto before = get("adminpak.msi", "Range: bytes=900-999\r\n");
  const auto after = get("adminpak.msi", "Range: bytes=1000-1099\r\nIf-Range: " + before.field("ETag") + "\r\n");
  EXPECT_EQ(before.body + after.body, torn.substr(900, 200));
  EXPECT_EQ(after.status, 206) << "If-Range tells nothing";
}

TEST_P(DpFaults, StatusOfPropfindBringsItsFields) {
  const auto rule = fault(R"("route":"propfind")", R"("status":{"code":405},"limit":"1")");
  const auto method = propfind();
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.field("Allow"), "OPTIONS, TRACE, GET, HEAD");
  EXPECT_EQ(listing(), sizes_of(kNew));
  fault(R"("route":"propfind")", R"("status":{"code":401},"limit":"1")");
  const auto who = propfind();
  EXPECT_EQ(who.status, 401);
  EXPECT_THAT(who.head, HasSubstr("WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n"));
  fault(R"("route":"propfind")", R"("status":{"code":403},"limit":"1")");
  EXPECT_EQ(propfind().status, 403);
}

TEST_P(DpFaults, HeaderChangesTheValidatorsBetweenTwoRanges) {
  fault(
      R"("file":"adminpak.msi")",
      R"("header":{"set":[{"name":"ETag","value":"\"other\""},{"name":"Last-Modified","value":"Sat, 21 Nov 2026 20:00:00 GMT"}]},"when":{"after":"1"},"limit":"1")");
  const auto first = get("adminpak.msi", "Range: bytes=0-9\r\n");
  const auto second = get("adminpak.msi", "Range: bytes=10-19\r\n");
  const auto third = get("adminpak.msi", "Range: bytes=20-29\r\n");
  EXPECT_EQ(second.field("ETag"), "\"other\"");
  EXPECT_EQ(second.field("Last-Modified"), "Sat, 21 Nov 2026 20:00:00 GMT");
  EXPECT_NE(first.field("ETag"), second.field("ETag"));
  EXPECT_EQ(first.field("ETag"), third.field("ETag"));
  EXPECT_EQ(second.body, kNew.at("adminpak.msi").substr(10, 10));
}

TEST_P(DpFaults, SeveralOnOneListingAddUp) {
  fault(R"("file":"readme.txt")", R"("missingFile":{"from":"LISTING"})");
  fault("", R"("extraFile":{"file":"extra.dat","size":"3"})");
  fault("", R"("hugeListing":{"entries":"2"})");
  Sizes expected = sizes_of(kNew);
  expected.erase("readme.txt");
  expected["extra.dat"] = 3;
  expected["made-up-00000001.bin"] = 1;
  expected["made-up-00000002.bin"] = 2;
  EXPECT_EQ(listing(), expected);
}

TEST_P(DpFaults, WhatCannotBeIsRefused) {
  const auto expect = [](const std::string& rule, const std::string& field) {
    EXPECT_THAT(refused(rule), HasSubstr("[" + field + "]")) << rule;
  };
  const std::string package = R"("package":"LON00001")";
  expect(R"({"match":{"role":"MP"},"emptyListing":{}})", "match.role");
  expect(R"({"match":{"route":"content"},"emptyListing":{}})", "match.route");
  expect(R"({"match":{"method":"GET"},"emptyListing":{}})", "match.method");
  expect(R"({"missingFile":{}})", "match.file");
  expect(R"({"match":{)" + package + R"(,"file":"none"},"missingFile":{}})", "match.file");
  expect(R"({"match":{"file":"a","route":"content"},"missingFile":{"from":"LISTING"}})", "match.route");
  expect(R"({"extraFile":{}})", "extraFile.file");
  expect(R"({"extraFile":{"file":"../up"}})", "extraFile.file");
  expect(R"({"match":{)" + package + R"(},"extraFile":{"file":"README.TXT"}})", "extraFile.file");
  expect(R"({"match":{"file":"a"},"wrongSize":{}})", "wrongSize");
  expect(R"({"match":{)" + package + R"(,"file":"readme.txt"},"wrongSize":{"size":"11"}})", "wrongSize.size");
  expect(R"({"hugeListing":{}})", "hugeListing.entries");
  expect(R"({"requestFiltering":{"segments":["a/b"]}})", "requestFiltering.segments");
  expect(R"({"match":{)" + package + R"(},"requestFiltering":{"segments":["none"]}})", "requestFiltering");
  expect(R"({"match":{)" + package + R"(,"file":"readme.txt"},"eio":{"offset":"11"}})", "eio.offset");
  expect(R"({"match":{"range":{"first":"0","last":"9"}},"eio":{"offset":"10"}})", "eio.offset");
  expect(R"({"stale":{}})", "match.package");
  expect(R"({"match":{)" + package + R"(},"stale":{"version":2}})", "stale.version");
  expect(R"({"match":{)" + package + R"(},"stale":{"version":9}})", "stale.version");
  expect(R"({"match":{)" + package + R"(,"file":"data.mdb"},"stale":{}})", "stale.version");
  expect(R"({"match":{)" + package + R"(,"file":"data.mdb"},"tornRefresh":{"old":"BEGINNING"}})", "tornRefresh.offset");
  expect(R"({"match":{)" + package + R"(},"tornRefresh":{"offset":"5"}})", "tornRefresh.offset");
  expect(R"({"match":{"client":"WRK-LON-001"},"noSpace":{}})", "match.client");
  EXPECT_EQ(lab_->json<v1::FaultList>({"fault", "list"}).faults_size(), 0);
}

INSTANTIATE_TEST_SUITE_P(Sockets, DpFaults, testing::Bool(),
                         [](const auto& chosen) { return chosen.param ? "Tls" : "Plain"; });

// ---- the site's end: a lab of their own, for what is distributed there
class ReceivingFaults : public testing::Test {
 protected:
  ReceivingFaults() {
    write(lab_.folder() + "/source/adminpak.msi", content_);
    lab_.must({"package", "create", "LON00001", "--name", "Tools", "--source", lab_.folder() + "/source"});
  }
  v1::PackageDp distribute() {
    lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01"});
    return row([](const v1::PackageDp& dp) { return dp.failures() > 0 || dp.state() == v1::PackageDp::INSTALLED; });
  }
  v1::PackageDp row(const std::function<bool(const v1::PackageDp&)>& is_so) {
    return lab_.wait_package("LON00001", [&](const v1::Package& p) { return is_so(p.dps(0)); }).dps(0);
  }
  HttpProbe::Reply file() {
    return HttpProbe(parse_url(lab_.dp(), "url")->at).ask("GET", std::string(kRoot) + "adminpak.msi");
  }

  const std::string content_ = pattern(300'000, 'a');
  Lab lab_{{"--clock", "2026-11-21T20:00:00Z"}};
};

TEST_F(ReceivingFaults, NoSpaceRefusesTheOfferAndTheNextTryFits) {
  lab_.must({"fault", "add", R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001"},"noSpace":{},"limit":"1"})"});
  const v1::PackageDp full = distribute();
  EXPECT_EQ(full.state(), v1::PackageDp::INSTALL_RETRYING);
  EXPECT_EQ(full.win32_error(), 112u);
  EXPECT_THAT(full.last_error(), HasSubstr("not enough space on the disk"));
  EXPECT_EQ(file().status, 404);
  lab_.must({"clock", "advance", "30m"});
  EXPECT_EQ(row([](const v1::PackageDp& dp) { return dp.state() == v1::PackageDp::INSTALLED; }).version(), 1u);
  EXPECT_EQ(file().body, content_);
}

TEST_F(ReceivingFaults, NoSpaceIsFoundOutAfterSoManyBytes) {
  lab_.must({"fault", "add", R"({"match":{"package":"LON00001"},"noSpace":{"bytes":"100000"}})"});
  const v1::PackageDp full = distribute();
  EXPECT_EQ(full.win32_error(), 112u);
  EXPECT_THAT(full.last_error(), HasSubstr("no space left on the disk"));
  EXPECT_EQ(file().status, 404);
  lab_.must({"clock", "advance", "30m"});
  EXPECT_EQ(row([](const v1::PackageDp& dp) { return dp.failures() > 1; }).win32_error(), 112u)
      << "as long as it lasts";
  lab_.must({"fault", "clear"});
  lab_.must({"clock", "advance", "30m"});
  row([](const v1::PackageDp& dp) { return dp.state() == v1::PackageDp::INSTALLED; });
  EXPECT_EQ(file().body, content_);
}

TEST_F(ReceivingFaults, NoSpaceThatIsEnoughIsNoFault) {
  lab_.must({"fault", "add", R"({"match":{"package":"LON00001"},"noSpace":{"bytes":"300000"}})"});
  EXPECT_EQ(distribute().state(), v1::PackageDp::INSTALLED);
  EXPECT_EQ(file().body, content_);
}

// A DP knows a client by its address; of two that share one it cannot say which asks.
TEST(NamedClients, AreToldApartByAddressOrNotAtAll) {
  const Lab lab;
  for (const char* name : {"WRK-LON-001", "WRK-LON-002"}) EXPECT_EQ(lab.client(name).exit_status, 0);
  const std::string rule = R"({"match":{"role":"DP","client":"wrk-lon-001"},"emptyBody":{}})";
  const Finished refused = lab.cli({"fault", "add", rule});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.err, HasSubstr("asks from 127.0.0.1, as others do"));
  EXPECT_THAT(refused.err, HasSubstr("[match.client]"));
  EXPECT_EQ(lab.json<v1::FaultList>({"fault", "list"}).faults_size(), 0);
  lab.must({"fault", "add", R"({"match":{"role":"MP","client":"wrk-lon-001"},"emptyBody":{}})"});
  lab.must({"fault", "clear"});
  EXPECT_EQ(lab.client("WRK-LON-001", {"--bind", "127.0.0.2"}).exit_status, 0);
  lab.must({"fault", "add", rule});
}

}  // namespace
}  // namespace smslab::test
