// MpSession: the client's talk with its management point: CCM_POST messages and plain GETs (facts: protocol 2 and 3).
//
//   ASSIGN_OR_RETURN(std::string reply, session.ask("MP_LocationManager", to_xml(request), Signing::kNone));
//   if (reply.empty()) ...                                  // 200 without a body: nothing new, or not for us
//   RETURN_IF_ERROR(session.tell("StatusReceiver", {to_xml(status)}, Signing::kClientAuth));
//
// Replies are limited to 16 MiB. kUnavailable: no answer, or one with an error status. Headers and hooks are written as
// the recorded client writes them. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/base/uri.h"
#include "proto/ccm/signature.h"
#include "proto/client/host.h"
#include "proto/control/client.h"

namespace smslab::client {

enum class Signing { kNone, kClientAuth };

class MpSession {
 public:
  // `key` outlives the session. `url` is "http://host:port", checked by the caller.
  MpSession(Host& host, const Url& url, const ccm::SigningKey& key);

  // "host:port", as <mp> in policy locations stands for.
  const std::string& address() const { return address_; }

  Result<std::string> ask(std::string_view endpoint, const std::string& xml, Signing signing);
  Status tell(std::string_view endpoint, const std::vector<std::string>& documents, Signing signing);
  // GET of "/SMS_MP/.sms_aut?" + query.
  Result<std::string> get_auth(std::string_view query);

 private:
  struct Post {
    std::string message;  // its ID
    std::string content_type, body;
  };
  Result<Post> post(std::string_view endpoint, const std::vector<std::string>& documents, Signing signing,
                    std::string_view reply_mode);

  // kUnavailable for another one than 200, which then stands in CcmMessaging.log (protocol 8.2).
  Status check_status(const control::HttpReply& reply, std::string_view target) const;

  Host& host_;
  const ccm::SigningKey& key_;
  const std::string address_, mp_host_;
  const uint16_t port_;
  control::HttpClient http_;
};

}  // namespace smslab::client
