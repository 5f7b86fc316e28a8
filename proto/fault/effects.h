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
#include "proto/fault/pretence.h"
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
  // The request as earlier strokes have had it answered anew, for the next to go on from; nullopt: as it came.
  std::optional<wire::Request>* asked = nullptr;
  const OldVersions* old_versions = nullptr;  // null: nobody has any
};

enum class Stage {
  kStore,       // the DP's stored bytes (mp/faults.h)
  kConnection,  // when it is accepted
  kReply,
  kListener,  // as long as the rule is in force
  kReceive,   // what a site sends to a DP
  kAnswer,    // where the management point composes what it says (sayings.h)
};
inline constexpr size_t kStages = 6;

struct Effect {
  v1::FaultRule::EffectCase kind;
  std::string_view name;  // as the neighbours name it, and the field of FaultRule
  Stage stage;
  std::string_view harm;  // what the client meets, in one line
  // kInvalidArgument with the field, for parameters that make no sense. Null: it has none.
  Status (*check)(const v1::FaultRule& rule);
  void (*apply)(const Stroke& stroke);  // kReply alone
  // Whether the rule is about this request; null: by its `match` alone.
  bool (*concerns)(const v1::FaultRule& rule, const Occasion& occasion) = nullptr;
};

std::span<const Effect> all_effects();
const Effect* effect_of(const v1::FaultRule& rule);  // null: the rule has none

// Positions and sizes in files are at most this: no file system has larger ones, and sums of two have no overflow.
inline constexpr uint64_t kMostBytes = uint64_t{1} << 62;

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

// effects/store.cc, filtering.cc, disk.cc: what a distribution point says of its content
Status check_missing_file(const v1::FaultRule& rule);
Status check_extra_file(const v1::FaultRule& rule);
Status check_wrong_size(const v1::FaultRule& rule);
Status check_listing(const v1::FaultRule& rule);
Status check_huge_listing(const v1::FaultRule& rule);
Status check_request_filtering(const v1::FaultRule& rule);
Status check_eio(const v1::FaultRule& rule);
Status check_no_space(const v1::FaultRule& rule);
Status check_stale(const v1::FaultRule& rule);
Status check_torn_refresh(const v1::FaultRule& rule);
void missing_file(const Stroke& stroke);
void extra_file(const Stroke& stroke);
void wrong_size(const Stroke& stroke);
void empty_listing(const Stroke& stroke);
void huge_listing(const Stroke& stroke);
void hidden_unlisted(const Stroke& stroke);
void request_filtering(const Stroke& stroke);
void eio(const Stroke& stroke);
void stale(const Stroke& stroke);
void torn_refresh(const Stroke& stroke);
bool missing_file_concerns(const v1::FaultRule& rule, const Occasion& occasion);
bool listed_file_concerns(const v1::FaultRule& rule, const Occasion& occasion);
bool listing_concerns(const v1::FaultRule& rule, const Occasion& occasion);
bool filtering_concerns(const v1::FaultRule& rule, const Occasion& occasion);
bool eio_concerns(const v1::FaultRule& rule, const Occasion& occasion);
bool stale_concerns(const v1::FaultRule& rule, const Occasion& occasion);
bool torn_concerns(const v1::FaultRule& rule, const Occasion& occasion);
// What they foretell: whether a path is refused, a file's size as it is listed, and the byte that cannot be read of a
// file of `size` bytes.
bool is_filtered(const v1::RequestFiltering& filter, const std::string& path);
uint64_t moved(uint64_t size, int64_t by);  // no less than 0
uint64_t wrong_size_of(const v1::WrongSize& how, uint64_t size);
uint64_t eio_offset(uint64_t seed, const std::string& rule, const std::string& dp, const std::string& package,
                    const std::string& file, uint64_t size);

// effects/listener.cc: of a whole listener, or of its certificate
Status check_down(const v1::FaultRule& rule);

// ---- what they share
// kInvalidArgument for a rule that could never meet one of these requests of a distribution point's.
Status check_asked(const v1::FaultRule& rule, std::initializer_list<std::string_view> routes,
                   std::initializer_list<std::string_view> methods);
// Where in the file a reply's body begins: a part of it, the whole, or (several parts) nowhere in one piece.
std::optional<uint64_t> first_byte(const wire::Reply& reply);
uint64_t file_size(const wire::Reply& reply);
// Answers the request anew, as if the client had asked otherwise, beside what earlier strokes changed so. The reply
// keeps its topic. A refusal is served, or leaves everything as it was.
enum class Failures { kServed, kLeft };
void ask_again(const Stroke& stroke, const std::function<void(wire::Request*)>& change, Failures failures);
// Has the bytes changed on their way out, after whatever changes them already.
using Rewrite = std::function<void(std::string* head, wire::Body* body)>;
void rewrite_last(wire::Delivery* delivery, Rewrite change);
// Takes the lines of a field out of a head's text; gives the first one's value.
std::string take_field(std::string* head, std::string_view name);
void add_field(std::string* head, std::string_view name, std::string_view value);

}  // namespace smslab::fault
