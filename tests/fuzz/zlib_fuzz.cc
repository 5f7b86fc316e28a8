// zlib: never a byte beyond the limit, whatever the stream promises; and what we deflate, whole or in parts, inflates
// again.
#include "proto/ccm/zlib.h"

#include "tests/fuzz/fuzz.h"

namespace smslab::ccm {
namespace {
// Cut in three anywhere, the middle so often that it takes several stored blocks.
void must_splice(std::string_view bytes, size_t cut) {
  const std::string_view rest = bytes.substr(cut % (bytes.size() + 1));
  const std::string_view end = rest.substr(cut / 5 % (rest.size() + 1));
  const std::string_view beginning = bytes.substr(0, bytes.size() - rest.size());
  std::string middle(rest.substr(0, rest.size() - end.size()));
  while (cut % 3 == 0 && !middle.empty() && middle.size() < 70'000) middle += middle;
  const auto back =
      inflate(splice(deflate_beginning(beginning), middle, deflate_end(end)), bytes.size() + middle.size());
  MUST(back.ok() && *back == std::string(beginning).append(middle).append(end));
}
}  // namespace
}  // namespace smslab::ccm

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
  ccm::must_splice(bytes, limit);
  return 0;
}
