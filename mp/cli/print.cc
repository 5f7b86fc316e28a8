#include "mp/cli/print.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "proto/base/utf16.h"
#include "proto/codec/json.h"

namespace smslab::cli {
namespace {
std::string counted(int n, const char* one, const char* several) {
  return fmt::format("{} {}", n, n == 1 ? one : several);
}
}  // namespace

void print_table(const Row& header, const std::vector<Row>& rows) {
  std::vector<size_t> widths(header.size(), 0);
  const auto measure = [&](const Row& row) {
    for (size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], utf16_units(row[i]));
  };
  measure(header);
  for (const Row& row : rows) measure(row);
  const auto print = [&](const Row& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); i++) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - utf16_units(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  };
  print(header);
  for (const Row& row : rows) print(row);
}

void print_fields(const std::vector<std::pair<std::string, std::string>>& fields) {
  size_t width = 0;
  for (const auto& [name, value] : fields) width = std::max(width, name.size());
  for (const auto& [name, value] : fields) {
    if (!value.empty()) fmt::print("{:<{}}  {}\n", name, width, value);
  }
}

void print_json(const google::protobuf::Message& message) { fmt::print("{}\n", codec::to_json(message)); }

std::string shown(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "-";
  return google::protobuf::util::TimeUtil::ToString(time);
}

std::string shown_size(uint64_t bytes) {
  std::string digits = std::to_string(bytes);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits + " bytes";
}

std::string shown(const v1::Scenario& scenario) {
  return fmt::format(
      "site {}: {}, {}, {}, {}", scenario.site(), counted(scenario.packages_size(), "package", "packages"),
      counted(scenario.collections_size(), "collection", "collections"),
      counted(scenario.adverts_size(), "advert", "adverts"), counted(scenario.clients_size(), "client", "clients"));
}

std::string enum_name(const google::protobuf::EnumDescriptor* type, int value) {
  const auto* known = type->FindValueByNumber(value);
  return known != nullptr ? known->name() : std::to_string(value);
}

}  // namespace smslab::cli
