// Output for people: aligned columns, and a message as the API's JSON for programs.
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>
#include <vector>

#include "proto/schema/content.pb.h"
#include "proto/schema/scenario.pb.h"

namespace smslab::cli {

using Row = std::vector<std::string>;
// Columns as wide as their widest cell, two blanks between; the last one runs free. A header row comes first.
void print_table(const Row& header, const std::vector<Row>& rows);
// "name:   value" lines, values aligned; empty values are left out.
void print_fields(const std::vector<std::pair<std::string, std::string>>& fields);
void print_json(const google::protobuf::Message& message);

std::string shown(const google::protobuf::Timestamp& time);  // RFC 3339; "-" when unset
std::string shown_size(uint64_t bytes);                      // "1,234,567 bytes"
std::string shown(const v1::Scenario& scenario);             // "site LON: 2 packages, ..."
std::string enum_name(const google::protobuf::EnumDescriptor* type, int value);

}  // namespace smslab::cli
