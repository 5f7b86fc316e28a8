#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "proto/codec/json.h"
#include "proto/codec/xml.h"
#include "proto/schema/content.pb.h"
#include "tests/support/golden.h"
#include "tests/support/status.h"

namespace smslab::codec {
namespace {
using google::protobuf::util::MessageDifferencer;

// tests/data/codec/manifest.txtpb is the truth; the encodings of it lie beside.
v1::Manifest truth() {
  v1::Manifest manifest;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(testing::test_data("codec/manifest.txtpb"), &manifest));
  return manifest;
}

TEST(ManifestGolden, Protobuf) {
  testing::expect_golden("codec/manifest.binpb", truth().SerializeAsString());
  v1::Manifest read;
  ASSERT_TRUE(read.ParseFromString(testing::test_data("codec/manifest.binpb")));
  EXPECT_TRUE(MessageDifferencer::Equals(read, truth()));
}

TEST(ManifestGolden, Json) {
  testing::expect_golden("codec/manifest.json", to_pretty_json(truth()));
  v1::Manifest read;
  ASSERT_EQ(from_json(testing::test_data("codec/manifest.json"), &read), ok_status());
  EXPECT_TRUE(MessageDifferencer::Equals(read, truth()));
}

TEST(ManifestGolden, Xml) {
  testing::expect_golden("codec/manifest.xml", to_xml(truth()));
  v1::Manifest read;
  ASSERT_EQ(from_xml(testing::test_data("codec/manifest.xml"), &read), ok_status());
  EXPECT_TRUE(MessageDifferencer::Equals(read, truth()));
}
}  // namespace
}  // namespace smslab::codec
