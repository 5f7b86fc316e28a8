#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "proto/codec/json.h"
#include "proto/schema/control.pb.h"
#include "tests/support/random_message.h"
#include "tests/support/status.h"

namespace smslab::codec {
namespace {
using google::protobuf::util::MessageDifferencer;

TEST(JsonWrite, TheMappingOfProtobuf) {
  v1::FileEntry entry;
  entry.set_size(18446744073709551615u);
  entry.mutable_modified()->set_seconds(1795291200);
  EXPECT_EQ(to_json(entry),
            R"({"path":"","size":"18446744073709551615","hidden":false,"modified":"2026-11-21T20:00:00Z"})");
  v1::PackageDp dp;
  dp.set_state(v1::PackageDp::INSTALL_FAILED);
  EXPECT_NE(to_json(dp).find(R"("state":"INSTALL_FAILED")"), std::string::npos);
  v1::Hash hash;
  EXPECT_EQ(to_json(hash), R"({"sha1":"","sha256":"","md5":""})");
}

TEST(JsonWrite, PrettyIndentsByTwo) {
  v1::PackageList list;
  list.add_packages()->set_name("  two blanks\n  and a line");
  const std::string text = to_pretty_json(list);
  EXPECT_TRUE(
      text.starts_with("{\n  \"packages\": [\n    {\n      \"id\": \"\",\n      \"name\": \"  two blanks\\n  and"))
      << text;
  EXPECT_TRUE(text.ends_with("}\n")) << text;
  v1::PackageList again;
  EXPECT_EQ(from_json(text, &again), ok_status());
  EXPECT_TRUE(MessageDifferencer::Equals(list, again));
}

template <class M>
void expect_round_trips() {
  const uint64_t seed = testing::random_seed();
  for (uint64_t n = 0; n < 50; n++) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", message " + std::to_string(n));
    M message, from_compact, from_pretty;
    testing::fill_random(seed + n, &message);
    ASSERT_EQ(from_json(to_json(message), &from_compact), ok_status()) << to_json(message);
    ASSERT_EQ(from_json(to_pretty_json(message), &from_pretty), ok_status());
    EXPECT_TRUE(MessageDifferencer::Equals(message, from_compact)) << to_json(message);
    EXPECT_TRUE(MessageDifferencer::Equals(message, from_pretty));
  }
}
TEST(JsonWrite, RoundTripsPackages) { expect_round_trips<v1::PackageList>(); }
TEST(JsonWrite, RoundTripsManifests) { expect_round_trips<v1::Manifest>(); }
TEST(JsonWrite, RoundTripsFaults) { expect_round_trips<v1::FaultList>(); }
TEST(JsonWrite, RoundTripsStatusMessages) { expect_round_trips<v1::StatusMessageList>(); }
TEST(JsonWrite, RoundTripsClockChanges) { expect_round_trips<v1::ClockChange>(); }
TEST(JsonWrite, RoundTripsDamage) { expect_round_trips<v1::DamageRecord>(); }
}  // namespace
}  // namespace smslab::codec
