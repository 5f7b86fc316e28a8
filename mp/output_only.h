// What the API says of a record and no request does (site.proto: "output only").
//
//   RETURN_IF_ERROR(refuse_output_only(change));
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "proto/base/status.h"

namespace smslab::mp {

bool is_output_only(const google::protobuf::FieldDescriptor& field);

// kInvalidArgument for each field that is set, naming its path: "clients[0].created".
std::vector<Status> output_only_set(const google::protobuf::Message& request);
// The first of them.
Status refuse_output_only(const google::protobuf::Message& request);

}  // namespace smslab::mp
