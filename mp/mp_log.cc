#include "mp/mp_log.h"

#include <fmt/format.h>

#include "proto/base/text.h"
#include "proto/base/uri.h"

namespace smslab::mp {
namespace {
// How a file's lines begin. Those of location and relay are known; the others are made after them, assumed.
std::string_view opening(SiteLogFile file) {
  switch (file) {
    case SiteLogFile::kRegistration: return "MP RM: registration of";
    case SiteLogFile::kPolicy: return "MP PM: policy assignments for";
    case SiteLogFile::kStatus: return "Mp Message Handler: start message processing for Status";
    case SiteLogFile::kRelay: return "Mp Message Handler: start message processing for Relay";
    case SiteLogFile::kHinv: return "Mp Message Handler: start message processing for Hinv";
    case SiteLogFile::kSinv: return "Mp Message Handler: start message processing for Sinv";
    case SiteLogFile::kDdr: return "Mp Message Handler: start message processing for Ddr";
    default: return "Mp Message Handler: start message processing for";
  }
}

std::string outcome(const Result<CcmAnswer>& answer) {
  if (!answer.ok()) return "refused: " + answer.status().message();
  return answer->shared || !answer->xml.empty() ? "answered" : "taken";
}
}  // namespace

void log_auth(const Site& site, const wire::Request& request) {
  if (!site.logs->writes(SiteLogFile::kGetAuth)) return;
  const auto query = percent_decode(request.query);
  const std::string_view asked = query ? split(*query, '&').front() : std::string_view(request.query);
  site.logs->queue(SiteLogFile::kGetAuth, site.clock.now(), fmt::format("MP GA: Auth Request Type is {}", trim(asked)));
}

void log_policy_download(const Site& site, const wire::Request& request) {
  if (!site.logs->writes(SiteLogFile::kGetPolicy)) return;
  site.logs->queue(SiteLogFile::kGetPolicy, site.clock.now(), "MP GP: Query String Before Decode: " + request.query);
}

void log_request(const Site& site, SiteLogFile file, const ccm::Envelope& message, const Result<CcmAnswer>& answer) {
  if (!site.logs->writes(file)) return;
  std::string line = file == SiteLogFile::kLocation
                         ? "MP LM: Message Body : " + message.documents.front()
                         : fmt::format("{} {} ({}): {}", opening(file), message.header.source_host(),
                                       message.header.source_id(), outcome(answer));
  site.logs->queue(file, site.clock.now(), std::move(line));
}

}  // namespace smslab::mp
