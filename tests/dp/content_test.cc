#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "dp/content.h"
#include "proto/base/uri.h"
#include "proto/codec/json.h"
#include "proto/codec/xml.h"
#include "proto/dav/propfind.h"
#include "tests/dp/fixture.h"
#include "tests/support/recorded.h"

namespace smslab::dp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Files kFiles = {{"Setup.exe", "MZ and more"},
                      {"Sub/b.txt", "world\n"},
                      {"Sub/Deep/c+d #1 100%.bin", "odd"},
                      {"Sub/\xC3\xBC"
                       "ber.txt",
                       "umlaut"},
                      {"empty", ""},
                      {"sccm", "a file of this name"}};
const std::vector<std::string> kFolders = {"Sub", "Sub/Deep", "Sub/Empty"};

class Content : public DpTest {
 protected:
  Content() { install("LON00001", 3, kFiles, kFolders); }
};

TEST_F(Content, EveryUrlForm) {
  for (const char* target :
       {"/SMS_DP_SMSPKG$/LON00001/Setup.exe", "/SMS_DP_SMSPKGE$/LON00001/Setup.exe",
        "/sms_dp_smspkgz$/lon00001/SETUP.EXE", "/SMS_DP_SMSPKG%24/LON00001/Setup%2Eexe",
        "/SMS_DP_SMSPKG$/LON00001.3/Setup.exe", "/Sms_Dp_SmsPkgD$/Lon00001.3/setup.EXE",
        "/SMS_DP_SMSPKG$/LON00001/sccm?/Setup.exe", "/SMS_DP_SMSPKG$/LON00001.3/SCCM?/setup.exe",
        "/SMS_DP_SMSPKG$/LON00001/Setup.exe?x=/y", "http://dp:80/SMS_DP_SMSPKG$/LON00001/Setup.exe"}) {
    SCOPED_TRACE(target);
    const Answer answer = get(target);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "MZ and more");
    EXPECT_EQ(answer.field("ETag"), '"' + digest_hex(Algorithm::kSha256, "MZ and more") + '"');
    EXPECT_EQ(answer.field("Last-Modified"), "Thu, 06 May 2004 07:08:09 GMT");
    EXPECT_EQ(answer.field("Content-Type"), "application/octet-stream");
    EXPECT_EQ(answer.field("Accept-Ranges"), "bytes");
  }
}

TEST_F(Content, OddNamesByBothForms) {
  for (const auto& [path, bytes] : kFiles) {
    SCOPED_TRACE(path);
    EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/" + percent_encode_path(path)).body, bytes);
    EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/sccm?/" + percent_encode_path(path)).body, bytes);
  }
  // '+' is itself, in the query too; letters beyond ASCII fold.
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/sccm?/Sub/Deep/c+d%20%231%20100%25.bin").body, "odd");
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/SUB/%C3%9CBER.TXT").body, "umlaut");
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/sccm").body, "a file of this name");
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/sccm?x").body, "a file of this name");
}

TEST_F(Content, WhatIsNotThere) {
  for (const char* target : {"/SMS_DP_SMSPKG$/LON00002/Setup.exe",
                             "/SMS_DP_SMSPKG$/LON00001.1/Setup.exe",
                             "/SMS_DP_SMSPKG$/LON00001.0/Setup.exe",
                             "/SMS_DP_SMSPKG$/LON00001.x/Setup.exe",
                             "/SMS_DP_SMSPKG$/LON00001./Setup.exe",
                             "/SMS_DP_SMSPKG$/LON00001.99999999999/Setup.exe",
                             "/SMS_DP_SMSPKG$/LON00001/nothing",
                             "/SMS_DP_SMSPKG$/LON00001/Setup.exe/",
                             "/SMS_DP_SMSPKG$/LON00001//Setup.exe",
                             "/SMS_DP_SMSPKG$/LON00001//",
                             "/SMS_DP_SMSPKG$//",
                             "/SMS_DP_SMSPKG$//LON00001/Setup.exe",
                             "/SMS_DP_SMSPKG/LON00001/Setup.exe",
                             "/SMS_DP_SMSPKG1$/LON00001/Setup.exe",
                             "/SMS_DP_SMSPKGEE$/LON00001/Setup.exe",
                             "/SMS_DP_SMSPKG$x/LON00001/Setup.exe",
                             "/SMS_DP_SMSPKG$/nonsense/x",
                             "/SMS_DP_SMSPKG$/LON00001/Sub/sccm?/b.txt",
                             "/SMS_DP_SMSSIG$/LON00001.3.tar",
                             "/other",
                             "/"}) {
    EXPECT_EQ(get(target).status, 404) << target;
    EXPECT_EQ(ask("HEAD", target).status, 404) << target;
  }
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").status, 200);
}

