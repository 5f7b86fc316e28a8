// UTF-16LE and UTF-8: what either side takes comes back byte for byte, so each text has one spelling and no more.
#include "proto/base/utf16.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab;
  const std::string_view bytes = fuzz::Input(data, size).rest();
  constexpr std::string_view kBom16 = "\xFF\xFE", kBom8 = "\xEF\xBB\xBF";
  if (const auto text = utf8_from_utf16le(bytes); text.ok()) {
    MUST(valid_utf8(*text));
    MUST(utf16le_from_utf8(*text) == bytes.substr(bytes.starts_with(kBom16) ? kBom16.size() : 0));
  }
  if (valid_utf8(bytes)) {
    const std::string wide = utf16le_from_utf8(bytes);
    MUST(wide.size() == 2 * utf16_units(bytes));
    const auto back = utf8_from_utf16le(wide);
    MUST(back.ok() && *back == bytes.substr(bytes.starts_with(kBom8) ? kBom8.size() : 0));
  }
  return 0;
}
