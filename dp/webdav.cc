#include "dp/webdav.h"

#include "dp/address.h"
#include "dp/listing.h"
#include "proto/dav/propfind.h"

namespace smslab::dp {
namespace {

std::string write_document(const dav::PropfindRequest& ask, const Listing& listing) {
  const dav::MultistatusWriter writer(ask);
  std::string out;
  writer.begin(&out);
  while (const auto item = listing()) writer.add(*item, &out);
  writer.end(&out);
  return out;
}

}  // namespace

Result<wire::Reply> list_content(Contents& contents, const wire::Request& request) {
  ASSIGN_OR_RETURN(const dav::PropfindRequest ask, dav::read_propfind(request.field("Depth"), request.body));
  ASSIGN_OR_RETURN(const Address address, parse_address(request));
  if (address.manifest) return not_found("a manifest has no properties");

  const std::string url = request.origin() + address.spelled;
  Listing listing;
  if (address.is_directory()) {
    ASSIGN_OR_RETURN(listing, list_packages(contents, ask.depth, url, address.directory));
  } else {
    ASSIGN_OR_RETURN(LoadedPtr package, find_package(contents, address));
    ASSIGN_OR_RETURN(const store::Node* node, find_node(*package, address));
    listing = list_package(std::move(package), *node, ask.depth, url, address.content_id);
  }

  wire::Reply reply;
  reply.status = 207;
  reply.set("Content-Type", "text/xml");
  reply.body = wire::Body(write_document(ask, listing));
  return reply;
}

}  // namespace smslab::dp