TEST_F(Content, NoWayOutInAnyEncoding) {
  const std::vector<std::string> ways = {"..",           "%2e%2e",     ".%2E",    "%2E.",    "..%2f..",  "..%5c..",
                                         "..\\..",       "%2e%2e%2f",  "a%2fb",   "%00",     "b.txt%00", ".",
                                         "%c0%ae%c0%ae", "%252e%252e", "Setup%2", "Setup%zz"};
  for (const std::string& way : ways) {
    for (const std::string form : {"/SMS_DP_SMSPKG$/LON00001/", "/SMS_DP_SMSPKG$/LON00001/Sub/",
                                   "/SMS_DP_SMSPKG$/LON00001/sccm?/", "/SMS_DP_SMSPKG$/LON00001/sccm?/Sub/"}) {
      for (const std::string rest : {"", "/", "/Setup.exe", "/../../index/data.mdb"}) {
        const Answer answer = get(form + way + rest);
        EXPECT_THAT(answer.status, ::testing::AnyOf(400, 404)) << form << way << rest;
        EXPECT_THAT(ask("PROPFIND", form + way + rest).status, ::testing::AnyOf(400, 404)) << form << way << rest;
      }
    }
  }
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").status, 200);
}

TEST_F(Content, FoldersAreForbidden) {
  for (const char* target :
       {"/SMS_DP_SMSPKG$", "/SMS_DP_SMSPKGE$/", "/SMS_DP_SMSPKG$/LON00001", "/SMS_DP_SMSPKG$/LON00001/",
        "/SMS_DP_SMSPKG$/LON00001/sub", "/SMS_DP_SMSPKG$/LON00001/Sub/Empty/", "/SMS_DP_SMSPKG$/LON00001/sccm?/Sub"}) {
    EXPECT_EQ(get(target).status, 403) << target;
    EXPECT_EQ(ask("HEAD", target).status, 403) << target;
  }
}

TEST_F(Content, RangesAndPreconditions) {
  const std::string target = "/SMS_DP_SMSPKG$/LON00001/Setup.exe";
  const std::string etag = get(target).field("ETag");
  const Answer part = get(target, {{"Range", "bytes=3-5"}, {"If-Range", etag}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "and");
  EXPECT_EQ(part.field("Content-Range"), "bytes 3-5/11");
  EXPECT_EQ(get(target, {{"Range", "bytes=3-5"}, {"If-Range", "\"other\""}}).status, 200);
  EXPECT_EQ(get(target, {{"Range", "bytes=11-"}}).field("Content-Range"), "bytes */11");
  EXPECT_EQ(get(target, {{"If-None-Match", etag}}).status, 304);
  EXPECT_EQ(get(target, {{"If-Match", "\"other\""}}).status, 412);
  EXPECT_EQ(ask("HEAD", target).status, 200);
  EXPECT_EQ(ask("HEAD", target).field("ETag"), etag);
}

TEST_F(Content, Methods) {
  const Answer options = ask("OPTIONS", "/SMS_DP_SMSPKGE$/LON00001/");
  EXPECT_EQ(options.status, 200);
  EXPECT_THAT(options.field("Allow"), HasSubstr("PROPFIND"));
  EXPECT_THAT(options.field("DAV"), HasSubstr("1"));
  EXPECT_EQ(ask("DELETE", "/SMS_DP_SMSPKG$/LON00001/Setup.exe").status, 405);
}

TEST(ContentType, ByExtension) {
  EXPECT_EQ(content_type_of("a/READ.TXT"), "text/plain");
  EXPECT_EQ(content_type_of("a.txt/setup"), "application/octet-stream");
  EXPECT_EQ(content_type_of("setup.msi"), "application/octet-stream");
  EXPECT_EQ(content_type_of("page.htm"), "text/html");
}

class Manifests : public Content {};

TEST_F(Manifests, JsonProtobufXml) {
  const v1::Manifest sent = manifest_of("LON00001", 3, kFiles, kFolders);
  const std::string target = "/SMS_DP_SMSPKG$/LON00001.3.manifest";
  v1::Manifest manifest;
  for (const char* accept : {"", "*/*", "application/json", "image/png"}) {
    const Answer answer = get(target, *accept ? wire::Fields{{"Accept", accept}} : wire::Fields{});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("Content-Type"), "application/json") << accept;
    ASSERT_TRUE(codec::from_json(answer.body, &manifest).ok());
    EXPECT_EQ(manifest.SerializeAsString(), sent.SerializeAsString());
  }
  const Answer pb = get(target, {{"Accept", "Application/X-Protobuf;q=0.9, */*"}});
  EXPECT_EQ(pb.field("Content-Type"), "application/x-protobuf");
  EXPECT_EQ(pb.body, sent.SerializeAsString());
  for (const char* accept : {"text/xml", "application/xml"}) {
    const Answer xml = get("/sms_dp_smspkge$/lon00001.3.MANIFEST", {{"Accept", accept}});
    EXPECT_EQ(xml.field("Content-Type"), accept);
    ASSERT_TRUE(codec::from_xml(xml.body, &manifest).ok());
    EXPECT_EQ(manifest.SerializeAsString(), sent.SerializeAsString());
    EXPECT_NE(xml.field("ETag"), pb.field("ETag"));
  }
  EXPECT_EQ(get(target, {{"Accept", "application/x-protobuf"}, {"If-None-Match", pb.field("ETag")}}).status, 304);
}

