#include "proto/ccm/zlib.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>

namespace smslab::ccm {
namespace {
Bytef* input(std::string_view bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));  // zlib's next_in is not const
}

class InflateStream {
 public:
  InflateStream() {
    if (inflateInit(&z_) != Z_OK) std::abort();  // no memory
  }
  ~InflateStream() { inflateEnd(&z_); }
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;
  z_stream* operator->() { return &z_; }
  int run() { return ::inflate(&z_, Z_NO_FLUSH); }

 private:
  z_stream z_{};
};
}  // namespace

Result<std::string> inflate(std::string_view stream, size_t limit) {
  if (stream.size() > std::numeric_limits<uInt>::max()) return Status(Code::kTooLarge, "the zlib stream is too large");
  InflateStream z;
  z->next_in = input(stream);
  z->avail_in = static_cast<uInt>(stream.size());
  std::string out;
  std::array<char, 16'384> chunk;
  while (true) {
    z->next_out = reinterpret_cast<Bytef*>(chunk.data());
    z->avail_out = static_cast<uInt>(chunk.size());
    const int rc = z.run();
    const size_t got = chunk.size() - z->avail_out;
    if (got > limit - out.size()) {
      return Status(Code::kTooLarge, "the payload inflates beyond " + std::to_string(limit) + " bytes");
    }
    out.append(chunk.data(), got);
    if (rc == Z_STREAM_END) return out;
    if (rc != Z_OK) return invalid_argument("broken zlib stream");  // Z_BUF_ERROR: cut short
  }
}

std::string deflate(std::string_view bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  const int rc = compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                           bytes.size(), Z_DEFAULT_COMPRESSION);
  if (rc != Z_OK) std::abort();  // the buffer is large enough by compressBound
  out.resize(size);
  return out;
}

}  // namespace smslab::ccm
