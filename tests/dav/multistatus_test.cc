#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/base/time_text.h"
#include "proto/dav/propfind.h"
#include "tests/support/golden.h"
#include "tests/support/recorded.h"
#include "tests/support/status.h"

namespace smslab::dav {
namespace {
using testing::expect_golden;
using ::testing::HasSubstr;
using testing::test_data;

const std::string kBase = "http://127.0.0.1:8081/SMS_DP_SMSPKG$/LON00001/";

std::vector<Item> sample() {
  Item root{.href = kBase, .name = "LON00001", .folder = true};
  root.created = root.modified = *parse_rfc3339("2026-11-21T20:00:00Z");
  Item file{.href = kBase + "a%20%26%20b.msi", .name = "a & b.msi", .hidden = true, .size = 5'000'000'000};
  file.created = *parse_rfc3339("2026-11-21T20:00:00Z");
  file.modified = *parse_rfc3339("2001-02-03T04:05:06.789Z");
  file.etag = "\"BA7816BF\"";
  file.content_type = "application/octet-stream";
  return {root, file};
}

TEST(MultistatusWrite, AllProp) { expect_golden("dav/allprop.xml", write_multistatus(sample(), {})); }

TEST(MultistatusWrite, PropName) {
  expect_golden("dav/propname.xml", write_multistatus(sample(), {.ask = Ask::kPropName, .props = {}}));
}

// The file has an ETag and the folder none; nobody has the foreign one; what is asked twice is answered once.
TEST(MultistatusWrite, Prop) {
  expect_golden("dav/prop.xml", write_multistatus(sample(), {.ask = Ask::kProp,
                                                             .props = {{"DAV:", "getcontentlength"},
                                                                       {"DAV:", "getetag"},
                                                                       {"urn:x\"&", "colour"},
                                                                       {"", "bare"},
                                                                       {"DAV:", "getcontentlength"},
                                                                       {"DAV:", "acl"},
                                                                       {"urn:x", "iscollection"}}}));
}

TEST(MultistatusWrite, NamesThatXmlCannotHold) {
  Item item{.href = "/%01", .name = "a\x01<b>"};
  EXPECT_THAT(write_multistatus({item}, {}), HasSubstr("<D:displayname>a\xEF\xBF\xBD&lt;b&gt;</D:displayname>"));
}

TEST(MultistatusWrite, NothingToList) {
  const std::string empty = R"(<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:"></D:multistatus>)";
  EXPECT_EQ(write_multistatus({}, {}), empty);
  EXPECT_TRUE(read_multistatus(empty)->empty());
}

// What the recorded client demands: a prefix for DAV:, the 200 propstat first, iscollection as 1 or 0.
TEST(MultistatusWrite, WhatOneWritesTheOtherReads) {
  for (const char* name : {"dav/allprop.xml", "dav/prop.xml"}) {
    const auto items = read_multistatus(test_data(name));
    ASSERT_TRUE(items.ok()) << items.status().to_string();
    ASSERT_EQ(items->size(), 2u);
    EXPECT_EQ((*items)[0].href, kBase);
    EXPECT_EQ((*items)[1].href, kBase + "a%20%26%20b.msi");
    EXPECT_EQ((*items)[1].size, 5'000'000'000u);
    EXPECT_FALSE((*items)[1].folder);
  }
  EXPECT_TRUE(read_multistatus(test_data("dav/allprop.xml"))->front().folder);
}

TEST(MultistatusWrite, ManyItems) {
  std::vector<Item> items;
  for (int i = 0; i < 20'000; i++) {
    items.push_back(sample()[1]);
    items.back().href = kBase + std::to_string(i);
    items.back().size = static_cast<uint64_t>(i);
  }
  const auto listed = read_multistatus(write_multistatus(items, {}));
  ASSERT_TRUE(listed.ok()) << listed.status().to_string();
  ASSERT_EQ(listed->size(), items.size());
  EXPECT_EQ(listed->back().size, 19'999u);
}

TEST(MultistatusRead, RecordedReply) {
  const auto items = read_multistatus(testing::recorded("replies/17-propfind").body);
  ASSERT_TRUE(items.ok()) << items.status().to_string();
  ASSERT_EQ(items->size(), 2u);
  EXPECT_EQ((*items)[0].href, "http://127.0.0.1:18091/SMS_DP_SMSPKGD$/LON00001/");
  EXPECT_TRUE((*items)[0].folder);
  EXPECT_EQ((*items)[0].size, 0u);
  EXPECT_EQ((*items)[1].href, "http://127.0.0.1:18091/SMS_DP_SMSPKGD$/LON00001/adminpak.msi");
  EXPECT_FALSE((*items)[1].folder);
  EXPECT_EQ((*items)[1].size, 1234u);
}

TEST(MultistatusRead, AnyPrefixAndOrder) {
  const auto items = read_multistatus(
      R"(<?xml version="1.0"?><a:multistatus xmlns:a="DAV:" xmlns:b="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/">)"
      R"(<a:response><a:href>/one</a:href><a:propstat><a:prop><a:quota/></a:prop><a:status>HTTP/1.1 404 Not Found)"
      R"(</a:status></a:propstat><a:propstat><a:prop><a:iscollection b:dt="boolean">0</a:iscollection>)"
      R"(<a:getcontentlength b:dt="int"> 7 </a:getcontentlength></a:prop><a:status>HTTP/1.1 200 OK</a:status>)"
      R"(</a:propstat></a:response></a:multistatus>)");
  ASSERT_TRUE(items.ok()) << items.status().to_string();
  EXPECT_EQ(items->at(0).size, 7u);
  EXPECT_FALSE(items->at(0).folder);
  const auto plain = read_multistatus(
      "<multistatus xmlns='DAV:'><response><href>/d/</href><propstat><status>HTTP/1.1 200 OK</status><prop>"
      "<resourcetype><collection/></resourcetype></prop></propstat></response><responsedescription/></multistatus>");
  ASSERT_TRUE(plain.ok());
  EXPECT_TRUE(plain->at(0).folder);
}

TEST(MultistatusRead, Refuses) {
  for (const char* bad : {"", "<html/>", "<multistatus/>", "<multistatus xmlns='DAV:'>",
                          "<multistatus xmlns='DAV:'><response/></multistatus>",
                          "<multistatus xmlns='DAV:'><response><href>/</href><propstat><prop><getcontentlength>-1"
                          "</getcontentlength></prop></propstat></response></multistatus>",
                          "<!DOCTYPE a><multistatus xmlns='DAV:'/>"}) {
    EXPECT_EQ(read_multistatus(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}
}  // namespace
}  // namespace smslab::dav
