// The control API as an OpenAPI 3.0 document, made of the route table and the messages' descriptors.
//
//   const std::string json = openapi(control_routes(context));
//
// Messages are as protobuf's JSON mapping has them (codec/json.h): lowerCamelCase, 64-bit numbers as strings, times in
// RFC 3339, enums by name; a key that a schema does not name is refused. Pure.
#pragma once

#include <string>
#include <vector>

#include "proto/control/server.h"

namespace smslab::mp {

std::string openapi(const std::vector<control::ControlRoute>& routes);

}  // namespace smslab::mp
