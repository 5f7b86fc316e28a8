#include "mp/dp_link.h"

#include <utility>

#include "proto/codec/json.h"
#include "proto/control/media.h"

namespace smslab::mp {

DpLink::DpLink(const DpAddress& dp, std::chrono::milliseconds patience)
    : http_({.base = dp.control_url, .token = dp.token, .bind = {}, .timeout = patience}) {}

Result<std::vector<std::string>> DpLink::offer(const v1::Manifest& manifest) {
  v1::Offer offer;
  *offer.mutable_manifest() = manifest;
  v1::OfferReply reply;
  RETURN_IF_ERROR(http_.call("POST", "/dp/v1/offers", &offer, &reply));
  return std::vector<std::string>(reply.missing().begin(), reply.missing().end());
}

Status DpLink::put(const std::string& sha256, std::shared_ptr<const ReadableFile> content) {
  control::HttpRequest request;
  request.method = "PUT";
  request.target = "/dp/v1/blobs/" + sha256;
  request.fields = {{"Content-Type", "application/octet-stream"}};
  request.file = std::move(content);
  ASSIGN_OR_RETURN(const control::HttpReply reply, http_.send(request));
  if (reply.status / 100 == 2) return ok_status();
  v1::ErrorReply error;
  if (!codec::from_json(reply.body, &error).ok()) {
    return {Code::kUnavailable, "the DP refused a content: " + reply.reason};
  }
  return {control::code_from_name(error.error().code()), "the DP refused a content: " + error.error().message()};
}

Result<v1::CommitReply> DpLink::commit(const v1::Manifest& manifest, bool overwrite) {
  v1::Commit commit;
  *commit.mutable_manifest() = manifest;
  commit.set_overwrite(overwrite);
  v1::CommitReply reply;
  RETURN_IF_ERROR(http_.call("POST", "/dp/v1/commits", &commit, &reply));
  return reply;
}

Result<v1::RemovalReply> DpLink::remove(const std::string& package) {
  v1::DpContent whatever;
  whatever.set_package_id(package);
  return remove(whatever);
}

Result<v1::RemovalReply> DpLink::remove(const v1::DpContent& content) {
  v1::Removal removal;
  removal.set_package_id(content.package_id());
  removal.set_generation(content.generation());
  v1::RemovalReply reply;
  RETURN_IF_ERROR(http_.call("POST", "/dp/v1/removals", &removal, &reply));
  return reply;
}

Result<v1::DamageReply> DpLink::damage(const v1::DamageRequest& request) {
  v1::DamageReply reply;
  RETURN_IF_ERROR(http_.call("POST", "/dp/v1/damages", &request, &reply));
  return reply;
}

Result<v1::DamageRemovalReply> DpLink::lift_damage(const std::string& rule) {
  v1::DamageRemoval removal;
  removal.set_rule_id(rule);
  v1::DamageRemovalReply reply;
  RETURN_IF_ERROR(http_.call("POST", "/dp/v1/damages/remove", &removal, &reply));
  return reply;
}

Result<v1::ValidationReply> DpLink::validate(const v1::Manifest& manifest) {
  v1::ValidationRequest request;
  *request.mutable_manifest() = manifest;
  v1::ValidationReply reply;
  RETURN_IF_ERROR(http_.call("POST", "/dp/v1/validations", &request, &reply));
  return reply;
}

void DpLink::cancel() { http_.cancel(); }

Result<v1::DpInfo> DpLink::contents() {
  v1::DpInfo info;
  RETURN_IF_ERROR(http_.call("GET", "/dp/v1/contents", nullptr, &info));
  return info;
}

}  // namespace smslab::mp
