#include "proto/wire/outbox.h"

#include <algorithm>
#include <array>

namespace smslab::wire {

void Outbox::start(std::string head, Body body) {
  head_ = std::move(head);
  body_ = std::move(body);
  head_at_ = piece_ = 0;
  piece_at_ = 0;
}

Outbox::Progress Outbox::pump(Link& link, uint64_t budget) {
  Progress progress;
  while (!done() && progress.bytes < budget) {
    const IoResult result = step(link);
    if (result.io != Io::kOk) {
      progress.io = result.io;
      break;
    }
    progress.bytes += result.bytes;
    advance(result.bytes);
  }
  return progress;
}

IoResult Outbox::step(Link& link) {
  std::array<iovec, 16> parts;
  size_t count = 0;
  const auto add = [&](const char* data, size_t size) { parts[count++] = {const_cast<char*>(data), size}; };
  if (head_at_ < head_.size()) add(head_.data() + head_at_, head_.size() - head_at_);
  const auto& pieces = body_.pieces();
  size_t next = piece_;
  for (; next < pieces.size() && pieces[next].bytes && count < parts.size(); next++) {
    const uint64_t sent = next == piece_ ? piece_at_ : 0;
    add(pieces[next].bytes->data() + pieces[next].offset + sent, static_cast<size_t>(pieces[next].size - sent));
  }
  if (count > 0) return link.write({parts.data(), count}, next < pieces.size());
  const Piece& piece = pieces[piece_];
  return link.send_file(*piece.file, piece.offset + piece_at_, piece.size - piece_at_);
}

void Outbox::advance(uint64_t bytes) {
  const auto head = static_cast<size_t>(std::min<uint64_t>(bytes, head_.size() - head_at_));
  head_at_ += head;
  bytes -= head;
  while (bytes > 0) {
    const uint64_t left = body_.pieces()[piece_].size - piece_at_;
    if (bytes < left) {
      piece_at_ += bytes;
      return;
    }
    bytes -= left;
    piece_++;
    piece_at_ = 0;
  }
}

}  // namespace smslab::wire
