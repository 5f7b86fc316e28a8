#include "proto/wire/outbox.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace smslab::wire {
namespace {
constexpr size_t kKeptHead = 1024;  // bytes that an idle connection may keep

// The line before a chunk (RFC 9112 7.1).
std::string chunk_size(uint64_t size) {
  std::array<char, 20> digits;
  return std::string(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr) + "\r\n";
}
}  // namespace

void Outbox::start(Body body, std::shared_ptr<BodySource> stream, bool chunked) {
  body_ = std::move(body);
  if (chunked && body_.size() > 0) {
    Body chunk(chunk_size(body_.size()));
    chunk.append(body_);
    chunk.append(std::string("\r\n"));
    body_ = std::move(chunk);
  }
  stream_ = std::move(stream);
  made_ = stream_ != nullptr;
  chunked_ = chunked;
  head_at_ = piece_ = 0;
  piece_at_ = 0;
  left_ = UINT64_MAX;
  hasher_.reset();
}

void Outbox::watch(uint64_t most) {
  if (made_ && body_.size() > 0) return;
  hasher_.emplace(Algorithm::kSha256);
  unseen_ = most;
}

std::string Outbox::digest() {
  if (!hasher_) return {};
  std::string digest = hasher_->finish();
  hasher_.reset();
  return digest;
}

void Outbox::see(std::string_view bytes) {
  if (!hasher_) return;
  if (bytes.size() > unseen_) return hasher_.reset();
  unseen_ -= bytes.size();
  hasher_->update(bytes);
}

// A file is read once more: what the kernel sent from it did not come by here.
void Outbox::see(const Piece& piece, uint64_t at, uint64_t size) {
  if (!hasher_ || made_) return;  // what is made is seen when it is
  if (piece.bytes) {
    return see(
        std::string_view(*piece.bytes).substr(static_cast<size_t>(piece.offset + at), static_cast<size_t>(size)));
  }
  std::array<char, size_t{32} * 1024> buffer;
  while (size > 0 && hasher_) {
    const auto got = piece.file->pread(piece.offset + at,
                                       {buffer.data(), static_cast<size_t>(std::min<uint64_t>(size, buffer.size()))});
    if (!got.ok() || *got == 0) return hasher_.reset();
    see(std::string_view(buffer.data(), *got));
    at += *got;
    size -= *got;
  }
}

void Outbox::clear() {
  head_.clear();
  if (head_.capacity() > kKeptHead) head_.shrink_to_fit();
  start({});
}

// The stream's next piece becomes the body to send. False when it fails.
bool Outbox::refill() {
  auto next = stream_->next();
  if (!next.ok()) return false;
  const bool last = next->empty();
  see(*next);
  Body body;
  if (!chunked_) {
    body.append(*std::move(next));
  } else if (last) {
    body.append(std::string("0\r\n\r\n"));
  } else {
    body.append(chunk_size(next->size()).append(*next).append("\r\n"));
  }
  body_ = std::move(body);
  piece_ = 0;
  piece_at_ = 0;
  if (last) stream_.reset();
  return true;
}

Outbox::Progress Outbox::pump(Link& link, uint64_t budget, bool exact) {
  Progress progress;
  while (!done() && progress.bytes < budget) {
    if (stream_ && head_at_ == head_.size() && piece_ == body_.pieces().size()) {
      if (!refill()) {
        progress.io = Io::kEnd;
        break;
      }
      continue;
    }
    const IoResult result = step(link, exact ? std::min(left_, budget - progress.bytes) : left_);
    if (result.io != Io::kOk) {
      progress.io = result.io;
      break;
    }
    progress.bytes += result.bytes;
    advance(result.bytes);
  }
  if (progress.io == Io::kOk) progress.io = link.flush().io;
  return progress;
}

IoResult Outbox::step(Link& link, uint64_t most) {
  std::array<iovec, 16> parts;
  size_t count = 0;
  const uint64_t all = most;
  const auto add = [&](const char* data, size_t size) {
    const auto fits = static_cast<size_t>(std::min<uint64_t>(size, most));
    if (fits > 0) parts[count++] = {const_cast<char*>(data), fits};
    most -= fits;
  };
  if (head_at_ < head_.size()) add(head_.data() + head_at_, head_.size() - head_at_);
  const auto pieces = body_.pieces();
  size_t next = piece_;
  for (; next < pieces.size() && pieces[next].bytes && count < parts.size(); next++) {
    const uint64_t sent = next == piece_ ? piece_at_ : 0;
    add(pieces[next].bytes->data() + pieces[next].offset + sent, static_cast<size_t>(pieces[next].size - sent));
  }
  if (count > 0) return link.write({parts.data(), count}, next < pieces.size() && all == left_ && most > 0);
  const Piece& piece = pieces[piece_];
  return link.send_file(*piece.file, piece.offset + piece_at_, std::min(most, piece.size - piece_at_));
}

void Outbox::advance(uint64_t bytes) {
  if (left_ != UINT64_MAX) left_ -= bytes;
  const auto head = static_cast<size_t>(std::min<uint64_t>(bytes, head_.size() - head_at_));
  head_at_ += head;
  bytes -= head;
  while (bytes > 0) {
    const Piece& piece = body_.pieces()[piece_];
    const uint64_t left = piece.size - piece_at_;
    see(piece, piece_at_, std::min(bytes, left));
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
