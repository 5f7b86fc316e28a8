#include "proto/client/mp_session.h"

#include <fmt/format.h>

#include "proto/base/time_text.h"
#include "proto/ccm/envelope.h"
#include "proto/client/http.h"

namespace smslab::client {
namespace {
constexpr size_t kMaxReply = size_t{16} << 20;
constexpr std::string_view kUserAgent = "SMS CCM 5.0";  // of the resident agent's GETs; its posts say ccmhttp
constexpr std::string_view kPostUserAgent = "ccmhttp";

void add_property(std::string_view name, std::string text, v1::MsgHook* hook) {
  v1::NameText* property = hook->add_properties();
  property->set_name(std::string(name));
  property->set_text(std::move(text));
}
}  // namespace

MpSession::MpSession(Host& host, const Url& url, const ccm::SigningKey& key)
    : host_(host),
      key_(key),
      address_(format_host_port(url.at)),
      mp_host_(url.at.host),
      port_(url.at.port),
      http_(connect_to(host, url.scheme + "://" + address_)) {}

Result<MpSession::Post> MpSession::post(std::string_view endpoint, const std::vector<std::string>& documents,
                                        Signing signing, std::string_view reply_mode) {
  v1::Msg header;
  header.set_reply_compression("zlib");
  header.set_schema_version("1.1");
  header.set_correlation_id("{00000000-0000-0000-0000-000000000000}");
  header.set_id(host_.guid("message"));
  header.mutable_payload()->set_type("inline");
  header.set_priority("0");
  header.set_protocol("http");
  header.set_reply_mode(std::string(reply_mode));
  header.set_reply_to("direct:" + host_.name + ":SccmMessaging");
  header.set_sent_time(format_rfc3339(std::chrono::floor<std::chrono::seconds>(host_.clock.now())));
  if (!host_.smsid.empty()) header.set_source_id(host_.smsid);
  header.set_source_host(host_.name);
  header.set_target_address("mp:" + std::string(endpoint));
  header.set_target_endpoint(std::string(endpoint));
  header.set_target_host(mp_host_);
  header.set_timeout("60000");

  const std::string payload = ccm::encode_payload(documents, true, &header);
  if (signing == Signing::kClientAuth) {
    v1::MsgHook* hook = header.mutable_hooks()->add_hook2();
    hook->set_name("clientauth");
    add_property("AuthSenderMachine", host_.name, hook);
    add_property("PublicKey", key_.public_key(), hook);
    add_property("ClientIDSignature", key_.sign(ccm::client_id_bytes(host_.smsid)), hook);
    add_property("PayloadSignature", key_.sign(payload), hook);
    add_property("ClientCapabilities", "NonSSL", hook);
    add_property("HashAlgorithm", "1.2.840.113549.1.1.11", hook);
  }

  ccm::Multipart message = ccm::write_request(header, payload);
  auto reply = fetch(http_,
                     {.method = "CCM_POST",
                      .target = "/ccm_system/request",
                      .fields = {{"User-Agent", std::string(kPostUserAgent)}, {"Content-Type", message.content_type}},
                      .body = std::move(message.body)},
                     kMaxReply);
  const std::string what = "the MP at " + address_ + ", asked at " + std::string(endpoint);
  if (!reply.ok()) return reply.status().prefixed(what);
  RETURN_IF_ERROR(check_status(*reply, "/ccm_system/request").prefixed(what));
  const std::string* type = reply->field("Content-Type");
  return Post{header.id(), type == nullptr ? "" : *type, std::move(reply->body)};
}

Status MpSession::check_status(const control::HttpReply& reply, std::string_view target) const {
  if (reply.status == 200) return ok_status();
  const Log& log = host_.log(Component::kMessaging);
  log.error(
      fmt::format("[CCMHTTP] ERROR: URL=http://{}{}, Port={}, Options=224, Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE",
                  address_, target, port_));
  log.error(fmt::format("[CCMHTTP] ERROR INFO: StatusCode={} StatusText={}", reply.status, reply.reason));
  return Status(Code::kUnavailable, "it answers " + status_line(reply));
}

Result<std::string> MpSession::ask(std::string_view endpoint, const std::string& xml, Signing signing) {
  ASSIGN_OR_RETURN(const Post reply, post(endpoint, {xml}, signing, "Sync"));
  if (reply.body.empty()) {
    host_.log(Component::kMessaging).info("Message '" + reply.message + "' doesn't have reply");
    return std::string();
  }
  auto text = ccm::read_reply(reply.content_type, reply.body, {.payload_bytes = kMaxReply});
  if (!text.ok()) return text.status().prefixed("the reply of " + std::string(endpoint));
  return text;
}

Status MpSession::tell(std::string_view endpoint, const std::vector<std::string>& documents, Signing signing) {
  return post(endpoint, documents, signing, "Async").status();
}

Result<std::string> MpSession::get_auth(std::string_view query) {
  const std::string target = "/SMS_MP/.sms_aut?" + std::string(query);
  auto reply = fetch(http_, {.target = target, .fields = {{"User-Agent", std::string(kUserAgent)}}}, kMaxReply);
  const std::string what = "the MP at " + address_ + ", asked for " + target;
  if (!reply.ok()) return reply.status().prefixed(what);
  RETURN_IF_ERROR(check_status(*reply, target).prefixed(what));
  return std::move(reply->body);
}

}  // namespace smslab::client
