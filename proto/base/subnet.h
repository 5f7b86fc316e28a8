// Subnet: a block of IPv4 or IPv6 addresses, as boundaries are drawn and clients name theirs.
//
//   ASSIGN_OR_RETURN(const Subnet lan, parse_subnet("192.168.1.0/24", "subnet"));
//   lan.contains("192.168.1.54");                              // also "192.168.1.0"; false for what is no address
//
// A value. An IPv4 address inside IPv6 ("::ffff:10.0.0.1") is the IPv4 address.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/base/status.h"

namespace smslab {

// Network order, 4 or 16 bytes; nullopt: not an address by number.
std::optional<std::string> parse_ip_address(std::string_view text);

struct Subnet {
  std::string network;  // as parse_ip_address gives it
  unsigned prefix = 0;  // bits

  bool contains(std::string_view address) const;
  bool overlaps(const Subnet& other) const;
};

// "192.168.1.0/24", "2001:db8::/32", or an address alone, which is the block of that one. kInvalidArgument of `field`,
// also for a network with bits beyond its prefix.
Result<Subnet> parse_subnet(std::string_view text, const std::string& field);

}  // namespace smslab
