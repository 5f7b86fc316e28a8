#include "mp/openapi.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <string_view>

#include "proto/base/text.h"
#include "proto/codec/json.h"
#include "proto/schema/control.pb.h"

namespace smslab::mp {
namespace {
using control::ControlRoute;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::ListValue;
using google::protobuf::Struct;

Struct& object(Struct& in, const std::string& key) { return *(*in.mutable_fields())[key].mutable_struct_value(); }
Struct& add_object(ListValue& list) { return *list.add_values()->mutable_struct_value(); }
ListValue& list(Struct& in, const std::string& key) { return *(*in.mutable_fields())[key].mutable_list_value(); }
void text(Struct& in, const std::string& key, std::string_view value) {
  (*in.mutable_fields())[key].set_string_value(std::string(value));
}
void flag(Struct& in, const std::string& key, bool value) { (*in.mutable_fields())[key].set_bool_value(value); }

// "PackageDp": without the package.
std::string schema_name(const Descriptor& type) { return type.full_name().substr(type.file()->package().size() + 1); }

// The schemas of all messages that something refers to.
class Schemas {
 public:
  explicit Schemas(Struct& out) : out_(out) {}

  void refer(const Descriptor& type, Struct& schema) {
    const std::string name = schema_name(type);
    text(schema, "$ref", "#/components/schemas/" + name);
    if (out_.fields().contains(name)) return;
    Struct& made = object(out_, name);  // before its fields: a message may hold itself
    text(made, "type", "object");
    flag(made, "additionalProperties", false);
    for (int i = 0; i < type.field_count(); i++) {
      Struct property;
      field(*type.field(i), property);
      *(*object(object(out_, name), "properties").mutable_fields())[type.field(i)->json_name()].mutable_struct_value() =
          property;
    }
  }

 private:
  void field(const FieldDescriptor& of, Struct& schema) {
    if (of.is_map()) {
      text(schema, "type", "object");
      value(*of.message_type()->map_value(), object(schema, "additionalProperties"));
    } else if (of.is_repeated()) {
      text(schema, "type", "array");
      value(of, object(schema, "items"));
    } else {
      value(of, schema);
    }
  }

  void value(const FieldDescriptor& of, Struct& schema) {
    switch (of.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (of.message_type() != google::protobuf::Timestamp::descriptor()) return refer(*of.message_type(), schema);
        return scalar(schema, "string", "date-time");
      case FieldDescriptor::CPPTYPE_ENUM:
        text(schema, "type", "string");
        for (int i = 0; i < of.enum_type()->value_count(); i++) {
          list(schema, "enum").add_values()->set_string_value(of.enum_type()->value(i)->name());
        }
        return;
      case FieldDescriptor::CPPTYPE_INT32: return scalar(schema, "integer", "int32");
      case FieldDescriptor::CPPTYPE_UINT32: return scalar(schema, "integer", "uint32");
      case FieldDescriptor::CPPTYPE_INT64: return scalar(schema, "string", "int64");
      case FieldDescriptor::CPPTYPE_UINT64: return scalar(schema, "string", "uint64");
      case FieldDescriptor::CPPTYPE_FLOAT:
      case FieldDescriptor::CPPTYPE_DOUBLE: return scalar(schema, "number", "double");
      case FieldDescriptor::CPPTYPE_BOOL: return scalar(schema, "boolean", "");
      case FieldDescriptor::CPPTYPE_STRING:
        return scalar(schema, "string", of.type() == FieldDescriptor::TYPE_BYTES ? "byte" : "");
    }
  }

  static void scalar(Struct& schema, std::string_view type, std::string_view format) {
    text(schema, "type", type);
    if (!format.empty()) text(schema, "format", format);
  }

  Struct& out_;
};

void add_parameter(ListValue& all, const std::string& name, const char* in, const std::string& summary, bool number) {
  Struct& parameter = add_object(all);
  text(parameter, "name", name);
  text(parameter, "in", in);
  if (!summary.empty()) text(parameter, "description", summary);
  flag(parameter, "required", std::string_view(in) == "path");
  text(object(parameter, "schema"), "type", number ? "integer" : "string");
}

void add_route(const ControlRoute& route, Schemas& schemas, Struct& paths) {
  Struct& operation = object(object(paths, route.pattern), ascii_lower(route.method));
  text(operation, "summary", route.summary);
  for (const std::string_view part : split(route.pattern, '/')) {
    if (!part.starts_with('{')) continue;
    add_parameter(list(operation, "parameters"), std::string(part.substr(1, part.size() - 2)), "path", "", false);
  }
  for (const auto& key : route.query) {
    add_parameter(list(operation, "parameters"), key.name, "query", key.summary, key.number);
  }
  const auto body = [&](Struct& in, const Descriptor& type) {
    schemas.refer(type, object(object(object(in, "content"), "application/json"), "schema"));
  };
  if (route.request != nullptr) body(object(operation, "requestBody"), *route.request);
  Struct& replies = object(operation, "responses");
  Struct& done = object(replies, std::to_string(route.status));
  text(done, "description", "done");
  if (route.reply != nullptr) body(done, *route.reply);
  Struct& refused = object(replies, "default");
  text(refused, "description", "refused or failed; nothing was changed");
  body(refused, route.refusal != nullptr ? *route.refusal : *v1::ErrorReply::descriptor());
}
}  // namespace

std::string openapi(const std::vector<ControlRoute>& routes) {
  Struct out;
  text(out, "openapi", "3.0.3");
  text(object(out, "info"), "title", "smslab control API");
  text(object(out, "info"), "version", "v1");
  Struct paths, made;
  Schemas schemas(made);
  for (const ControlRoute& route : routes) add_route(route, schemas, paths);
  object(out, "paths").Swap(&paths);
  object(object(out, "components"), "schemas").Swap(&made);
  return codec::to_pretty_json(out);
}

}  // namespace smslab::mp
