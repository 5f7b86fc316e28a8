// PROPFIND, read-only: what a client asks and the 207 it gets (RFC 4918; facts: protocol 6.3).
//
//   ASSIGN_OR_RETURN(PropfindRequest ask, read_propfind(depth_field, body));
//   std::string xml = write_multistatus(items, ask);      // or, when there may be many, a MultistatusWriter's pieces
//
// The writer's shape is the one that the recorded client demands and generic WebDAV clients take: prefix D: for DAV:,
// the 200 propstat first, iscollection as 1 or 0; absolute hrefs, folders ending in '/', are the caller's. Properties
// that are asked for and not there stand in a 404 propstat. The readers take any prefix, the default namespace too, and
// refuse what is not well-formed or has a DOCTYPE. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/status.h"

namespace smslab::dav {

enum class Depth { kZero, kOne, kOneNoRoot, kInfinity };
enum class Ask { kAllProp, kPropName, kProp };

struct PropName {
  std::string space, local;
  friend auto operator<=>(const PropName&, const PropName&) = default;
};

struct PropfindRequest {
  Depth depth = Depth::kInfinity;  // also when the field is absent (RFC 2518)
  Ask ask = Ask::kAllProp;
  std::vector<PropName> props = {};  // with kProp
};

// kInvalidArgument for an unknown Depth, or a body that is not a propfind document or asks for more than 100
// properties; kTooLarge beyond 64 KiB. `depth` is the header field, null when absent. An empty body asks for all.
Result<PropfindRequest> read_propfind(const std::string* depth, std::string_view body);

struct Item {
  std::string href = {};  // absolute URL, percent-encoded
  std::string name = {};  // display name
  bool folder = false;
  bool hidden = false;
  uint64_t size = 0;
  LabTime created = {}, modified = {};
  std::string etag = {};          // with quotes; empty for folders
  std::string content_type = {};  // empty for folders
};

// The document in pieces: begin(), add() for each item, end(); each appends to `out`.
struct LiveProp;
class MultistatusWriter {
 public:
  explicit MultistatusWriter(const PropfindRequest& ask);

  void begin(std::string* out) const;
  void add(const Item& item, std::string* out) const;
  void end(std::string* out) const;

 private:
  Ask ask_;
  std::vector<const LiveProp*> known_;  // in the order asked
  std::string unknown_;                 // what no item has, written out
};

std::string write_multistatus(const std::vector<Item>& items, const PropfindRequest& ask);

// The client's side: what it reads out of a multistatus, and nothing more.
struct ListedItem {
  std::string href;  // as sent
  bool folder = false;
  uint64_t size = 0;
};
// In the order of the document; kInvalidArgument when it is no multistatus, or a response has no href or a length that
// is none.
Result<std::vector<ListedItem>> read_multistatus(std::string_view xml);

}  // namespace smslab::dav
