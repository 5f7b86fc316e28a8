#include "proto/fault/injector.h"

#include <array>
#include <utility>

#include "proto/wire/entity.h"
#include "proto/wire/grammar.h"
#include "proto/wire/lab_certificate.h"
#include "proto/wire/range.h"

namespace smslab::fault {
namespace {
void name_rule(const Hit& hit, std::string* rules) {
  if (!rules->empty()) rules->push_back(' ');
  rules->append(hit.rule->id());
}

bool resumes(const wire::Request& request) {
  const auto value = wire::list_field(request.fields, "Range");
  if (!value) return false;
  const auto ranges = wire::parse_range(*value, UINT64_MAX).ranges;
  return !ranges.empty() && ranges.front().first > 0;
}

// Made once, for all listeners: they are the same for every lab.
std::shared_ptr<const wire::Tls> flawed(wire::Flaw flaw) {
  static const auto all = [] {
    std::array<std::shared_ptr<const wire::Tls>, wire::kFlaws> made;
    for (size_t i = 0; i < made.size(); i++) {
      if (auto tls = wire::Tls::open(flawed_identity(static_cast<wire::Flaw>(i))); tls.ok()) made[i] = *std::move(tls);
    }
    return made;
  }();
  return all.at(static_cast<size_t>(flaw));
}
}  // namespace

RuleInjector::RuleInjector(Place place, Rules& rules, const Clock& clock, LabTimers& timers, NameOf name_of,
                           OldVersions old_versions)
    : place_(std::move(place)),
      rules_(rules),
      clock_(clock),
      timers_(timers),
      name_of_(std::move(name_of)),
      old_versions_(std::move(old_versions)) {}

Occasion RuleInjector::occasion_of(const wire::Request& request, const wire::Reply& reply) const {
  Occasion occasion;
  occasion.role = place_.role;
  occasion.dp = place_.dp;
  occasion.address = request.peer.host;
  occasion.method = request.method;
  occasion.now = clock_.now();
  if (const wire::Topic* topic = reply.topic.get(); topic != nullptr) {
    occasion.route = topic->route;
    occasion.client = topic->client;
    occasion.smsid = topic->smsid;
    occasion.package = topic->package;
    occasion.version = topic->version;
    occasion.file = topic->file;
  } else {
    occasion.route = "other";
  }
  if (occasion.client.empty()) occasion.client = name_of_(occasion.address);
  const wire::AskedSpan span = wire::asked_span(request, reply);
  occasion.first = span.first;
  occasion.last = span.last;
  occasion.resumes = resumes(request);
  return occasion;
}

wire::Opening RuleInjector::open(const HostPort& peer, const HostPort&) {
  wire::Opening opening;
  if (!rules_.any(Stage::kConnection)) return opening;
  Occasion occasion;
  occasion.role = place_.role;
  occasion.dp = place_.dp;
  occasion.address = peer.host;
  occasion.client = name_of_(peer.host);
  occasion.route = "connection";
  occasion.now = clock_.now();
  for (const Hit& hit : rules_.hits(Stage::kConnection, occasion)) {
    name_rule(hit, &opening.rules);
    switch (hit.rule->effect_case()) {
      case v1::FaultRule::kResetOnAccept: opening.kind = wire::Opening::Kind::kReset; break;
      case v1::FaultRule::kNeverRead: opening.kind = wire::Opening::Kind::kNeverRead; break;
      case v1::FaultRule::kHandshakeAbort: opening.kind = wire::Opening::Kind::kAbortTls; break;
      case v1::FaultRule::kCertExpired: opening.tls = flawed(wire::Flaw::kExpired); break;
      case v1::FaultRule::kCertNotYetValid: opening.tls = flawed(wire::Flaw::kNotYetValid); break;
      case v1::FaultRule::kCertWrongHost: opening.tls = flawed(wire::Flaw::kWrongHost); break;
      case v1::FaultRule::kCertUnknownCa: opening.tls = flawed(wire::Flaw::kUnknownCa); break;
      case v1::FaultRule::kCertBadChain: opening.tls = flawed(wire::Flaw::kBadChain); break;
      case v1::FaultRule::kOldTls: opening.old_tls = true; break;
      default: break;
    }
  }
  return opening;
}

std::unique_ptr<wire::Delivery> RuleInjector::deliver(const wire::Request& request, const wire::Router& router,
                                                      wire::Reply* reply) {
  if (!rules_.any(Stage::kReply)) return nullptr;
  const Occasion occasion = occasion_of(request, *reply);
  const std::vector<Hit> hits = rules_.hits(Stage::kReply, occasion);
  if (hits.empty()) return nullptr;
  auto delivery = std::make_unique<wire::Delivery>();
  std::optional<wire::Request> as_if;
  const std::string asked = occasion.resource() + ' ' + occasion.who() + ' ';
  for (const Hit& hit : hits) {
    name_rule(hit, &delivery->rules);
    const std::string stroke = hit.rule->id() + ' ' + asked + std::to_string(hit.count);
    effect_of(*hit.rule)->apply({.rule = *hit.rule,
                                 .noise = Noise(rules_.seed(), stroke),
                                 .seed = rules_.seed(),
                                 .place = place_,
                                 .request = request,
                                 .router = router,
                                 .reply = reply,
                                 .delivery = delivery.get(),
                                 .asked = &as_if,
                                 .old_versions = old_versions_ ? &old_versions_ : nullptr});
  }
  return delivery;
}

void RuleInjector::sent(const wire::Delivery&, const wire::Sent&) {}

}  // namespace smslab::fault
