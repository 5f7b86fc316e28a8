// The two MIME parts of a CCM_POST: what is found lies in the body, in order; and what we write is found again.
#include "proto/ccm/mime.h"

#include "tests/fuzz/fuzz.h"

namespace smslab::ccm {
namespace {
constexpr size_t kHeaderLimit = 1000;

void read_a_strangers(std::string_view content_type, std::string_view body) {
  const auto parts = read_parts(content_type, body, kHeaderLimit);
  if (!parts.ok()) {
    MUST(parts.status().code() == Code::kInvalidArgument || parts.status().code() == Code::kTooLarge);
    return;
  }
  MUST(parts->header.size() <= kHeaderLimit);
  MUST(parts->header.data() >= body.data() && parts->header.data() + parts->header.size() < parts->payload.data());
  MUST(parts->payload.data() + parts->payload.size() <= body.data() + body.size());
}

void read_our_own(std::string_view header, std::string_view payload) {
  const std::string dashed = "--" + std::string(kBoundary);
  for (const std::string_view part : {header, payload}) {
    if (part.find(dashed) != std::string_view::npos) return;  // as in life: a writer must not let it happen
  }
  for (const std::string_view epilogue : {"", "\r\n"}) {
    const Multipart out = write_parts(header, payload, epilogue);
    const auto parts = read_parts(out.content_type, out.body, header.size());
    MUST(parts.ok());
    MUST(parts->header == header && parts->payload == payload);
  }
}
}  // namespace
}  // namespace smslab::ccm

// The Content-Type, a line end, the body.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  smslab::fuzz::Input input(data, size);
  const std::string_view content_type = input.take_to('\n');
  const std::string_view body = input.rest();
  smslab::ccm::read_a_strangers(content_type, body);
  smslab::ccm::read_our_own(content_type, body);
  return 0;
}
