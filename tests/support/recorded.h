// Recorded HTTP messages of tests/data/wire, taken apart.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/base/text.h"
#include "tests/support/golden.h"

namespace smslab::testing {

struct Recorded {
  std::string start_line;  // "CCM_POST /ccm_system/request HTTP/1.1"
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;

  std::string field(std::string_view name) const {
    for (const auto& [key, value] : fields) {
      if (iequals(key, name)) return value;
    }
    return {};
  }
};

inline Recorded parse_recorded(std::string_view message) {
  Recorded out;
  const size_t end = message.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    ADD_FAILURE() << "not an HTTP message";
    return out;
  }
  out.body = message.substr(end + 4);
  for (std::string_view line : split(message.substr(0, end), '\n')) {
    line = trim(line);
    if (out.start_line.empty()) {
      out.start_line = line;
    } else if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
      out.fields.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
    }
  }
  return out;
}

// recorded("requests/06-site-information")
inline Recorded recorded(const std::string& name) { return parse_recorded(test_data("wire/" + name + ".http")); }

}  // namespace smslab::testing
