#include "dp/distribution_point.h"

#include <utility>

#include "dp/content.h"
#include "dp/contents.h"
#include "dp/damages.h"
#include "dp/identity.h"
#include "dp/receive.h"
#include "dp/validation.h"
#include "dp/webdav.h"
#include "proto/control/server.h"
#include "store/store.h"

namespace smslab::dp {
namespace {

using control::ControlReply;
using control::ControlRequest;
using control::reply_with;

// A route that reads one message and answers with another.
template <class In, class Out, class Action>
control::ControlRoute message_route(std::string path, std::string summary, Action action) {
  return {.method = "POST",
          .pattern = std::move(path),
          .summary = std::move(summary),
          .request = In::descriptor(),
          .reply = Out::descriptor(),
          .handler = [action = std::move(action)](ControlRequest& request) -> Result<ControlReply> {
            In in;
            RETURN_IF_ERROR(request.parse(&in));
            ASSIGN_OR_RETURN(Out out, action(in));
            return reply_with(std::move(out));
          }};
}

}  // namespace

class DistributionPoint::Impl {
 public:
  Impl(DpOptions options, std::unique_ptr<store::Store> store, const Clock& clock, const Log& log)
      : name_(std::move(options.name)),
        log_(log),
        store_(std::move(store)),
        contents_(*store_),
        receiver_(*store_, contents_, clock, log_, std::move(options.room_for)),
        damages_(name_, *store_, contents_, log_),
        server_({.token = std::move(options.token)}, clock, log_) {
    add_client_routes();
    add_control_routes();
  }

  const wire::Router& router() const { return router_; }
  Result<HostPort> start_control(const HostPort& at) { return server_.start(at); }
  void stop_control() { server_.stop(); }
  const control::RouteTable& control_table() const { return server_.table(); }
  Result<std::string> site() const {
    ASSIGN_OR_RETURN(const v1::DpIdentity identity, identity_of(store_->read()));
    return identity.site();
  }
  Status belong_to(const std::string& site) { return claim_folder(*store_, name_, site); }

 private:
  void add_client_routes() {
    router_.add({"GET", "HEAD", "PROPFIND"}, "/SMS_DP_SMSPKG*", [this](const wire::Request& request) {
      return request.method == "PROPFIND" ? list_content(contents_, request) : serve_content(contents_, request);
    });
    // Without a signature clients download in full.
    router_.add({"GET", "HEAD"}, "/SMS_DP_SMSSIG*",
                [](const wire::Request&) -> Result<wire::Reply> { return not_found("no signatures are kept"); });
  }

  void add_control_routes() {
    server_.add(
        message_route<v1::Offer, v1::OfferReply>("/dp/v1/offers", "Which contents of a manifest are missing",
                                                 [this](const v1::Offer& offer) { return receiver_.offer(offer); }));
    server_.add({.method = "PUT",
                 .pattern = "/dp/v1/blobs/{sha256}",
                 .summary = "One content, by its SHA-256",
                 .handler = [this](ControlRequest& request) -> Result<ControlReply> {
                   if (!request.body_size) return invalid_argument("its size must be known first", "Content-Length");
                   RETURN_IF_ERROR(receiver_.put(request.param("sha256"), *request.body_size, request.read_body));
                   return ControlReply{};
                 },
                 .streams_body = true});
    server_.add(message_route<v1::Commit, v1::CommitReply>(
        "/dp/v1/commits", "Serve this version from now on",
        [this](const v1::Commit& commit) { return receiver_.commit(commit); }));
    server_.add(message_route<v1::Removal, v1::RemovalReply>(
        "/dp/v1/removals", "Serve a package no more",
        [this](const v1::Removal& removal) { return receiver_.remove(removal); }));
    server_.add(message_route<v1::DamageRequest, v1::DamageReply>(
        "/dp/v1/damages", "Damage a file at rest",
        [this](const v1::DamageRequest& request) { return damages_.place(request); }));
    server_.add(message_route<v1::DamageRemoval, v1::DamageRemovalReply>(
        "/dp/v1/damages/remove", "Lift the damage of one rule",
        [this](const v1::DamageRemoval& removal) { return damages_.lift(removal); }));
    server_.add(message_route<v1::ValidationRequest, v1::ValidationReply>(
        "/dp/v1/validations", "Compare what clients get of a package with a manifest",
        [this](const v1::ValidationRequest& request) { return validate(contents_, request); }));
    server_.add({.method = "GET",
                 .pattern = "/dp/v1/contents",
                 .summary = "What is installed",
                 .reply = v1::DpInfo::descriptor(),
                 .handler = [this](ControlRequest&) -> Result<ControlReply> {
                   ASSIGN_OR_RETURN(const auto contents, contents_.list());
                   v1::DpInfo info;
                   info.set_name(name_);
                   for (const auto& content : contents) *info.add_contents() = content;
                   return reply_with(std::move(info));
                 }});
  }

  const std::string name_;
  const Log log_;
  const std::unique_ptr<store::Store> store_;
  Contents contents_;
  Receiver receiver_;
  Damages damages_;
  wire::Router router_;            // constant after construction
  control::ControlServer server_;  // stops first
};

Result<std::unique_ptr<DistributionPoint>> DistributionPoint::open(DpOptions options, Env& env, const Clock& clock,
                                                                   const Log& log) {
  ASSIGN_OR_RETURN(auto store, store::Store::open(env, options.folder));
  store->blobs().share_with(options.share_with);
  RETURN_IF_ERROR(claim_folder(*store, options.name, options.site).prefixed(options.folder));
  auto impl = std::make_unique<Impl>(std::move(options), std::move(store), clock, log);
  return std::unique_ptr<DistributionPoint>(new DistributionPoint(std::move(impl)));
}

DistributionPoint::DistributionPoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DistributionPoint::~DistributionPoint() = default;

const wire::Router& DistributionPoint::router() const { return impl_->router(); }
Result<HostPort> DistributionPoint::start_control(const HostPort& at) { return impl_->start_control(at); }
void DistributionPoint::stop_control() { impl_->stop_control(); }
const control::RouteTable& DistributionPoint::control_table() const { return impl_->control_table(); }
Result<std::string> DistributionPoint::site() const { return impl_->site(); }
Status DistributionPoint::belong_to(const std::string& site) { return impl_->belong_to(site); }

}  // namespace smslab::dp