TEST_F(Manifests, OnlyOfTheInstalledVersion) {
  for (const char* target :
       {"/SMS_DP_SMSPKG$/LON00001.2.manifest", "/SMS_DP_SMSPKG$/LON00001.manifest",
        "/SMS_DP_SMSPKG$/LON00002.1.manifest", "/SMS_DP_SMSPKG$/LON00001.3.manifest/x", "/SMS_DP_SMSPKG$/.manifest"}) {
    EXPECT_EQ(get(target).status, 404) << target;
  }
  EXPECT_EQ(ask("PROPFIND", "/SMS_DP_SMSPKG$/LON00001.3.manifest").status, 404);
}

class Webdav : public Content {
 protected:
  std::vector<std::string> list(const std::string& target, const std::string& depth = {}) const {
    const Answer answer = ask("PROPFIND", target, depth.empty() ? wire::Fields{} : wire::Fields{{"Depth", depth}});
    EXPECT_EQ(answer.status, 207) << target;
    EXPECT_EQ(answer.field("Content-Type"), "text/xml");
    auto items = dav::read_multistatus(answer.body);
    EXPECT_TRUE(items.ok()) << items.status().to_string();
    std::vector<std::string> lines;
    if (!items.ok()) return lines;
    for (const auto& item : *items) {
      EXPECT_EQ(item.folder, item.href.ends_with('/')) << item.href;
      lines.push_back(item.href + (item.folder ? "" : " " + std::to_string(item.size)));
    }
    return lines;
  }
};

TEST_F(Webdav, WholeTree) {
  const std::vector<std::string> whole = {"http://dp:80/SMS_DP_SMSPKGD$/LON00001/",
                                          "http://dp:80/SMS_DP_SMSPKGD$/LON00001/Sub/",
                                          "http://dp:80/SMS_DP_SMSPKGD$/LON00001/Sub/Deep/",
                                          "http://dp:80/SMS_DP_SMSPKGD$/LON00001/Sub/Deep/c%2Bd%20%231%20100%25.bin 3",
                                          "http://dp:80/SMS_DP_SMSPKGD$/LON00001/Sub/Empty/",
                                          "http://dp:80/SMS_DP_SMSPKGD$/LON00001/Sub/b.txt 6",
                                          "http://dp:80/SMS_DP_SMSPKGD$/LON00001/Sub/%C3%BCber.txt 6",
                                          "http://dp:80/SMS_DP_SMSPKGD$/LON00001/empty 0",
                                          "http://dp:80/SMS_DP_SMSPKGD$/LON00001/sccm 19",
                                          "http://dp:80/SMS_DP_SMSPKGD$/LON00001/Setup.exe 11"};
  EXPECT_EQ(list("/SMS_DP_SMSPKGD$/LON00001/", "infinity"), whole);
  EXPECT_EQ(list("/SMS_DP_SMSPKGD$/LON00001", "infinity"), whole);
}

