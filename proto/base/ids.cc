#include "proto/base/ids.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "proto/base/hex.h"
#include "proto/base/text.h"
#include "proto/base/utf16.h"

namespace smslab {
namespace {
bool is_alnum(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_hex(char c) { return (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9'); }

std::string shown(std::string_view text) {
  std::string out(text.substr(0, 80));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '?';
  }
  return out;
}

Result<std::string> parse_site_object_id(std::string_view text, std::string_view field, std::string_view example) {
  std::string id = ascii_upper(text);
  const bool good = id.size() == 8 && std::all_of(id.begin(), id.begin() + 3, is_alnum) &&
                    std::all_of(id.begin() + 3, id.end(), is_hex);
  if (!good) {
    return invalid_argument("'" + shown(text) +
                                "' is not an ID: three characters of a site code and five hex digits, as " +
                                std::string(example),
                            std::string(field));
  }
  return id;
}

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  return table;
}
}  // namespace

Result<std::string> parse_site_code(std::string_view text, std::string_view field) {
  std::string code = ascii_upper(text);
  if (code.size() != 3 || !std::all_of(code.begin(), code.end(), is_alnum)) {
    return invalid_argument("'" + shown(text) + "' is not a site code: three letters or digits, as LON",
                            std::string(field));
  }
  return code;
}

Result<std::string> parse_package_id(std::string_view text, std::string_view field) {
  return parse_site_object_id(text, field, "LON00001");
}
Result<std::string> parse_advert_id(std::string_view text, std::string_view field) {
  return parse_site_object_id(text, field, "LON20000");
}

Result<std::string> parse_smsid(std::string_view text, std::string_view field) {
  std::string guid = ascii_upper(text);
  if (guid.starts_with("GUID:")) guid.erase(0, 5);
  if (guid.size() == 38 && guid.front() == '{' && guid.back() == '}') guid = guid.substr(1, 36);
  bool good = guid.size() == 36;
  for (size_t i = 0; good && i < guid.size(); i++) {
    good = i == 8 || i == 13 || i == 18 || i == 23 ? guid[i] == '-' : is_hex(guid[i]);
  }
  if (!good) {
    return invalid_argument("'" + shown(text) + "' is not an SMSID, as GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52",
                            std::string(field));
  }
  return "GUID:" + guid;
}

namespace {
// What Windows keeps for devices, and no computer can be called.
bool is_device(std::string_view name) {
  for (const std::string_view device : {"CON", "PRN", "AUX", "NUL"}) {
    if (name == device) return true;
  }
  const bool numbered = name.starts_with("COM") || name.starts_with("LPT");
  return numbered && name.size() == 4 && name[3] >= '1' && name[3] <= '9';
}
}  // namespace

Result<std::string> parse_host_name(std::string_view text, std::string_view field) {
  std::string name = ascii_upper(text);
  const bool good = !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '_' || c == '.';
  });
  if (!good) {
    return invalid_argument(
        "'" + shown(text) + "' is not a computer name: letters, digits, '-', '_' and '.', at most 63",
        std::string(field));
  }
  if (name.front() == '.' || name.back() == '.' || is_device(name)) {
    return invalid_argument("'" + name + "' is not a computer name: no name of a device, no '.' at its ends",
                            std::string(field));
  }
  return name;
}

std::string policy_suffix(std::string_view program) {
  static constexpr auto kTable = crc_table();
  uint32_t crc = 0;
  for (const unsigned char byte : utf16le_from_utf8(program)) crc = kTable[(crc ^ byte) & 0xFF] ^ (crc >> 8);
  std::string raw;
  for (int shift = 24; shift >= 0; shift -= 8) raw += static_cast<char>(crc >> shift);
  return to_hex(raw);
}

std::string policy_id(std::string_view advert, std::string_view package, std::string_view program) {
  return std::string(advert) + "-" + std::string(package) + "-" + policy_suffix(program);
}

std::string nal_path(std::string_view server, std::string_view site) {
  const std::string unc = "\\\\" + std::string(server) + "\\";
  return "[\"Display=" + unc + "\"]MSWNET:[\"SMS_SITE=" + std::string(site) + "\"]" + unc;
}

}  // namespace smslab
