#include "mp/output_only.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string_view>

namespace smslab::mp {
namespace {
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const std::map<std::string_view, std::set<std::string_view>>& output_only() {
  static const std::map<std::string_view, std::set<std::string_view>> kFields = {
      {"Package",
       {"source_version", "size", "file_count", "hash", "source_date", "dps", "deleting", "pass_open", "next_update",
        "summary"}},
      {"Advert", {"policy_version", "policy_changed", "summary", "clients"}},
      {"Client",
       {"public_key", "site", "registered", "created", "last_seen", "events", "reports", "ad_site", "addresses",
        "last_policy", "operating_system", "domain", "last_policy_body"}},
      {"FaultRule", {"id", "foretold", "created", "healed", "counts", "waiting"}},
  };
  return kFields;
}

void find(const Message& message, const std::string& path, std::vector<Status>* found) {
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> set;
  reflection.ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    const std::string inner = (path.empty() ? "" : path + ".") + field->json_name();
    if (is_output_only(*field)) {
      found->emplace_back(Code::kInvalidArgument, field->json_name() + " is what the site says; leave it out", inner);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); i++) {
        find(reflection.GetRepeatedMessage(message, field, i), fmt::format("{}[{}]", inner, i), found);
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      find(reflection.GetMessage(message, field), inner, found);
    }
  }
}
}  // namespace

bool is_output_only(const FieldDescriptor& field) {
  const auto type = output_only().find(field.containing_type()->name());
  return type != output_only().end() && type->second.contains(field.name());
}

std::vector<Status> output_only_set(const Message& request) {
  std::vector<Status> found;
  find(request, "", &found);
  return found;
}

Status refuse_output_only(const Message& request) {
  const auto found = output_only_set(request);
  return found.empty() ? ok_status() : found.front();
}

}  // namespace smslab::mp