// Clients look in the answer for the URL that they asked about, and some compare it as text.
TEST_F(Webdav, WhatWasAskedForStandsAsItWasSpelled) {
  const std::string dp = "http://dp:80";
  for (const std::string root : {"/SMS_DP_SMSPKGD%24/LON00001/", "/sms_dp_smspkgd$/lon00001/",
                                 "/SMS_DP_SMSPKG%24/%4CON00001.3/", "/SMS_DP_SMSPKG$/LON00001/sccm?/"}) {
    EXPECT_THAT(list(root + "SUB/D%65ep/", "1"),
                ElementsAre(dp + root + "SUB/D%65ep/", dp + root + "SUB/D%65ep/c%2Bd%20%231%20100%25.bin 3"));
    EXPECT_THAT(list(root + "setup%2Eexe", "0"), ElementsAre(dp + root + "setup%2Eexe 11"));
    EXPECT_THAT(list(root, "0"), ElementsAre(dp + root));
  }
  EXPECT_THAT(list("/SMS_DP_SMSPKG%24", "1"),
              ElementsAre(dp + "/SMS_DP_SMSPKG%24/", dp + "/SMS_DP_SMSPKG%24/LON00001/"));
  EXPECT_THAT(list("/SMS_DP_SMSPKG$/LON00001/Sub/Empty?x=/y", "0"),
              ElementsAre(dp + "/SMS_DP_SMSPKG$/LON00001/Sub/Empty/"));
}

// The recorded client's own request, with its empty User-Agent, and what the recorded reply told it.
TEST_F(Webdav, Recorded) {
  install("LON00001", 4, {{"adminpak.msi", std::string(1234, 'x')}});
  const auto request = smslab::testing::recorded("requests/17-propfind");
  const auto reply = smslab::testing::recorded("replies/17-propfind");
  const std::string target = request.start_line.substr(9, request.start_line.rfind(' ') - 9);
  const Answer answer = ask("PROPFIND", target, request.fields, request.body);
  EXPECT_EQ(answer.status, 207);
  EXPECT_EQ(answer.field("Content-Type"), reply.field("Content-Type"));
  const auto ours = dav::read_multistatus(answer.body);
  const auto theirs = dav::read_multistatus(reply.body);
  ASSERT_TRUE(ours.ok() && theirs.ok());
  ASSERT_EQ(ours->size(), theirs->size());
  for (size_t i = 0; i < ours->size(); i++) {
    EXPECT_EQ((*ours)[i].href, (*theirs)[i].href);
    EXPECT_EQ((*ours)[i].folder, (*theirs)[i].folder);
    EXPECT_EQ((*ours)[i].size, (*theirs)[i].size);
  }
}

TEST_F(Webdav, Depths) {
  const std::string root = "http://dp:80/sms_dp_smspkg$/lon00001.3/";
  EXPECT_THAT(list("/sms_dp_smspkg$/lon00001.3", "0"), ElementsAre(root));
  EXPECT_THAT(list("/sms_dp_smspkg$/lon00001.3/", "1"),
              ElementsAre(root, root + "Sub/", root + "empty 0", root + "sccm 19", root + "Setup.exe 11"));
  EXPECT_THAT(list("/sms_dp_smspkg$/lon00001.3/sub/", "1,noroot"),
              ElementsAre(root + "sub/Deep/", root + "sub/Empty/", root + "sub/b.txt 6", root + "sub/%C3%BCber.txt 6"));
  EXPECT_THAT(list("/sms_dp_smspkg$/lon00001.3/Sub/Empty", "infinity"), ElementsAre(root + "Sub/Empty/"));
  EXPECT_THAT(list("/sms_dp_smspkg$/lon00001.3/Setup.exe", "infinity"), ElementsAre(root + "Setup.exe 11"));
  EXPECT_THAT(list("/sms_dp_smspkg$/lon00001.3/setup.exe", "1,noroot"), IsEmpty());
  EXPECT_EQ(ask("PROPFIND", "/SMS_DP_SMSPKG$/LON00001/", {{"Depth", "7"}}).status, 400);
  EXPECT_EQ(ask("PROPFIND", "/SMS_DP_SMSPKG$/LON00001/", {}, "<nonsense").status, 400);
  EXPECT_EQ(ask("PROPFIND", "/SMS_DP_SMSPKG$/LON00002/").status, 404);
  EXPECT_EQ(ask("PROPFIND", "/SMS_DP_SMSPKG$/LON00001/none").status, 404);
}

