// Whether a call is what an OpenAPI document says: its route, its query, its status, its bodies.
#pragma once

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <set>
#include <string>
#include <vector>

#include "proto/control/route.h"

namespace smslab::test {

class OpenApiCheck {
 public:
  using Struct = google::protobuf::Struct;
  using Value = google::protobuf::Value;

  explicit OpenApiCheck(const std::string& json) {
    ok_ = google::protobuf::util::JsonStringToMessage(json, &document_).ok();
  }
  bool ok() const { return ok_; }

  // "GET /api/v1/packages", ...
  std::set<std::string> operations() const {
    std::set<std::string> out;
    for (const auto& [path, item] : at(document_, "paths").fields()) {
      for (const auto& [method, operation] : item.struct_value().fields()) out.insert(upper(method) + " " + path);
    }
    return out;
  }

  // "" when it is; else what is not. A refused request may hold anything; its answer is the document's error.
  std::string call(const std::string& method, const std::string& target, const std::string& request, int status,
                   const std::string& reply) const {
    const auto parsed = control::parse_target(target);
    if (!parsed.ok()) return "";
    for (const auto& [path, item] : at(document_, "paths").fields()) {
      std::map<std::string, std::string> params;
      if (!control::RoutePattern(path).match(parsed->segments, &params)) continue;
      const auto operation = item.struct_value().fields().find(lower(method));
      if (operation == item.struct_value().fields().end()) continue;
      return check(operation->second.struct_value(), *parsed, request, status, reply);
    }
    return status == 404 || status == 405 ? "" : "no route for " + method + " " + target;
  }

 private:
  static std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  }
  static std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
  }
  static const Struct& at(const Struct& in, const std::string& key) {
    static const Struct kNone;
    const auto found = in.fields().find(key);
    return found == in.fields().end() ? kNone : found->second.struct_value();
  }
  static std::string text(const Struct& in, const std::string& key) {
    const auto found = in.fields().find(key);
    return found == in.fields().end() ? "" : found->second.string_value();
  }

  std::string check(const Struct& operation, const control::Target& target, const std::string& request, int status,
                    const std::string& reply) const {
    const Struct& replies = at(operation, "responses");
    if (status >= 400) return body(at(replies, "default"), reply);
    for (const auto& [key, value] : target.query) {
      if (!takes(operation, key)) return "the query key " + key;
    }
    if (!request.empty()) {
      if (const std::string wrong = body(at(operation, "requestBody"), request); !wrong.empty()) return wrong;
    }
    if (!replies.fields().contains(std::to_string(status))) return "status " + std::to_string(status);
    return reply.empty() ? "" : body(at(replies, std::to_string(status)), reply);
  }
  static bool takes(const Struct& operation, const std::string& key) {
    const auto parameters = operation.fields().find("parameters");
    if (parameters == operation.fields().end()) return false;
    for (const auto& each : parameters->second.list_value().values()) {
      if (text(each.struct_value(), "in") == "query" && text(each.struct_value(), "name") == key) return true;
    }
    return false;
  }
  std::string body(const Struct& in, const std::string& json) const {
    const Struct& schema = at(at(at(in, "content"), "application/json"), "schema");
    if (schema.fields().empty()) return "";  // not a message
    Value value;
    if (!google::protobuf::util::JsonStringToMessage(json, &value).ok()) return "no JSON: " + json;
    return check_value(value, schema, "");
  }
  std::string check_value(const Value& value, const Struct& given, const std::string& path) const {
    const std::string reference = text(given, "$ref");
    const Struct& schema =
        reference.empty() ? given
                          : at(at(at(document_, "components"), "schemas"), reference.substr(reference.rfind('/') + 1));
    const std::string type = text(schema, "type");
    const std::string wrong = path + " is no " + type;
    if (type == "array") {
      if (!value.has_list_value()) return wrong;
      for (const auto& each : value.list_value().values()) {
        if (auto why = check_value(each, at(schema, "items"), path + "[]"); !why.empty()) return why;
      }
      return "";
    }
    if (type == "object") {
      if (!value.has_struct_value()) return wrong;
      for (const auto& [key, each] : value.struct_value().fields()) {
        const auto& properties = at(schema, "properties").fields();
        const auto property = properties.find(key);
        const bool map = properties.empty() && !at(schema, "additionalProperties").fields().empty();
        if (!map && property == properties.end()) return path + "." + key + " is not in the schema";
        const Struct& inner = map ? at(schema, "additionalProperties") : property->second.struct_value();
        if (auto why = check_value(each, inner, path + "." + key); !why.empty()) return why;
      }
      return "";
    }
    if (type == "string") return value.has_string_value() && one_of(schema, value.string_value()) ? "" : wrong;
    if (type == "boolean") return value.has_bool_value() ? "" : wrong;
    if (type == "integer" || type == "number") return value.has_number_value() ? "" : wrong;
    return path + " has no type";
  }
  static bool one_of(const Struct& schema, const std::string& text) {
    const auto names = schema.fields().find("enum");
    if (names == schema.fields().end()) return true;
    const auto& values = names->second.list_value().values();
    return std::any_of(values.begin(), values.end(), [&](const Value& each) { return each.string_value() == text; });
  }

  Struct document_;
  bool ok_ = false;
};

}  // namespace smslab::test
