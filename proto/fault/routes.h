// Routes: the kinds of request that rules tell apart, and how each is asked (facts: protocol 2 to 6).
//
//   const Route* route = route_of("content");      // any letter case; null: there is none of this name
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "proto/schema/fault.pb.h"

namespace smslab::fault {

struct Route {
  std::string_view name;
  v1::FaultMatch::Role role;
  std::array<std::string_view, 2> methods;  // as clients use them, in their order; the second may be empty
  enum class About { kNothing, kPackage, kFile } about = About::kNothing;  // what is asked for
};

std::span<const Route> all_routes();
const Route* route_of(std::string_view name);

inline constexpr std::string_view kConnectRoute = "connection";  // no request yet: a client connects

}  // namespace smslab::fault
