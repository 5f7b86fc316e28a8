// What a connection tells its Recorder, and when it knows what has arrived.
#include "proto/wire/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/base/digest.h"
#include "proto/base/hex.h"

namespace smslab::wire {
namespace {
using testing::ElementsAre;

class Notebook final : public Recorder {
 public:
  struct Entry {
    std::string method, target;
    uint32_t request = 0;
    int status = 0;
    Sent::End end = Sent::End::kStopped;
    uint64_t sent = 0;
    std::vector<uint64_t> acknowledged = {};
    bool settled = false;
  };
  uint64_t connected(const HostPort&) override { return 7; }
  uint64_t asked(const Asked& asked) override {
    EXPECT_EQ(asked.connection, 7u);
    entries.push_back(
        {.method = std::string(asked.method), .target = std::string(asked.target), .request = asked.request});
    return entries.size();
  }
  void planned(uint64_t record, const Planned& planned) override { entries[record - 1].status = planned.status; }
  void sent(uint64_t record, const Sent& sent, const BodyDigest&) override {
    entries[record - 1].end = sent.end;
    entries[record - 1].sent = sent.bytes;
  }
  void acknowledged(uint64_t record, uint64_t bytes, bool last) override {
    EXPECT_FALSE(entries[record - 1].settled) << "nothing comes behind the last";
    entries[record - 1].acknowledged.push_back(bytes);
    entries[record - 1].settled = last;
  }
  std::vector<Entry> entries;
};

class RecordsTest : public testing::Test {
 protected:
  void reply(uint64_t bytes, uint64_t unsent = UINT64_MAX) {
    records_.asked(false, "GET", "/a");
    records_.planned({.status = 200, .head = bytes, .whole = bytes, .bytes = bytes});
    records_.wrote(bytes);
    records_.ended(Sent::End::kWhole, unsent, now_);
  }
  Notebook book_;
  const HostPort peer_{"127.0.0.2", 4711};
  SteadyTime now_{};
  Records records_{&book_, peer_};
};

TEST_F(RecordsTest, WhatArrivesIsLearntBitByBit) {
  reply(100);
  EXPECT_TRUE(records_.unsettled());
  EXPECT_GT(records_.look_at(), now_);
  records_.settle(100, now_);
  EXPECT_TRUE(book_.entries[0].acknowledged.empty());
  records_.settle(40, now_);
  records_.settle(0, now_);
  EXPECT_THAT(book_.entries[0].acknowledged, ElementsAre(60u, 100u));
  EXPECT_TRUE(book_.entries[0].settled);
  EXPECT_FALSE(records_.unsettled());
  EXPECT_EQ(records_.look_at(), SteadyTime::max());
}

TEST_F(RecordsTest, RepliesBehindOneAnotherAreToldApart) {
  reply(100);
  reply(50);
  records_.settle(20, now_);
  EXPECT_THAT(book_.entries[0].acknowledged, ElementsAre(100u));
  EXPECT_TRUE(book_.entries[0].settled);
  EXPECT_THAT(book_.entries[1].acknowledged, ElementsAre(30u));
  EXPECT_FALSE(book_.entries[1].settled);
  records_.settle(20, now_, true);  // the connection is over: that is all it got
  EXPECT_THAT(book_.entries[1].acknowledged, ElementsAre(30u, 30u));
  EXPECT_TRUE(book_.entries[1].settled);
}

TEST_F(RecordsTest, LooksAreMadeEverMoreSeldom) {
  reply(100);
  auto pause = records_.look_at() - now_;
  for (int i = 0; i < 12; i++) {
    now_ = records_.look_at();
    records_.settle(100, now_);
    EXPECT_GE(records_.look_at() - now_, pause);
    pause = records_.look_at() - now_;
  }
  EXPECT_EQ(pause, std::chrono::seconds(1));
}

TEST_F(RecordsTest, NothingSentNeedsNoAcknowledgement) {
  records_.asked(false, {}, {});
  records_.ended(Sent::End::kUnanswered, 0, now_);
  EXPECT_TRUE(book_.entries[0].settled);
  EXPECT_EQ(book_.entries[0].request, 0u) << "none came";
  records_.ended(Sent::End::kWhole, 0, now_);
  EXPECT_EQ(book_.entries[0].end, Sent::End::kUnanswered) << "told once";
  reply(10, 0);
  EXPECT_EQ(book_.entries[1].request, 1u);
  EXPECT_THAT(book_.entries[1].acknowledged, ElementsAre(10u));
}

TEST_F(RecordsTest, WithoutARecorderNothingHappens) {
  Records none(nullptr, peer_);
  none.asked(false, "GET", "/a");
  none.wrote(5);
  none.ended(Sent::End::kWhole, UINT64_MAX, now_);
  EXPECT_FALSE(none.under_way());
  EXPECT_FALSE(none.unsettled());
}

TEST(KnownDigest, IsTheStoresForAFileAndMadeForWhatIsSmall) {
  const std::string stored(32, 'x');
  auto topic = std::make_shared<Topic>();
  topic->sha256 = stored;
  std::string made;
  Reply reply;
  reply.body = Body(std::string("part"));
  EXPECT_EQ(known_digest(reply, &made).sha256, made);
  EXPECT_EQ(to_hex(made), digest_hex(Algorithm::kSha256, "part"));
  reply.topic = topic;
  EXPECT_EQ(known_digest(reply, &made).sha256, stored);
  reply.status = 206;
  reply.range = {10, 13, 100};
  EXPECT_EQ(known_digest(reply, &made).of, BodyDigest::Of::kPartOfFile);
  Reply large;
  large.body = Body(std::string(kSmallBody + 1, 'l'));
  EXPECT_EQ(known_digest(large, &made).of, BodyDigest::Of::kNothing);
  EXPECT_EQ(known_digest(Reply(), &made).of, BodyDigest::Of::kNothing);
}

}  // namespace
}  // namespace smslab::wire
