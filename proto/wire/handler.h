// What a handler of the client plane sees: a request in, a reply out. No sockets, no threads, no HTTP framing.
//
//   Result<Reply> serve_policy(const Request& request) {
//     return entity_reply(request, {.body = body, .content_type = "text/xml", .etag = etag});
//   }
//
// A handler runs on a worker and must not block: no waiting for a disk commit or a peer. A reply that has to be durable
// first names what it waits for in `after`; the connection parks and the worker goes on. An error Status becomes a bare
// reply with its HTTP status. Handlers are called from many threads at once.
//
// Framing is the server's: a handler never sets Content-Length, Transfer-Encoding, Connection or Date, and leaves out
// nothing for HEAD; the server does both.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/base/completion.h"
#include "proto/base/env.h"
#include "proto/base/status.h"
#include "proto/base/uri.h"

namespace smslab::wire {

using Field = std::pair<std::string, std::string>;
using Fields = std::vector<Field>;

// First value of `name`, any letter case; nullptr when absent.
const std::string* find_field(const Fields& fields, std::string_view name);

// What a handler is to say instead of the truth, for a reply that is wrong on purpose. What it may be is between who
// asks and who answers (fault/pretence.h).
struct Pretence {
  virtual ~Pretence() = default;
};

struct Request {
  std::string method;      // as sent: "GET", "CCM_POST"
  std::string target;      // as sent: path and query, undecoded
  std::string path;        // percent-decoded once, valid UTF-8, no NUL, begins with '/', no "." or ".." part
  std::string query;       // raw, after the first '?'
  bool has_query = false;  // "/x?" has an empty one
  Fields fields;           // in order
  std::string body;        // whole, within the limit
  HostPort peer;           // who asks
  HostPort local;          // where it arrived: what absolute URLs in replies are made of when Host is missing
  bool tls = false;
  std::shared_ptr<const Pretence> pretence;  // null, as a client's requests always are: nothing but the truth

  const std::string* field(std::string_view name) const { return find_field(fields, name); }
  // "http://host:port" as the client addressed us: Host, else `local`.
  std::string origin() const;
};

// A body is a list of pieces, sent in order: bytes in memory or a range of a file. Cheap to copy and to slice.
struct Piece {
  std::shared_ptr<const std::string> bytes;  // either this
  std::shared_ptr<const ReadableFile> file;  // or this
  uint64_t offset = 0;
  uint64_t size = 0;
};

class Body {
 public:
  Body() = default;
  explicit Body(std::string bytes);

  void append(std::string bytes);
  void append(std::shared_ptr<const std::string> bytes, uint64_t offset, uint64_t size);
  void append(std::shared_ptr<const ReadableFile> file, uint64_t offset, uint64_t size);
  void append(const Body& other);

  uint64_t size() const { return size_; }
  std::span<const Piece> pieces() const {
    return many_.empty() ? std::span(&one_, size_ == 0 ? 0 : 1) : std::span<const Piece>(many_);
  }
  Body slice(uint64_t offset, uint64_t size) const;  // within the body
  // For tests and small bodies: everything in one string.
  Result<std::string> read_all() const;

 private:
  void add(Piece piece);

  Piece one_;                // while there is one, as nearly always: no memory of its own
  std::vector<Piece> many_;  // from the second on, all of them
  uint64_t size_ = 0;
};

// A body that is made while it is sent, for what is too long to be built whole. Its size is not known beforehand: it
// goes out chunked, to HTTP/1.0 until the end of the connection.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // The next piece, about 64 KiB at most; empty at the end. On a worker: must not block. An error cuts the reply.
  virtual Result<std::string> next() = 0;
};

// "bytes first-last/size" of a 206.
struct ContentRange {
  uint64_t first = 0, last = 0, size = 0;
};

// What a request turned out to be about, as faults and the journal name it. Handlers say it, of errors too.
struct Topic {
  std::string_view route = "other";  // of static storage: "content", "policy_body", ...
  std::string client, smsid;         // where the message says
  std::string package, file;         // ID, and the path in it as its manifest spells it
  uint32_t version = 0;
  std::vector<std::string> rules;  // IDs of the faults that changed what the reply says, before it was one
  std::string sha256;              // raw, of the whole content that stands there; empty: not known
  bool names_addresses = false;    // the reply holds the lab's own addresses, so another lab's is another
};

struct Reply {
  int status = 200;
  Fields fields;
  std::shared_ptr<const std::string> lines;  // further fields, "Name: value CR LF" each, written once for many replies
  std::optional<ContentRange> range;         // the Content-Range field
  Body body;
  std::shared_ptr<BodySource> stream;  // after `body`
  std::shared_ptr<const Topic> topic;
  CompletionPtr after;  // send only once this is finished; its error replaces the reply (http_status of its code)

  void set(std::string name, std::string value) { fields.emplace_back(std::move(name), std::move(value)); }
};

using Handler = std::function<Result<Reply>(const Request&)>;

}  // namespace smslab::wire
