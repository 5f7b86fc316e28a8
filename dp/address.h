// Address: what a path on the client plane names (facts: protocol 6.1).
//
//   /SMS_DP_SMSPKGE$/LON00001/sub/a.txt            the version that is installed
//   /SMS_DP_SMSPKG$/lon00001.2/sub/a.txt           this version, if it is the one installed
//   /SMS_DP_SMSPKG$/LON00001/sccm?/sub/a%20b.txt   the same by the query form of BITS
//   /SMS_DP_SMSPKG$/LON00001.2.manifest            its manifest
//
// Any letter case. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dp/contents.h"
#include "proto/wire/handler.h"

namespace smslab::dp {

struct Address {
  std::string directory;            // "SMS_DP_SMSPKGE$", in the client's letter case
  std::string content_id;           // "lon00001.2", in the client's letter case; empty: the virtual directory itself
  std::string package_id;           // "LON00001"
  std::optional<uint32_t> version;  // when the content ID says one
  bool manifest = false;
  std::string path;  // relative and decoded; empty: the package's folder
  // The target with its escapes, without a final '/': clients look in a listing for exactly what they asked about.
  std::string spelled;

  bool is_directory() const { return content_id.empty(); }
};

// kNotFound for what can name nothing, kInvalidArgument for a query form that is not a clean relative path.
Result<Address> parse_address(const wire::Request& request);

// The package as it is now; kNotFound when it, or the version asked for, is not installed.
Result<LoadedPtr> find_package(Contents& contents, const Address& address);
// What a request for this file or folder of the package is about; `route` of static storage. `sha256`: of the content
// that the reply is made of, in hex.
std::shared_ptr<const wire::Topic> topic_of(std::string_view route, const Loaded& package, const std::string& path,
                                            std::string_view sha256 = {});
// The answer to a request for what is not in the package, which is about it all the same.
wire::Reply absent(std::string_view route, const Loaded& package, const Address& address, const Status& why);
// The file or folder; kNotFound.
Result<const store::Node*> find_node(const Loaded& package, const Address& address);

}  // namespace smslab::dp
