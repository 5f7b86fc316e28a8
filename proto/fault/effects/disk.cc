// A distribution point's disk that does not do as it should: a byte that cannot be read, no room for what is sent.
#include "proto/fault/effects.h"
#include "proto/fault/plan.h"

namespace smslab::fault {
uint64_t eio_offset(uint64_t seed, const std::string& rule, const std::string& dp, const std::string& package,
                    const std::string& file, uint64_t size) {
  return Random(seed).below(size, "eio-offset", {rule, dp, package, file});
}

Status check_eio(const v1::FaultRule& rule) {
  const v1::FaultMatch& match = rule.match();
  RETURN_IF_ERROR(check_asked(rule, {"content"}, {"GET"}));
  if (!rule.eio().has_offset() || !match.has_range()) return ok_status();
  const uint64_t offset = rule.eio().offset();
  if (offset >= match.range().first() && (!match.range().has_last() || offset <= match.range().last())) {
    return ok_status();
  }
  return invalid_argument("the byte is not in the range that match.range is about", "eio.offset");
}

bool eio_concerns(const v1::FaultRule& rule, const Occasion& occasion) {
  if (occasion.route != "content" || occasion.method != "GET" || !matches(rule.match(), occasion)) return false;
  const v1::Eio& eio = rule.eio();
  return !eio.has_offset() || (eio.offset() >= occasion.first && (!occasion.last || eio.offset() <= *occasion.last));
}

// The head is out by the time the byte cannot be read: the reply ends there, under it. Of several parts none is sent.
void eio(const Stroke& stroke) {
  wire::Reply& reply = *stroke.reply;
  if ((reply.status != 200 && reply.status != 206) || reply.stream || reply.body.size() == 0) return;
  const auto begins = first_byte(reply);
  uint64_t left = 0;
  if (begins) {
    const v1::Eio& eio = stroke.rule.eio();
    const uint64_t offset = eio.has_offset() ? eio.offset()
                                             : eio_offset(stroke.seed, stroke.rule.id(), stroke.place.dp,
                                                          reply.topic->package, reply.topic->file, file_size(reply));
    if (offset < *begins || offset - *begins >= reply.body.size()) return;
    left = offset - *begins;
  }
  stroke.delivery->bytes = left;
  stroke.delivery->in_body = true;
  stroke.delivery->ending = wire::Delivery::Ending::kFin;
}

Status check_no_space(const v1::FaultRule& rule) {
  const v1::FaultMatch& match = rule.match();
  if (match.role() == v1::FaultMatch::MP) {
    return invalid_argument("the management point receives no content; this is for a distribution point", "match.role");
  }
  const bool clients = !match.client().empty() || !match.smsid().empty() || !match.address().empty();
  if (clients) return invalid_argument("it is the site that sends content, no client", "match.client");
  if (!match.route().empty() || !match.method().empty() || !match.file().empty() || match.has_range()) {
    return invalid_argument("of what a site sends only the DP, the package and the version are known", "match");
  }
  return ok_status();
}

}  // namespace smslab::fault
