#include "store/index_file.h"

#include <array>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "proto/base/env.h"

namespace smslab::store {
namespace {

constexpr uint32_t kMagic = 0xBEEFC0DE, kVersion = 1;
constexpr uint16_t kBranch = 1, kLeaf = 2, kOverflow = 4, kMeta = 8;  // of a page
constexpr uint16_t kBigData = 1;                                      // of a node: its data has pages of its own
constexpr size_t kPageHead = 16, kNodeHead = 8, kMetaBytes = 136, kDbBytes = 48, kLongestKey = 511;
constexpr uint64_t kNoPage = UINT64_MAX;
constexpr int kDeepest = 32;

template <class Number>
Number number_at(std::string_view bytes, size_t at) {
  Number value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

struct Tree {
  uint16_t flags = 0, depth = 0;
  uint64_t root = kNoPage;
};

struct Meta {
  uint64_t page_size = 0, last_page = 0, transaction = 0;
  Tree free, main;
};

class IndexFile {
 public:
  IndexFile(std::string path, std::unique_ptr<ReadableFile> file) : path_(std::move(path)), file_(std::move(file)) {}

  Status check(IndexLook look) {
    if (file_->size() == 0) return ok_status();
    RETURN_IF_ERROR(read_meta());
    pages_ = file_->size() / meta_.page_size;
    if (look == IndexLook::kBrief && pages_ > meta_.last_page) return ok_status();
    if (meta_.last_page >= (uint64_t{1} << 40)) return damaged("its meta pages speak of impossibly many");
    seen_.assign(pages_, false);
    free_.assign(pages_, false);
    RETURN_IF_ERROR(check_tree(meta_.free, true));
    RETURN_IF_ERROR(check_tree(meta_.main, false));
    for (uint64_t page = 0; page < pages_; page++) {
      if (seen_[page] && free_[page]) return damaged_page(page, "is in use and listed as free");
    }
    return ok_status();
  }

 private:
  Status damaged(const std::string& why) const {
    return {Code::kDataLoss, path_ + " is damaged: " + why + "; " + std::string(kWithoutItsIndex)};
  }
  Status damaged_page(uint64_t page, const std::string& why) const {
    return damaged("page " + std::to_string(page) + " " + why);
  }

  Result<std::string> read(uint64_t offset, size_t size) const {
    std::string bytes(size, '\0');
    for (size_t have = 0; have < size;) {
      ASSIGN_OR_RETURN(const size_t n, file_->pread(offset + have, std::span<char>(bytes).subspan(have)));
      if (n == 0) {
        return damaged("it has been cut short: it has " + std::to_string(file_->size()) +
                       " bytes and needs more than " + std::to_string(offset + have));
      }
      have += n;
    }
    return bytes;
  }

  // The newer of the two, as LMDB takes it.
  Status read_meta() {
    ASSIGN_OR_RETURN(const Meta first, meta_at(0));
    ASSIGN_OR_RETURN(const Meta second, meta_at(first.page_size));
    meta_ = first.transaction < second.transaction ? second : first;
    if (first.page_size != second.page_size) return damaged("its meta pages disagree");
    return ok_status();
  }

  Result<Meta> meta_at(uint64_t offset) const {
    ASSIGN_OR_RETURN(const std::string page, read(offset, kPageHead + kMetaBytes));
    const std::string_view meta = std::string_view(page).substr(kPageHead);
    if (number_at<uint32_t>(meta, 0) != kMagic || (number_at<uint16_t>(page, 10) & kMeta) == 0) {
      return damaged("it is no LMDB database");
    }
    if (const auto version = number_at<uint32_t>(meta, 4); version != kVersion) {
      return failed_precondition(path_ + " was written by another version of LMDB (its format is " +
                                 std::to_string(version) + ", this one's " + std::to_string(kVersion) +
                                 "): use the smslab that wrote it");
    }
    Meta out;
    out.page_size = number_at<uint32_t>(meta, 24);
    if (out.page_size < 512 || out.page_size > 65'536 || (out.page_size & (out.page_size - 1)) != 0) {
      return damaged("its page size is impossible");
    }
    out.free = tree_at(meta, 24);
    out.main = tree_at(meta, 24 + kDbBytes);
    out.last_page = number_at<uint64_t>(meta, 24 + 2 * kDbBytes);
    out.transaction = number_at<uint64_t>(meta, 32 + 2 * kDbBytes);
    return out;
  }

  static Tree tree_at(std::string_view meta, size_t at) {
    return {.flags = number_at<uint16_t>(meta, at + 4),
            .depth = number_at<uint16_t>(meta, at + 6),
            .root = number_at<uint64_t>(meta, at + 40)};
  }

  Status check_tree(const Tree& tree, bool free) {
    constexpr uint16_t kIntegerKeys = 8, kStored = 0x7FFF;
    if ((tree.flags & kStored) != (free ? kIntegerKeys : 0)) return damaged("its trees are of another kind");
    if (tree.root == kNoPage) return ok_status();
    if (tree.depth == 0 || tree.depth > kDeepest) return damaged("a tree's depth is impossible");
    return check_page(tree.root, tree.depth, free);
  }

  Status take(uint64_t page) {
    if (page < 2 || page > meta_.last_page) return damaged_page(page, "cannot be where it is named");
    if (page >= pages_) {
      return damaged("it has been cut short: it has " + std::to_string(pages_) + " pages, and uses page " +
                     std::to_string(page));
    }
    if (seen_[page]) return damaged_page(page, "is used twice");
    seen_[page] = true;
    return ok_status();
  }

  // `depth`: levels from here to the leaves, this one included.
  Status check_page(uint64_t number, int depth, bool free) {
    RETURN_IF_ERROR(take(number));
    ASSIGN_OR_RETURN(const std::string page, read(number * meta_.page_size, meta_.page_size));
    const auto flags = number_at<uint16_t>(page, 10);
    const auto lower = number_at<uint16_t>(page, 12), upper = number_at<uint16_t>(page, 14);
    if (number_at<uint64_t>(page, 0) != number || flags != (depth == 1 ? kLeaf : kBranch)) {
      return damaged_page(number, "is another");
    }
    const size_t nodes = lower < kPageHead ? 0 : (lower - kPageHead) / 2;
    if (lower % 2 != 0 || lower > upper || upper > meta_.page_size || nodes < (depth == 1 ? 1U : 2U)) {
      return damaged_page(number, "has impossible bounds");
    }
    for (size_t i = 0; i < nodes; i++) {
      const size_t at = number_at<uint16_t>(page, kPageHead + 2 * i);
      if (at < upper || at % 2 != 0 || at + kNodeHead > page.size()) return damaged_page(number, "has a node outside");
      const size_t key = number_at<uint16_t>(page, at + 6);
      if (key > kLongestKey || at + kNodeHead + key > page.size()) return damaged_page(number, "has a key outside");
      const Status checked = depth == 1 ? check_leaf(number, page, at, key, free) : check_branch(page, at, depth, free);
      RETURN_IF_ERROR(checked);
    }
    return ok_status();
  }

  Status check_branch(std::string_view page, size_t at, int depth, bool free) {
    const uint64_t child = number_at<uint16_t>(page, at) | uint64_t{number_at<uint16_t>(page, at + 2)} << 16 |
                           uint64_t{number_at<uint16_t>(page, at + 4)} << 32;
    return check_page(child, depth - 1, free);
  }

  Status check_leaf(uint64_t number, std::string_view page, size_t at, size_t key, bool free) {
    const uint64_t size = number_at<uint16_t>(page, at) | uint64_t{number_at<uint16_t>(page, at + 2)} << 16;
    const auto flags = number_at<uint16_t>(page, at + 4);
    const size_t begin = at + kNodeHead + key;
    if ((flags & ~kBigData) != 0 || key == 0 || (free && key != sizeof(uint64_t))) {
      return damaged_page(number, "has a node of another kind");
    }
    if ((flags & kBigData) == 0) {
      if (begin + size > page.size()) return damaged_page(number, "has a value outside");
      return free ? check_free_pages(number, page.substr(begin, size)) : ok_status();
    }
    if (begin + sizeof(uint64_t) > page.size()) return damaged_page(number, "has a value outside");
    return check_overflow(number_at<uint64_t>(page, begin), size, free);
  }

  Status check_overflow(uint64_t first, uint64_t size, bool free) {
    const uint64_t pages = (kPageHead - 1 + size) / meta_.page_size + 1;
    for (uint64_t i = 0; i < pages; i++) RETURN_IF_ERROR(take(first + i));
    ASSIGN_OR_RETURN(const std::string head, read(first * meta_.page_size, kPageHead));
    // A value that became shorter keeps its pages.
    if (number_at<uint64_t>(head, 0) != first || number_at<uint16_t>(head, 10) != kOverflow ||
        number_at<uint32_t>(head, 12) < pages) {
      return damaged_page(first, "is another");
    }
    if (!free) return ok_status();
    ASSIGN_OR_RETURN(const std::string value, read(first * meta_.page_size + kPageHead, size));
    return check_free_pages(first, value);
  }

  // A list of pages to be used again: their number, and each.
  Status check_free_pages(uint64_t number, std::string_view value) {
    const size_t size = value.size() / sizeof(uint64_t);
    const uint64_t count = size == 0 ? kNoPage : number_at<uint64_t>(value, 0);
    if (count >= size) return damaged_page(number, "has an impossible list of free pages");
    for (size_t i = 1; i <= count; i++) {
      const auto free = number_at<uint64_t>(value, i * sizeof(uint64_t));
      const bool again = free < pages_ && free_[free];
      if (free < 2 || free > meta_.last_page || again) {
        return damaged_page(number, "has an impossible list of free pages");
      }
      if (free < pages_) free_[free] = true;
    }
    return ok_status();
  }

  const std::string path_;
  const std::unique_ptr<ReadableFile> file_;
  Meta meta_;
  uint64_t pages_ = 0;             // that the file has
  std::vector<bool> seen_, free_;  // in use by the trees; listed as free
};

}  // namespace

Status check_index_file(const std::string& path, IndexLook look) {
  ASSIGN_OR_RETURN(auto file, posix_env().open(path));
  return IndexFile(path, std::move(file)).check(look);
}

}  // namespace smslab::store
