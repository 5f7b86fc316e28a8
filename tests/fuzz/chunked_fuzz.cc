// A chunked body: however the network cuts it, the same content, the same verdict, and the same byte where it ends.
#include <algorithm>

#include "proto/wire/chunked.h"
#include "tests/fuzz/fuzz.h"

namespace smslab::wire {
namespace {
constexpr ChunkedLimits kLimits{.body_bytes = 2000, .line_bytes = 64, .trailer_bytes = 100};

struct Outcome {
  std::string content;
  size_t taken = 0;
  bool done = false;
  int refuse = 0;
  std::string reason;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// `piece` says how many bytes come next.
template <class Piece>
Outcome take_all(std::string_view bytes, Piece piece) {
  ChunkedBody chunked(kLimits);
  Outcome out;
  while (out.taken < bytes.size() && !chunked.done() && chunked.refuse() == 0) {
    const std::string_view part = bytes.substr(out.taken, std::max<size_t>(piece(), 1));
    const size_t taken = chunked.take(part, &out.content);
    MUST(taken == part.size() || chunked.done() || chunked.refuse() != 0);
    out.taken += taken;
    MUST(out.content.size() <= kLimits.body_bytes);
  }
  out.done = chunked.done();
  out.refuse = chunked.refuse();
  out.reason = chunked.reason();
  if (out.refuse != 0) out.taken = 0;  // the connection closes: nobody asks
  return out;
}
}  // namespace
}  // namespace smslab::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab::wire;
  smslab::fuzz::Input input(data, size);
  uint64_t cuts[8];
  for (uint64_t& cut : cuts) cut = input.number(255);
  const std::string_view bytes = input.rest();
  const Outcome whole = take_all(bytes, [&] { return bytes.size(); });
  MUST(whole == take_all(bytes, [] { return size_t{1}; }));
  size_t n = 0;
  MUST(whole == take_all(bytes, [&] { return static_cast<size_t>(cuts[n++ % 8]); }));
  if (!whole.done) return 0;

  // What follows the end belongs to the next request and changes nothing.
  const std::string_view own = bytes.substr(0, whole.taken);
  MUST(whole == take_all(own, [&] { return own.size(); }));
  MUST(own.ends_with("\r\n"));
  return 0;
}
