#include "mp/cli/lab_client.h"

#include <cstdlib>

#include "mp/host/control_access.h"
#include "mp/host/lab_order.h"
#include "proto/base/env.h"
#include "proto/base/uri.h"
#include "proto/codec/json.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
constexpr std::string_view kDefaultControl = "http://127.0.0.1:8082";
constexpr std::string_view kDefaultData = "smslab-data";
// An import of many gigabytes answers only when it is done.
constexpr auto kPatience = std::chrono::hours(6);

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it
  return value == nullptr ? "" : value;
}
}  // namespace

Result<std::string> LabFinder::control_url() const {
  ASSIGN_OR_RETURN(const std::string of_lab, path());
  ASSIGN_OR_RETURN(std::string url, server_url());
  if (url.ends_with('/')) url.pop_back();
  return url + of_lab;
}

Result<std::string> LabFinder::data_folder() const {
  ASSIGN_OR_RETURN(const std::string of_lab, path());
  return (data.empty() ? std::string(kDefaultData) : data) + of_lab;
}

Result<std::string> LabFinder::path() const {
  const std::string name = lab.empty() ? from_environment("SMSLAB_LAB") : lab;
  if (name.empty() || name == host::kDefaultLab) return std::string();
  RETURN_IF_ERROR(host::check_lab_name(name, "--lab"));
  return "/labs/" + name;
}

LabFinder LabFinder::of_all() const {
  LabFinder all = *this;
  all.lab = host::kDefaultLab;
  return all;
}

Result<std::string> LabFinder::server_url() const {
  if (!control.empty()) return control;
  const std::string environment = from_environment("SMSLAB_CONTROL");
  if (data.empty() && !environment.empty()) return environment;
  const std::string folder = data.empty() ? std::string(kDefaultData) : data;
  if (!data.empty() || posix_env().info(folder + "/ready.json").ok()) {
    auto text = read_file(posix_env(), folder + "/ready.json", 1 << 20);
    if (!text.ok()) {
      return not_found("no lab serves the folder " + folder + " (" + folder +
                           "/ready.json is not there); start one with: smslab serve --data " + folder,
                       "--data");
    }
    v1::Ready ready;
    RETURN_IF_ERROR(codec::from_json(*text, &ready).prefixed(folder + "/ready.json"));
    return ready.control();
  }
  return std::string(kDefaultControl);
}

Result<std::string> LabFinder::token() const {
  if (!token_file.empty()) return host::read_control_token(posix_env(), token_file, "--token-file");
  const char* environment = std::getenv("SMSLAB_TOKEN");  // NOLINT(concurrency-mt-unsafe): before any thread
  return std::string(environment == nullptr ? "" : environment);
}

LabClient::LabClient(std::string url, std::string token)
    : url_(std::move(url)), http_({.base = url_, .token = std::move(token), .bind = {}, .timeout = kPatience}) {}

Result<LabClient> LabClient::find(const LabFinder& finder) {
  ASSIGN_OR_RETURN(const std::string url, finder.control_url());
  RETURN_IF_ERROR(parse_url(url, "--control").status());
  ASSIGN_OR_RETURN(std::string token, finder.token());
  return LabClient(url, std::move(token));
}

Status LabClient::call(const std::string& method, const std::string& target, const google::protobuf::Message* request,
                       google::protobuf::Message* reply, std::vector<Status>* errors) {
  Status status = http_.call(method, target, request, reply, errors);
  // Only when nobody answered: the lab itself may say that something is unavailable.
  if (status.code() == Code::kUnavailable && status.message().starts_with(method + " http://")) {
    return {status.code(), status.message() + "; is a lab running at " + url_ +
                               "? Start one with: smslab serve, or name it with --control or --data"};
  }
  if (status.code() == Code::kUnauthenticated && status.field() == "Authorization") {
    return {status.code(), "the lab at " + url_ + " wants its token; give --token-file FILE or $SMSLAB_TOKEN"};
  }
  return status;
}

}  // namespace smslab::cli
