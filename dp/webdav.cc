#include "dp/webdav.h"

#include <memory>
#include <string>
#include <utility>

#include "dp/address.h"
#include "dp/listing.h"
#include "dp/pretence.h"
#include "proto/dav/propfind.h"
#include "proto/wire/grammar.h"

namespace smslab::dp {
namespace {

constexpr size_t kPieceBytes = size_t{64} << 10;
constexpr size_t kWholeBytes = size_t{1} << 20;

// The multistatus document of a listing, written as it is read.
class Document : public wire::BodySource {
 public:
  Document(const dav::PropfindRequest& ask, Listing listing) : writer_(ask), listing_(std::move(listing)) {
    writer_.begin(&ahead_);
  }

  // Writes on, as far as `bytes`; whether that is all of it.
  bool ends_within(size_t bytes) {
    while (!ended_ && ahead_.size() < bytes) {
      if (const auto item = listing_()) {
        writer_.add(*item, &ahead_);
      } else {
        writer_.end(&ahead_);
        ended_ = true;
      }
    }
    return ended_;
  }

  // What is written and not yet taken; without that the next piece.
  Result<std::string> next() override {
    if (ahead_.empty()) ends_within(kPieceBytes);
    return std::exchange(ahead_, {});
  }

 private:
  const dav::MultistatusWriter writer_;
  const Listing listing_;
  std::string ahead_;
  bool ended_ = false;
};

}  // namespace

Result<wire::Reply> list_content(Contents& contents, const wire::Request& request) {
  const auto depth = wire::list_field(request.fields, "Depth");  // two of them are none that is known
  ASSIGN_OR_RETURN(const dav::PropfindRequest ask, dav::read_propfind(depth ? &*depth : nullptr, request.body));
  ASSIGN_OR_RETURN(const Address address, parse_address(request));
  if (address.manifest) return not_found("a manifest has no properties");

  const std::string url = request.origin() + address.spelled;
  Listing listing;
  wire::Reply reply;
  if (address.is_directory()) {
    ASSIGN_OR_RETURN(listing, list_packages(contents, ask.depth, url, address.directory));
  } else {
    ASSIGN_OR_RETURN(LoadedPtr package, find_package(contents, address));
    const fault::StorePretence* const pretence = pretence_of(request);
    if (pretence != nullptr) package = pretend(package, *pretence);
    const auto node = find_node(*package, address);
    if (!node.ok()) return absent("propfind", *package, address, node.status());
    reply.topic = topic_of("propfind", *package, (*node)->path);
    const bool folder = (*node)->folder && ask.depth != dav::Depth::kZero;
    listing = list_package(std::move(package), **node, ask.depth, url, address.content_id);
    if (folder && pretence != nullptr && pretence->made_up > 0) {
      listing = and_made_up(std::move(listing), pretence->made_up, url);
    }
  }

  reply.status = 207;
  reply.set("Content-Type", "text/xml");
  // Of usual size it goes out whole with its length, as the recorded client had it.
  auto document = std::make_shared<Document>(ask, std::move(listing));
  if (document->ends_within(kWholeBytes)) {
    ASSIGN_OR_RETURN(std::string whole, document->next());
    reply.body = wire::Body(std::move(whole));
  } else {
    reply.stream = std::move(document);
  }
  return reply;
}

}  // namespace smslab::dp
