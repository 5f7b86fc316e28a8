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

// One a thread, used again and again: setting one up costs more than most payloads.
class InflateStream {
 public:
  static InflateStream& ready() {
    static thread_local InflateStream stream;
    if (::inflateReset(&stream.z_) != Z_OK) std::abort();  // it was set up
    return stream;
  }
  ~InflateStream() { inflateEnd(&z_); }
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;
  z_stream* operator->() { return &z_; }
  int run() { return ::inflate(&z_, Z_NO_FLUSH); }

 private:
  InflateStream() {
    if (inflateInit(&z_) != Z_OK) std::abort();  // no memory
  }
  z_stream z_{};
};
}  // namespace

Result<std::string> inflate(std::string_view stream, size_t limit) {
  if (stream.size() > std::numeric_limits<uInt>::max()) return Status(Code::kTooLarge, "the zlib stream is too large");
  InflateStream& z = InflateStream::ready();
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

namespace {
uint32_t adler_of(std::string_view bytes) {
  return static_cast<uint32_t>(::adler32_z(1, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// Blocks without a stream's head and checksum. They refer to nothing before them, and unless they are the last they end
// at a whole byte.
Deflated deflate_blocks(std::string_view bytes, int flush) {
  z_stream z{};
  constexpr int kRaw = -15, kMemory = 8;
  if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRaw, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  constexpr size_t kFlushMark = 16;
  Deflated out{.blocks = {}, .adler = adler_of(bytes), .size = bytes.size()};
  out.blocks.resize(::deflateBound(&z, bytes.size()) + kFlushMark);
  z.next_in = input(bytes);
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.blocks.data());
  z.avail_out = static_cast<uInt>(out.blocks.size());
  const int rc = ::deflate(&z, flush);
  if (rc != (flush == Z_FINISH ? Z_STREAM_END : Z_OK) || z.avail_in != 0) std::abort();  // there is room
  out.blocks.resize(out.blocks.size() - z.avail_out);
  ::deflateEnd(&z);
  return out;
}
}  // namespace

Deflated deflate_beginning(std::string_view bytes) { return deflate_blocks(bytes, Z_FULL_FLUSH); }
Deflated deflate_end(std::string_view bytes) { return deflate_blocks(bytes, Z_FINISH); }

std::string splice(const Deflated& beginning, std::string_view middle, const Deflated& end) {
  constexpr size_t kStored = 65'535;  // bytes of one stored block (RFC 1951 3.2.4)
  std::string out("\x78\x9C");
  out.reserve(beginning.blocks.size() + middle.size() + end.blocks.size() + 16);
  out += beginning.blocks;
  const auto put = [&out](uint32_t byte) { out += static_cast<char>(byte & 0xFF); };
  for (std::string_view rest = middle; !rest.empty(); rest.remove_prefix(std::min(rest.size(), kStored))) {
    const auto size = static_cast<uint32_t>(std::min(rest.size(), kStored));
    put(0);
    for (const uint32_t length : {size, ~size}) {
      put(length);
      put(length >> 8);
    }
    out += rest.substr(0, size);
  }
  out += end.blocks;
  uLong adler = ::adler32_combine(beginning.adler, adler_of(middle), static_cast<z_off_t>(middle.size()));
  adler = ::adler32_combine(adler, end.adler, static_cast<z_off_t>(end.size));
  for (int shift = 24; shift >= 0; shift -= 8) put(static_cast<uint32_t>(adler >> shift));
  return out;
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
