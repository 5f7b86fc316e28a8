#include "proto/ccm/shared_document.h"

#include "proto/base/utf16.h"

namespace smslab::ccm {
namespace {
constexpr std::string_view kNul("\0\0", 2);  // open clients drop exactly one character
}  // namespace

SharedDocument::SharedDocument(std::string_view before, std::string_view after)
    : before_(before),
      after_(after),
      beginning_(deflate_beginning(utf16le_from_utf8(before))),
      end_(deflate_end(utf16le_from_utf8(after) + std::string(kNul))) {}

SharedDocument::Payload SharedDocument::payload(std::string_view own, bool compress) const {
  const std::string middle = utf16le_from_utf8(own);
  const uint64_t size = beginning_.size + middle.size() + end_.size;
  if (compress) return {.bytes = splice(beginning_, middle, end_), .size = size};
  return {.bytes = utf16le_from_utf8(before_) + middle + utf16le_from_utf8(after_) + std::string(kNul), .size = size};
}

std::shared_ptr<const SharedDocument> SharedDocuments::of(std::string_view xml) {
  const std::string key(xml);
  {
    const MutexLock lock(mu_);
    if (const auto found = kept_.find(key); found != kept_.end()) return found->second;
  }
  auto made = std::make_shared<const SharedDocument>(xml, "");
  const MutexLock lock(mu_);
  if (kept_.size() >= kKept) kept_.clear();
  return kept_.try_emplace(key, std::move(made)).first->second;
}

}  // namespace smslab::ccm
