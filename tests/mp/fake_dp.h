// A DP that does what a test tells it while it is being served, and remembers what it was told.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <set>
#include <string>
#include <vector>

#include "proto/base/mutex.h"
#include "proto/control/server.h"
#include "proto/schema/control.pb.h"

namespace smslab::mp {

class FakeDp {
 public:
  FakeDp(const Clock& clock, const Log& log) : server_({}, clock, log) {
    server_.add({"POST", "/dp/v1/offers", "", v1::Offer::descriptor(), v1::OfferReply::descriptor(),
                 [this](control::ControlRequest& r) { return offer(r); }});
    server_.add({.method = "PUT",
                 .pattern = "/dp/v1/blobs/{sha256}",
                 .summary = "",
                 .handler = [this](control::ControlRequest& r) { return put(r); },
                 .streams_body = true});
    server_.add({"POST", "/dp/v1/commits", "", v1::Commit::descriptor(), v1::CommitReply::descriptor(),
                 [this](control::ControlRequest& r) -> Result<control::ControlReply> {
                   v1::Commit commit;
                   RETURN_IF_ERROR(r.parse(&commit));
                   const MutexLock lock(mu_);
                   overwrites_.push_back(commit.overwrite());
                   versions_.push_back(commit.manifest().version());
                   return control::reply_with(v1::CommitReply());
                 }});
    at = *server_.start({"127.0.0.1", 0});
  }
  ~FakeDp() { release(); }

  std::function<void(int)> on_offer;  // 1 for the first
  // From now on: no offer is answered until release().
  void stall() { stalled_ = true; }
  void release() {
    if (stalled_.exchange(false)) released_.set_value();
  }
  std::vector<bool> overwrites() const {
    const MutexLock lock(mu_);
    return overwrites_;
  }
  std::vector<uint32_t> versions() const {
    const MutexLock lock(mu_);
    return versions_;
  }
  std::vector<uint64_t> puts() const {  // sizes of the contents sent
    const MutexLock lock(mu_);
    return puts_;
  }
  HostPort at;

 private:
  Result<control::ControlReply> offer(control::ControlRequest& request) {
    v1::Offer offer;
    RETURN_IF_ERROR(request.parse(&offer));
    if (on_offer) on_offer(++offers_);
    if (stalled_) freed_.wait();
    v1::OfferReply reply;
    const MutexLock lock(mu_);
    for (const auto& file : offer.manifest().files()) {
      if (!held_.contains(file.hash().sha256())) reply.add_missing(file.hash().sha256());
    }
    return control::reply_with(std::move(reply));
  }
  Result<control::ControlReply> put(control::ControlRequest& request) {
    uint64_t size = 0;
    RETURN_IF_ERROR(request.read_body([&](std::string_view piece) {
      size += piece.size();
      return ok_status();
    }));
    const MutexLock lock(mu_);
    held_.insert(request.param("sha256"));
    puts_.push_back(size);
    return control::ControlReply{};
  }

  int offers_ = 0;
  std::atomic<bool> stalled_ = false;
  std::promise<void> released_;
  std::shared_future<void> freed_ = released_.get_future().share();
  mutable Mutex mu_;
  std::set<std::string> held_ GUARDED_BY(mu_);
  std::vector<bool> overwrites_ GUARDED_BY(mu_);
  std::vector<uint32_t> versions_ GUARDED_BY(mu_);
  std::vector<uint64_t> puts_ GUARDED_BY(mu_);
  control::ControlServer server_;
};

}  // namespace smslab::mp
