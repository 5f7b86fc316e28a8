// Faults on conn_fuzz's replies: how each leaves, by the fuzzer's choice, and whether the connection did just that.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>

#include "proto/wire/injector.h"
#include "proto/wire/reply_head.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/network.h"
#include "tests/fuzz/replies.h"

namespace smslab::fuzz {

class Deliveries final : public wire::Injector {
 public:
  Deliveries(Input& choices, Network& network, Story& story) : choices_(choices), network_(network), story_(story) {}

  wire::Opening open(const HostPort&, const HostPort&) override { return {}; }

  std::unique_ptr<wire::Delivery> deliver(const wire::Request& request, const wire::Router&,
                                          wire::Reply* reply) override {
    using Ending = wire::Delivery::Ending;
    MUST(!under_way());
    if (choices_.number(3) == 0) return nullptr;
    Planned& plan = planned_.emplace_back();
    plan.bare = request.method == "HEAD" || !wire::has_content(reply->status);
    plan.made = reply->stream != nullptr && !plan.bare;
    auto delivery = std::make_unique<wire::Delivery>();
    delivery->ending = static_cast<Ending>(choices_.number(3));
    if (choices_.number(1) == 1) delivery->bytes = choices_.number(300);
    delivery->in_body = choices_.number(1) == 1;
    if (choices_.number(1) == 1) delivery->slice = 10 + choices_.number(50);
    delivery->pause = LabDuration(1);
    delivery->before = LabDuration(choices_.number(1));
    delivery->before_end = LabDuration(choices_.number(1));
    const bool spoils = choices_.number(3) == 1;
    delivery->rewrite = [this, spoils, &plan](std::string* head, wire::Body* body) {
      if (spoils) {
        head->insert(head->find("\r\n"), " and more");
        body->append(std::string("behind"));
      }
      plan.begins = network_.sent.size();
      plan.head = head->size();
      plan.whole = *head;
      const auto bytes = body->read_all();
      plan.known = !plan.made && (plan.bare || bytes.ok());
      if (plan.known && !plan.bare) plan.whole += *bytes;
    };
    network_.unacknowledged = choices_.number(3);
    const bool goes_on_short = delivery->bytes != UINT64_MAX && delivery->ending == Ending::kAsUsual;
    spoilt_ = spoilt_ || spoils || goes_on_short;
    // What is cut, or the last though its head does not say so.
    if (delivery->ending != Ending::kAsUsual || delivery->bytes != UINT64_MAX) story_.cut = true;
    plan.how = *delivery;
    plan.how.rewrite = nullptr;
    return delivery;
  }

  void sent(const wire::Delivery& delivery, const wire::Sent& sent) override {
    MUST(under_way() && delivery.ending == planned_.back().how.ending);
    MUST(sent.acknowledged <= sent.bytes);
    planned_.back().sent = sent;
  }

  CompletionPtr sleep(LabDuration time) override {
    MUST(time > LabDuration::zero() && under_way());
    return sleeping_ = std::make_shared<Completion>();
  }

  bool is_sleep(const CompletionPtr& waiting) const { return waiting != nullptr && waiting == sleeping_; }
  bool stalls() const { return ends(wire::Delivery::Ending::kStall); }
  bool drains() const { return ends(wire::Delivery::Ending::kRst); }
  // The replies say something else than the requests ask for.
  bool spoilt() const { return spoilt_; }

  // Once the connection is gone: each was told of once, and what left is what was to leave.
  void must_have_been_right() const {
    for (const Planned& plan : planned_) {
      MUST(plan.sent.has_value());
      const uint64_t bytes = plan.sent->bytes;
      if (!plan.begins) {  // it never came to a reply
        MUST(bytes == 0);
        continue;
      }
      const std::string_view left = std::string_view(network_.sent).substr(*plan.begins);
      const uint64_t limit =
          plan.how.in_body && plan.how.bytes != UINT64_MAX ? plan.how.bytes + plan.head : plan.how.bytes;
      MUST(bytes <= left.size() && bytes <= limit);
      const bool all_known = plan.known || bytes <= plan.head;
      if (all_known) MUST(left.substr(0, bytes) == std::string_view(plan.whole).substr(0, bytes));
      const bool ended = plan.sent->end == wire::Sent::End::kWhole || plan.sent->end == wire::Sent::End::kCut;
      if (ended && plan.known) MUST(bytes == std::min<uint64_t>(limit, plan.whole.size()));
      if (plan.how.ending != wire::Delivery::Ending::kAsUsual) MUST(left.size() == bytes && &plan == &planned_.back());
    }
  }

 private:
  struct Planned {
    wire::Delivery how;
    bool bare = false, made = false;  // without a body; with one that is made while it is sent
    bool known = false;               // `whole` is all there is to send
    std::optional<size_t> begins;     // in what was sent
    uint64_t head = 0;
    std::string whole;
    std::optional<wire::Sent> sent;
  };

  bool under_way() const { return !planned_.empty() && !planned_.back().sent; }
  bool ends(wire::Delivery::Ending ending) const { return under_way() && planned_.back().how.ending == ending; }

  Input& choices_;
  Network& network_;
  Story& story_;
  std::deque<Planned> planned_;  // rewrite refers to its own
  CompletionPtr sleeping_;
  bool spoilt_ = false;
};

}  // namespace smslab::fuzz
