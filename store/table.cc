#include "store/table.h"

#include "proto/base/text.h"

namespace smslab::store {

std::string number_key(uint64_t n) {
  std::string bytes(8, '\0');
  for (size_t i = bytes.size(); i-- > 0; n >>= 8) bytes[i] = static_cast<char>(n & 0xFF);
  return to_hex(bytes);
}

std::string join_key(std::string_view table, const Key& parts) {
  std::string key(table);
  for (const std::string& part : parts) {
    key += '\0';
    key += part;
  }
  return key;
}

Key split_key(std::string_view table, std::string_view key) {
  Key parts;
  if (key.size() <= table.size()) return parts;
  for (std::string_view part : split(key.substr(table.size() + 1), '\0')) parts.emplace_back(part);
  return parts;
}

}  // namespace smslab::store