TEST_F(Webdav, TheVirtualDirectoryListsPackages) {
  install("LON00002", 1, {{"a", "b"}});
  const std::string root = "http://dp:80/SMS_DP_SMSPKG$/";
  EXPECT_THAT(list("/SMS_DP_SMSPKG$/", "1"), ElementsAre(root, root + "LON00001/", root + "LON00002/"));
  EXPECT_THAT(list("/SMS_DP_SMSPKG$", "0"), ElementsAre(root));
  EXPECT_THAT(list("/SMS_DP_SMSPKG$/"), ElementsAre(root, root + "LON00001/", root + "LON00002/"));
  EXPECT_THAT(list("/SMS_DP_SMSPKG$/", "1,noroot"), ElementsAre(root + "LON00001/", root + "LON00002/"));
  ASSERT_TRUE(remove("LON00001").ok());
  EXPECT_THAT(list("/SMS_DP_SMSPKG$/", "1"), ElementsAre(root, root + "LON00002/"));
}

// What is too long to be built whole is written as it is sent, and stays the version that was asked for.
TEST_F(Webdav, LongListingsAreStreamed) {
  Files files;
  for (int i = 0; i < 5'000; i++) files["folder " + std::to_string(i / 1'000) + "/file " + std::to_string(i)] = "x";
  install("LON00007", 1, files, {"folder 0", "folder 1", "folder 2", "folder 3", "folder 4"});
  const auto reply = route("PROPFIND", "/SMS_DP_SMSPKG$/LON00007/");
  ASSERT_TRUE(reply.ok()) << reply.status().to_string();
  ASSERT_NE(reply->stream, nullptr);
  install("LON00007", 2, {{"another", "file"}});

  std::string document;
  while (true) {
    const auto piece = reply->stream->next();
    ASSERT_TRUE(piece.ok()) << piece.status().to_string();
    if (piece->empty()) break;
    EXPECT_LT(piece->size(), document.empty() ? 1'100'000u : 70'000u);
    document += *piece;
  }
  EXPECT_TRUE(reply->stream->next()->empty());
  const auto items = dav::read_multistatus(document);
  ASSERT_TRUE(items.ok()) << items.status().to_string();
  ASSERT_EQ(items->size(), 5'006u);
  EXPECT_EQ(items->back().href, "http://dp:80/SMS_DP_SMSPKG$/LON00007/folder%204/file%204999");
  EXPECT_THAT(list("/SMS_DP_SMSPKG$/LON00007/", "1,noroot"),
              ElementsAre("http://dp:80/SMS_DP_SMSPKG$/LON00007/another 4"));
}

TEST_F(Webdav, PropertiesOfAFile) {
  const std::string body = ask("PROPFIND", "/SMS_DP_SMSPKG$/LON00001/Sub/b.txt", {{"Depth", "0"}}).body;
  EXPECT_THAT(body, HasSubstr("<D:displayname>b.txt</D:displayname>"));
  EXPECT_THAT(body, HasSubstr("<D:getlastmodified>Thu, 06 May 2004 07:08:09 GMT</D:getlastmodified>"));
  EXPECT_THAT(body, HasSubstr(digest_hex(Algorithm::kSha256, "world\n")));
  EXPECT_THAT(body, HasSubstr("<D:getcontenttype>text/plain</D:getcontenttype>"));
  EXPECT_THAT(body, HasSubstr("<D:iscollection>0</D:iscollection>"));
}

// Whatever is being replaced, an answer is one version whole, under that version's validator.
TEST_F(Content, ReadsDuringRefreshAndUpdateNeverMix) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  const Files versions[] = {{{"data", random_bytes(300'000, seed)}}, {{"data", random_bytes(300'000, seed + 1)}}};
  install("LON00009", 1, versions[0]);
  std::atomic<bool> stop = false;
  std::atomic<int> reads = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; i++) {
    readers.emplace_back([&] {
      while (!stop) {
        const Answer answer = get("/SMS_DP_SMSPKG$/LON00009/data");
        ASSERT_EQ(answer.status, 200);
        ASSERT_EQ(answer.field("ETag"), '"' + digest_hex(Algorithm::kSha256, answer.body) + '"');
        reads++;
      }
    });
  }
  for (uint32_t i = 0; i < 60; i++) {
    const Files& files = versions[i % 2];
    const auto sent = send(manifest_of("LON00009", 1 + i % 2, files), files, true);
    EXPECT_TRUE(sent.ok()) << sent.status().to_string();
    EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00009/data").body, files.at("data"));
    if (i % 3 == 0) {
      EXPECT_TRUE(damage(damage_request(std::to_string(i + 1), "LON00009")).ok());
    }
  }
  while (reads < 50) std::this_thread::yield();
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace smslab::dp
