#include <algorithm>
#include <cassert>
#include <utility>

#include "proto/wire/handler.h"

namespace smslab::wire {

Body::Body(std::string bytes) { append(std::move(bytes)); }

void Body::add(Piece piece) {
  const uint64_t more = piece.size;
  if (size_ == 0) {
    one_ = std::move(piece);
  } else {
    if (many_.empty()) many_.push_back(std::exchange(one_, {}));
    many_.push_back(std::move(piece));
  }
  size_ += more;
}

void Body::append(std::string bytes) {
  const uint64_t size = bytes.size();
  append(std::make_shared<const std::string>(std::move(bytes)), 0, size);
}

void Body::append(std::shared_ptr<const std::string> bytes, uint64_t offset, uint64_t size) {
  assert(offset <= bytes->size() && size <= bytes->size() - offset);
  if (size == 0) return;
  add({.bytes = std::move(bytes), .file = nullptr, .offset = offset, .size = size});
}

void Body::append(std::shared_ptr<const ReadableFile> file, uint64_t offset, uint64_t size) {
  if (size == 0) return;
  add({.bytes = nullptr, .file = std::move(file), .offset = offset, .size = size});
}

void Body::append(const Body& other) {
  const Body more = other;  // which may be this one
  for (const Piece& piece : more.pieces()) add(piece);
}

Body Body::slice(uint64_t offset, uint64_t size) const {
  assert(offset <= size_ && size <= size_ - offset);
  Body part;
  for (const Piece& piece : pieces()) {
    if (size == 0) break;
    if (offset >= piece.size) {
      offset -= piece.size;
      continue;
    }
    Piece cut = piece;
    cut.offset += offset;
    cut.size = std::min(piece.size - offset, size);
    offset = 0;
    size -= cut.size;
    part.add(std::move(cut));
  }
  return part;
}

Result<std::string> Body::read_all() const {
  std::string all;
  all.reserve(size_);
  for (const Piece& piece : pieces()) {
    if (piece.bytes) {
      all.append(*piece.bytes, piece.offset, piece.size);
      continue;
    }
    const size_t start = all.size();
    all.resize(start + piece.size);
    uint64_t done = 0;
    while (done < piece.size) {
      ASSIGN_OR_RETURN(const size_t got,
                       piece.file->pread(piece.offset + done, {all.data() + start + done, piece.size - done}));
      if (got == 0) return Status(Code::kDataLoss, "a file is shorter than the body it is part of");
      done += got;
    }
  }
  return all;
}

}  // namespace smslab::wire
