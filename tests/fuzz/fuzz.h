// What every fuzz target uses: the input, and a way to say that a property does not hold.
//
//   smslab::fuzz::Input input(data, size);
//   const size_t cut = input.number(100);     // 0 to 100, from the end of the input
//   const std::string_view text = input.rest();
//   MUST(parse(text).ok());
//
// Numbers come from the end, so that a file of the corpus is the text itself, as a peer would send it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// Ends the program when a property does not hold: libFuzzer keeps the input.
#define MUST(condition) ::smslab::fuzz::must((condition), #condition, __FILE__, __LINE__)

namespace smslab::fuzz {

inline void must(bool holds, const char* condition, const char* file, int line) {
  if (holds) return;
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
  std::abort();
}

class Input {
 public:
  Input(const uint8_t* data, size_t size) : bytes_(reinterpret_cast<const char*>(data), size) {}

  // 0 to `most`; 0 when the input is used up. Takes no more bytes than such numbers need.
  uint64_t number(uint64_t most) {
    uint64_t value = 0;
    for (uint64_t left = most; left > 0 && !bytes_.empty(); left >>= 8) {
      value = value << 8 | static_cast<unsigned char>(bytes_.back());
      bytes_.remove_suffix(1);
    }
    return most == UINT64_MAX ? value : value % (most + 1);
  }
  // Up to `size` bytes from the front.
  std::string_view take(size_t size) {
    const std::string_view front = bytes_.substr(0, size);
    bytes_.remove_prefix(front.size());
    return front;
  }
  // To the first `mark`, which is dropped; everything when there is none.
  std::string_view take_to(char mark) {
    const std::string_view front = take(bytes_.find(mark));
    take(1);
    return front;
  }
  std::string_view rest() { return take(bytes_.size()); }
  bool empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

}  // namespace smslab::fuzz
