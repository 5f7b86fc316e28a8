#include "dp/manifest.h"

#include "dp/address.h"
#include "proto/base/text.h"
#include "proto/codec/json.h"
#include "proto/codec/xml.h"
#include "proto/schema/timestamp.h"
#include "proto/wire/entity.h"

namespace smslab::dp {
namespace {

enum class Form { kJson, kProtobuf, kXml };
struct FormRow {
  std::string_view type;
  Form form;
};
constexpr FormRow kForms[] = {
    // the first is the default
    {"application/json", Form::kJson},
    {"application/x-protobuf", Form::kProtobuf},
    {"text/xml", Form::kXml},
    {"application/xml", Form::kXml},
};

// The first form that Accept names; the default when it names none.
const FormRow& negotiate(const std::string* accept) {
  for (const std::string_view range : split(accept ? std::string_view(*accept) : std::string_view(), ',')) {
    const std::string_view type = trim(range.substr(0, range.find(';')));
    for (const FormRow& row : kForms) {
      if (iequals(type, row.type)) return row;
    }
  }
  return kForms[0];
}

std::string encode(const v1::Manifest& manifest, Form form) {
  switch (form) {
    case Form::kProtobuf: return manifest.SerializeAsString();
    case Form::kXml: return codec::to_xml(manifest);
    case Form::kJson: break;
  }
  return codec::to_json(manifest);
}

std::string_view suffix(Form form) { return form == Form::kProtobuf ? "-pb" : form == Form::kXml ? "-xml" : "-json"; }

}  // namespace

Result<wire::Reply> serve_manifest(const Loaded& package, const wire::Request& request) {
  const FormRow& row = negotiate(request.field("Accept"));
  wire::Reply reply = wire::entity_reply(
      request, {.body = wire::Body(encode(package.manifest(), row.form)),
                .content_type = std::string(row.type),
                .etag = '"' + package.content.manifest_digest() + std::string(suffix(row.form)) + '"',
                .modified = from_timestamp(package.content.installed()),
                .topic = topic_of("manifest", package, {})});
  reply.set("Vary", "Accept");
  return reply;
}

}  // namespace smslab::dp
