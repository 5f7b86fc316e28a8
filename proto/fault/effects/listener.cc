// A listener that is not there, or shows a certificate that is wrong. Carried out by DoorWatch (doors.h) and
// RuleInjector.
#include "proto/fault/effects.h"

namespace smslab::fault {

Status check_down(const v1::FaultRule& rule) {
  const v1::FaultMatch& match = rule.match();
  if (!match.client().empty() || !match.smsid().empty() || !match.address().empty()) {
    return invalid_argument("a listener that is closed is closed for everybody; reset_on_accept chooses", "match");
  }
  if (rule.down().site() && match.role() == v1::FaultMatch::MP) {
    return invalid_argument("the site reaches itself; this is for a distribution point", "down.site");
  }
  const v1::FaultWhen& when = rule.when();
  const bool counts = when.nth() != 0 || when.every() != 0 || when.first() != 0 || when.after() != 0 ||
                      when.has_probability() || when.across();
  if (counts) return invalid_argument("who is refused is not counted: say from and until, or clear the rule", "when");
  if (rule.limit() != 0) return invalid_argument("who is refused is not counted", "limit");
  return ok_status();
}

}  // namespace smslab::fault
