// The effects: every way in which a reply or a connection can fail, one row each. The rules' check, the injector, the
// documentation's table and its tests all go by this list.
//
// To add one: a message in fault.proto and a member of FaultRule's effect, a function in the file of its kind below
// (effects/), a row in effects.cc. The table's test then asks for its end-to-end test.
#pragma once

#include <span>
#include <string_view>

#include "proto/base/random.h"
#include "proto/fault/occasion.h"
#include "proto/schema/fault.pb.h"
#include "proto/wire/injector.h"

namespace smslab::fault {

// Whose listener it is.
struct Place {
  v1::FaultMatch::Role role = v1::FaultMatch::MP;
  std::string dp = {};  // name
};

// Random bytes that are one stroke's own: the same for the same seed, rule, client, resource and count.
class Noise {
 public:
  Noise(uint64_t seed, std::string key) : random_(seed), key_(std::move(key)) {}
  std::string bytes(uint64_t size) const;
  uint64_t below(uint64_t bound, std::string_view purpose) const;
  std::string spoil(std::string bytes) const;  // none of them stays what it was

 private:
  Random random_;
  std::string key_;
};

// One rule that hits one reply. An effect changes the reply, or how it leaves. All that stands here by reference is
// gone once the effect has been applied.
struct Stroke {
  const v1::FaultRule& rule;
  Noise noise;
  uint64_t seed;
  const Place& place;  // where the listener stands
  const wire::Request& request;
  const wire::Router& router;
  wire::Reply* reply;
  wire::Delivery* delivery;
};

// kAnswer: where the management point composes what it says (sayings.h).
enum class Stage { kStore, kConnection, kReply, kAnswer };
inline constexpr size_t kStages = 4;

struct Effect {
  v1::FaultRule::EffectCase kind;
  std::string_view name;  // as the neighbours name it, and the field of FaultRule
  Stage stage;
  std::string_view harm;  // what the client meets, in one line
  // kInvalidArgument with the field, for parameters that make no sense. Null: it has none.
  Status (*check)(const v1::FaultRule& rule);
  void (*apply)(const Stroke& stroke);  // kReply alone
};

std::span<const Effect> all_effects();
const Effect* effect_of(const v1::FaultRule& rule);  // null: the rule has none

// ---- effects/*.cc
Status check_limit_data(const v1::FaultRule& rule);
Status check_latency(const v1::FaultRule& rule);
Status check_bandwidth(const v1::FaultRule& rule);
Status check_slicer(const v1::FaultRule& rule);
Status check_slow_close(const v1::FaultRule& rule);
Status check_content_length(const v1::FaultRule& rule);
Status check_truncate(const v1::FaultRule& rule);
Status check_malformed_body(const v1::FaultRule& rule);
Status check_response_bytes(const v1::FaultRule& rule);
Status check_status(const v1::FaultRule& rule);
Status check_header(const v1::FaultRule& rule);
Status check_swap_file(const v1::FaultRule& rule);
Status check_corrupt(const v1::FaultRule& rule);
Status check_random_data(const v1::FaultRule& rule);
Status check_assignments(const v1::FaultRule& rule);
Status check_policy_body(const v1::FaultRule& rule);
Status check_locations(const v1::FaultRule& rule);
Status check_registration(const v1::FaultRule& rule);
Status check_refuse(const v1::FaultRule& rule);
Status check_clock_skew(const v1::FaultRule& rule);

void limit_data(const Stroke& stroke);
void truncate_body(const Stroke& stroke);
void empty_response(const Stroke& stroke);
void timeout(const Stroke& stroke);
void reset_peer(const Stroke& stroke);
void random_data_then_close(const Stroke& stroke);
void malformed_response_chunk(const Stroke& stroke);
void response_bytes(const Stroke& stroke);

void latency(const Stroke& stroke);
void bandwidth(const Stroke& stroke);
void slicer(const Stroke& stroke);
void slow_close(const Stroke& stroke);

void content_length_override(const Stroke& stroke);
void status_reply(const Stroke& stroke);
void header_edit(const Stroke& stroke);
void clock_skew(const Stroke& stroke);

void corrupt_reply(const Stroke& stroke);
void malformed_body(const Stroke& stroke);
void empty_body(const Stroke& stroke);

void ignore_range(const Stroke& stroke);
void force_multipart(const Stroke& stroke);
void swap_file(const Stroke& stroke);

// ---- what they share
// Has the bytes changed on their way out, after whatever changes them already.
using Rewrite = std::function<void(std::string* head, wire::Body* body)>;
void rewrite_last(wire::Delivery* delivery, Rewrite change);
// Takes the lines of a field out of a head's text; gives the first one's value.
std::string take_field(std::string* head, std::string_view name);
void add_field(std::string* head, std::string_view name, std::string_view value);

}  // namespace smslab::fault
