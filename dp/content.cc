#include "dp/content.h"

#include "dp/address.h"
#include "dp/manifest.h"
#include "dp/pretence.h"
#include "proto/base/text.h"
#include "proto/schema/timestamp.h"
#include "proto/wire/entity.h"
#include "proto/wire/reply_head.h"

namespace smslab::dp {
namespace {

struct TypeRow {
  std::string_view extension, type;
};
constexpr TypeRow kTypes[] = {
    {".bmp", "image/bmp"},       {".css", "text/css"},        {".gif", "image/gif"},      {".htm", "text/html"},
    {".html", "text/html"},      {".jpg", "image/jpeg"},      {".js", "text/javascript"}, {".pdf", "application/pdf"},
    {".png", "image/png"},       {".rtf", "application/rtf"}, {".txt", "text/plain"},     {".xml", "text/xml"},
    {".zip", "application/zip"},
};

// A small file is read once and then sent from memory, in one system call with its head.
Result<wire::Body> at_hand(Result<wire::Body> body) {
  constexpr uint64_t kSmall = uint64_t{64} * 1024;
  if (!body.ok() || body->size() > kSmall) return body;
  ASSIGN_OR_RETURN(std::string bytes, body->read_all());
  return wire::Body(std::move(bytes));
}

wire::Reply forbidden() { return wire::error_reply(403, "folders are listed by PROPFIND"); }

wire::Entity entity_of(const Loaded& package, const store::Node& node, wire::Body body) {
  return {.body = std::move(body),
          .content_type = std::string(content_type_of(node.path)),
          .etag = package.etag(*node.file),
          .modified = from_timestamp(node.file->modified()),
          .dated = package.damage(*node.file) == nullptr,
          .topic = topic_of("content", package, node.path, package.sha256(*node.file))};
}
}  // namespace

std::string_view content_type_of(std::string_view path) {
  const size_t dot = path.find_last_of("./");
  if (dot != std::string_view::npos) {
    for (const TypeRow& row : kTypes) {
      if (iequals(path.substr(dot), row.extension)) return row.type;
    }
  }
  return "application/octet-stream";
}

namespace {
// The same of a package that is shown otherwise than it is. Nothing of it is remembered.
Result<wire::Reply> serve_pretence(Contents& contents, const wire::Request& request,
                                   const fault::StorePretence& pretence) {
  ASSIGN_OR_RETURN(const Address address, parse_address(request));
  if (address.is_directory()) return forbidden();
  ASSIGN_OR_RETURN(const LoadedPtr installed, find_package(contents, address));
  const LoadedPtr package = pretend(installed, pretence);
  if (address.manifest) return serve_manifest(*package, request);
  const auto node = find_node(*package, address);
  if (!node.ok()) return absent("content", *package, address, node.status());
  if ((*node)->folder) return forbidden();
  ASSIGN_OR_RETURN(wire::Body body, pretended_body(contents, *package, *(*node)->file, pretence));
  return wire::entity_reply(request, entity_of(*package, **node, std::move(body)));
}
}  // namespace

Result<wire::Reply> serve_content(Contents& contents, const wire::Request& request) {
  if (const auto* pretence = pretence_of(request)) return serve_pretence(contents, request, *pretence);
  if (const auto entity = contents.recall(request.target)) return wire::entity_reply(request, *entity);
  ASSIGN_OR_RETURN(const Address address, parse_address(request));
  if (address.is_directory()) return forbidden();
  LoadedPtr before;
  while (true) {
    const uint64_t as_of = contents.changes();
    ASSIGN_OR_RETURN(const LoadedPtr package, find_package(contents, address));
    if (address.manifest) return serve_manifest(*package, request);
    const auto found = find_node(*package, address);
    if (!found.ok()) return absent("content", *package, address, found.status());
    const store::Node* const node = *found;
    if (node->folder) return forbidden();
    auto body = at_hand(contents.body(*package, *node->file));
    if (body.ok()) {
      const auto entity = wire::ready(entity_of(*package, *node, *std::move(body)));
      if (!request.has_query) contents.remember(request.target, as_of, entity);
      return wire::entity_reply(request, *entity);
    }
    if (body.status().code() == Code::kUnavailable && contents.let_go()) continue;  // of open files: it had no other
    if (body.status().code() != Code::kNotFound) return body.status();
    // The package was replaced between look-up and open: serve the new one. If it was not, its bytes are lost.
    if (package == before) {
      return Status(Code::kDataLoss, "the stored bytes of '" + node->path + "' are gone; run smslab fsck");
    }
    before = package;
  }
}

}  // namespace smslab::dp
