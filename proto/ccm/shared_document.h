// SharedDocument: an XML document that many clients get, encoded and compressed once, but for one short text that is
// each client's own.
//
//   const SharedDocument reply("<ReplyAssignments ...><ClientID>", "</ClientID>...");
//   Multipart out = write_reply(request, reply, "GUID:...", context);         // envelope.h
//
//   SharedDocuments said;                                                     // the last ones, by their text
//   std::shared_ptr<const SharedDocument> same = said.of(xml);
//
// Constant, so thread-safe; SharedDocuments has its own lock. Sizes are bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proto/base/mutex.h"
#include "proto/ccm/zlib.h"

namespace smslab::ccm {

class SharedDocument {
 public:
  SharedDocument(std::string_view before, std::string_view after);  // UTF-8

  struct Payload {
    std::string bytes;
    uint64_t size = 0;  // of the document in UTF-16, with its NUL
  };
  Payload payload(std::string_view own, bool compress) const;

 private:
  const std::string before_, after_;  // UTF-8
  const Deflated beginning_, end_;
};

class SharedDocuments {
 public:
  std::shared_ptr<const SharedDocument> of(std::string_view xml);

 private:
  static constexpr size_t kKept = 256;  // documents; when there are more, all are dropped

  Mutex mu_;
  std::unordered_map<std::string, std::shared_ptr<const SharedDocument>> kept_ GUARDED_BY(mu_);
};

}  // namespace smslab::ccm
