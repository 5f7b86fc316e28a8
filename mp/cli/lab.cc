#include "mp/cli/lab.h"

#include <cstdlib>

#include "proto/base/env.h"
#include "proto/base/uri.h"
#include "proto/codec/json.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
constexpr std::string_view kDefaultControl = "http://127.0.0.1:8082";
// An import of many gigabytes answers only when it is done.
constexpr auto kPatience = std::chrono::hours(6);
}  // namespace

Result<std::string> LabFinder::control_url() const {
  if (!control.empty()) return control;
  if (!data.empty()) {
    auto text = read_file(posix_env(), data + "/ready.json", 1 << 20);
    if (!text.ok()) {
      return not_found("no lab serves the folder " + data + " (" + data +
                           "/ready.json is not there); start one with: smslab serve --data " + data,
                       "--data");
    }
    v1::Ready ready;
    RETURN_IF_ERROR(codec::from_json(*text, &ready).prefixed(data + "/ready.json"));
    return ready.control();
  }
  const char* from_environment = std::getenv("SMSLAB_CONTROL");  // NOLINT(concurrency-mt-unsafe): before any thread
  if (from_environment != nullptr && *from_environment != '\0') return std::string(from_environment);
  return std::string(kDefaultControl);
}

Lab::Lab(std::string url)
    : url_(std::move(url)), http_({.base = url_, .token = {}, .bind = {}, .timeout = kPatience}) {}

Result<Lab> Lab::find(const LabFinder& finder) {
  ASSIGN_OR_RETURN(const std::string url, finder.control_url());
  RETURN_IF_ERROR(parse_url(url, "--control").status());
  return Lab(url);
}

Status Lab::call(const std::string& method, const std::string& target, const google::protobuf::Message* request,
                 google::protobuf::Message* reply) {
  const Status status = http_.call(method, target, request, reply);
  if (status.code() == Code::kUnavailable) {
    return {status.code(), status.message() + "; is a lab running at " + url_ +
                               "? Start one with: smslab serve, or name it with --control or --data"};
  }
  return status;
}

}  // namespace smslab::cli
