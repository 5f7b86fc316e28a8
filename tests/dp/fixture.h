// A distribution point on a folder of its own, packages to send to it, and clients of both planes.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "dp/distribution_point.h"
#include "proto/base/digest.h"
#include "proto/base/time_text.h"
#include "proto/control/client.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/timestamp.h"
#include "proto/wire/head.h"
#include "proto/wire/request.h"
#include "store/manifest.h"
#include "tests/support/reply.h"

namespace smslab::dp {

using Files = std::map<std::string, std::string>;  // path -> bytes

inline v1::Hash hash_of(const std::string& bytes) {
  ContentDigests digests = content_digests(bytes);
  v1::Hash hash;
  hash.set_md5(digests.md5);
  hash.set_sha1(digests.sha1);
  hash.set_sha256(digests.sha256);
  return hash;
}

inline std::string random_bytes(size_t size, uint64_t seed) {
  std::mt19937_64 draw(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(draw());
  return bytes;
}

inline v1::Manifest manifest_of(const std::string& id, uint32_t version, const Files& files,
                                const std::vector<std::string>& folders = {}) {
  const LabTime modified = *parse_rfc3339("2004-05-06T07:08:09Z");
  v1::Manifest manifest;
  manifest.set_package_id(id);
  manifest.set_version(version);
  for (const std::string& path : folders) {
    v1::FolderEntry& folder = *manifest.add_folders();
    folder.set_path(path);
    *folder.mutable_modified() = to_timestamp(modified);
  }
  uint64_t size = 0;
  for (const auto& [path, bytes] : files) {
    v1::FileEntry& file = *manifest.add_files();
    file.set_path(path);
    file.set_size(bytes.size());
    *file.mutable_modified() = to_timestamp(modified);
    *file.mutable_hash() = hash_of(bytes);
    size += bytes.size();
  }
  manifest.set_size(size);
  *manifest.mutable_hash() = store::package_hash(manifest);
  return manifest;
}

class DpTest : public ::testing::Test {
 protected:
  DpTest() {
    std::string pattern = ::testing::TempDir() + "smslab-dp-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    start();
  }
  ~DpTest() override {
    stop();
    std::filesystem::remove_all(folder_);
  }

  void start(Env& env = posix_env()) {
    auto opened = DistributionPoint::open({"LON-DCSMS-01", folder_ + "/dp", "secret"}, env, clock_,
                                          Log(null_log(), LogForm::kConsole, clock_, "dp"));
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    dp_ = *std::move(opened);
    const auto at = dp_->start_control({"127.0.0.1", 0});
    ASSERT_TRUE(at.ok()) << at.status().to_string();
    control_ = "http://" + format_host_port(*at);
    site_ = std::make_unique<control::HttpClient>(
        control::HttpClientOptions{.base = control_, .token = "secret", .bind = ""});
  }
  void stop() {
    site_.reset();
    dp_.reset();
  }
  void restart() {
    stop();
    start();
  }

  // ---- the site's side
  Status put(const std::string& sha256, const std::string& bytes) {
    const auto reply = site_->send({.method = "PUT",
                                    .target = "/dp/v1/blobs/" + sha256,
                                    .fields = {{"Content-Type", "application/octet-stream"}},
                                    .body = bytes,
                                    .file = nullptr,
                                    .sink = nullptr,
                                    .on_head = nullptr});
    if (!reply.ok()) return reply.status();
    if (reply->status < 300) return ok_status();
    return {Code::kInternal, std::to_string(reply->status) + " " + reply->body};
  }

  Result<v1::OfferReply> offer(const v1::Manifest& manifest) {
    v1::Offer offer;
    *offer.mutable_manifest() = manifest;
    v1::OfferReply reply;
    RETURN_IF_ERROR(site_->call("POST", "/dp/v1/offers", &offer, &reply));
    return reply;
  }

  Result<v1::CommitReply> commit(const v1::Manifest& manifest, bool overwrite = false) {
    v1::Commit commit;
    *commit.mutable_manifest() = manifest;
    commit.set_overwrite(overwrite);
    v1::CommitReply reply;
    RETURN_IF_ERROR(site_->call("POST", "/dp/v1/commits", &commit, &reply));
    return reply;
  }

  // Offers, puts what is missing, commits.
  Result<v1::CommitReply> send(const v1::Manifest& manifest, const Files& files, bool overwrite = false) {
    std::map<std::string, const std::string*> by_content;
    for (const auto& [path, bytes] : files) by_content[digest_hex(Algorithm::kSha256, bytes)] = &bytes;
    ASSIGN_OR_RETURN(const v1::OfferReply offered, offer(manifest));
    for (const std::string& sha256 : offered.missing()) RETURN_IF_ERROR(put(sha256, *by_content.at(sha256)));
    return commit(manifest, overwrite);
  }
  void install(const std::string& id, uint32_t version, const Files& files,
               const std::vector<std::string>& folders = {}) {
    const auto sent = send(manifest_of(id, version, files, folders), files);
    ASSERT_TRUE(sent.ok()) << sent.status().to_string();
    EXPECT_EQ(sent->content().version(), version);
  }

  Result<v1::RemovalReply> remove(const std::string& id) {
    v1::Removal removal;
    removal.set_package_id(id);
    v1::RemovalReply reply;
    RETURN_IF_ERROR(site_->call("POST", "/dp/v1/removals", &removal, &reply));
    return reply;
  }

  static v1::DamageRequest damage_request(const std::string& rule, const std::string& package,
                                          const std::string& file = {}) {
    v1::DamageRequest request;
    request.set_rule_id(rule);
    request.set_seed(42);
    request.mutable_match()->set_package(package);
    request.mutable_match()->set_file(file);
    return request;
  }
  Result<v1::DamageReply> damage(const v1::DamageRequest& request) {
    v1::DamageReply reply;
    RETURN_IF_ERROR(site_->call("POST", "/dp/v1/damages", &request, &reply));
    return reply;
  }
  Status lift(const std::string& rule) {
    v1::DamageRemoval removal;
    removal.set_rule_id(rule);
    return site_->call("POST", "/dp/v1/damages/remove", &removal, nullptr);
  }
  v1::DpInfo contents() {
    v1::DpInfo info;
    const Status status = site_->call("GET", "/dp/v1/contents", nullptr, &info);
    EXPECT_TRUE(status.ok()) << status.to_string();
    return info;
  }

  // ---- a client's side
  struct Answer {
    int status = 0;
    wire::Fields fields;
    std::string body;
    std::string field(std::string_view name) const {
      const std::string* value = wire::find_field(fields, name);
      return value ? *value : "";
    }
  };
  // The request as it would come off the wire, through the router.
  Result<wire::Reply> route(const std::string& method, const std::string& target, const wire::Fields& fields = {},
                            const std::string& body = {}) const {
    wire::Head head;
    head.method = method;
    head.target = target;
    head.fields = fields;
    if (!wire::find_field(fields, "Host")) head.fields.emplace_back("Host", "dp:80");
    wire::Request request;
    RETURN_IF_ERROR(wire::make_request(&head, &request));
    request.body = body;
    return dp_->router().route(request);
  }
  // What it says; an error is its bare HTTP status.
  Answer ask(const std::string& method, const std::string& target, const wire::Fields& fields = {},
             const std::string& body = {}) const {
    const auto reply = route(method, target, fields, body);
    if (!reply.ok()) return {http_status(reply.status().code()), {}, {}};
    return {reply->status, test::all_fields(*reply), test::all_bytes(*reply)};
  }
  Answer get(const std::string& target, const wire::Fields& fields = {}) const { return ask("GET", target, fields); }

  // Files below the blob folder.
  size_t stored_blobs() const {
    size_t count = 0;
    const std::string blobs = folder_ + "/dp/blobs";
    if (!std::filesystem::exists(blobs)) return 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(blobs)) {
      count += entry.is_regular_file();
    }
    return count;
  }

  LabClock clock_{system_time_source(), LabClock::Frozen{*parse_rfc3339("2026-11-21T20:00:00Z")}};
  std::string folder_;
  std::unique_ptr<DistributionPoint> dp_;
  std::string control_;
  std::unique_ptr<control::HttpClient> site_;
};

}  // namespace smslab::dp
