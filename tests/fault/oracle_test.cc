// What is foretold of corruption is what a client computes: for damage at rest and in the reply, whole and in ranges.
#include <gtest/gtest.h>

#include <random>

#include "proto/base/digest.h"
#include "proto/fault/damage.h"
#include "proto/fault/effects.h"
#include "proto/wire/entity.h"

namespace smslab::fault {
namespace {
using Numbers = std::mt19937_64;

uint64_t below(Numbers& numbers, uint64_t bound) { return numbers() % bound; }

std::string bytes_of(Numbers& numbers, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(numbers());
  return bytes;
}

v1::FaultRule rule_for(Numbers& numbers, uint64_t size) {
  v1::FaultRule rule;
  rule.set_id(std::to_string(1 + below(numbers, 1000)));
  v1::Corrupt& corrupt = *rule.mutable_corrupt();
  corrupt.set_where(v1::Corrupt::WIRE);
  const uint64_t length = 1 + below(numbers, std::min<uint64_t>(size, 300));
  if (below(numbers, 2) == 0) corrupt.set_length(length);
  if (below(numbers, 2) == 0) corrupt.set_offset(below(numbers, size - (corrupt.has_length() ? length : 1) + 1));
  return rule;
}

class Download {
 public:
  Download(std::string content, const v1::FaultRule& rule, uint64_t seed)
      : content_(std::move(content)), rule_(rule), seed_(seed) {
    auto topic = std::make_shared<wire::Topic>();
    topic->route = "content";
    topic->package = "LON00001";
    topic->file = "a.bin";
    topic_ = std::move(topic);
  }

  // Bytes from `first`, at most `size`, as the client gets them.
  std::string get(uint64_t first, uint64_t size) const {
    wire::Request request;
    request.method = "GET";
    const std::string range = "bytes=" + std::to_string(first) + "-" + std::to_string(first + size - 1);
    request.fields = {{"Range", range}};
    wire::Reply reply = wire::entity_reply(request, {.body = wire::Body(content_), .etag = "\"e\"", .topic = topic_});
    wire::Delivery delivery;
    corrupt_reply({.rule = rule_,
                   .noise = Noise(seed_, ""),
                   .seed = seed_,
                   .place = place_,
                   .request = request,
                   .router = router_,
                   .reply = &reply,
                   .delivery = &delivery});
    return *reply.body.read_all();
  }

 private:
  const std::string content_;
  const v1::FaultRule& rule_;
  const uint64_t seed_;
  const Place place_{v1::FaultMatch::DP, "LON-DCSMS-01"};
  const wire::Router router_;
  std::shared_ptr<const wire::Topic> topic_;
};

TEST(Oracle, ForetellsTheHashThatTheClientComputes) {
  constexpr uint64_t kSeed = 20261122;
  RecordProperty("seed", std::to_string(kSeed));
  Numbers numbers(kSeed);
  for (int triple = 0; triple < 10'000; triple++) {
    const std::string content = bytes_of(numbers, 1 + below(numbers, 4000));
    const v1::FaultRule rule = rule_for(numbers, content.size());
    const uint64_t seed = numbers();
    v1::FileEntry file;
    file.set_path("a.bin");
    file.set_size(content.size());
    const auto foretold = plan_damage(rule.corrupt(), {seed, rule.id(), "LON-DCSMS-01", "LON00001"}, file,
                                      [&](uint64_t offset, std::span<char> into) {
                                        content.copy(into.data(), into.size(), offset);
                                        return ok_status();
                                      });
    ASSERT_TRUE(foretold.ok()) << foretold.status().to_string();
    // In parts, as a client that was interrupted would.
    const Download download(content, rule, seed);
    const uint64_t part = 1 + below(numbers, content.size());
    std::string got;
    while (got.size() < content.size()) got += download.get(got.size(), part);
    ASSERT_EQ(content_digests(got).sha1, foretold->hash().sha1()) << "triple " << triple << ", seed " << kSeed;
    ASSERT_EQ(content_digests(got).sha256, foretold->hash().sha256());
    ASSERT_NE(got, content) << "a no-op";
    const auto differs = std::mismatch(got.begin(), got.end(), content.begin());
    ASSERT_EQ(static_cast<uint64_t>(differs.first - got.begin()), foretold->extents(0).offset());
  }
}

}  // namespace
}  // namespace smslab::fault
