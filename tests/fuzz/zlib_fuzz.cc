// zlib: never a byte beyond the limit, whatever the stream promises; and what we deflate inflates again.
#include "proto/ccm/zlib.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab;
  fuzz::Input input(data, size);
  const size_t limit = input.number(UINT16_MAX);
  const std::string_view bytes = input.rest();
  const auto out = ccm::inflate(bytes, limit);
  if (out.ok()) {
    MUST(out->size() <= limit);
    const auto exact = ccm::inflate(bytes, out->size());
    MUST(exact.ok() && *exact == *out);
    MUST(out->empty() || ccm::inflate(bytes, out->size() - 1).status().code() == Code::kTooLarge);
  } else {
    MUST(out.status().code() == Code::kInvalidArgument || out.status().code() == Code::kTooLarge);
  }
  const std::string packed = ccm::deflate(bytes);
  MUST(packed.starts_with("\x78\x9C"));
  const auto back = ccm::inflate(packed, bytes.size());
  MUST(back.ok() && *back == bytes);
  return 0;
}
