// fsck: reads a whole store and names what is wrong with it (check.h). Changes nothing.
//
//   ASSIGN_OR_RETURN(v1::FsckReply report, fsck(env, "/data/site"));
//
// Works on a store that no server has open (kFailedPrecondition otherwise), or through an open Store. To put things
// right: repair.h.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"
#include "store/store.h"

namespace smslab::store {

Result<v1::FsckReply> fsck(Env& env, const std::string& folder, const std::string& lab = "default");
Result<v1::FsckReply> fsck(Store& store);

}  // namespace smslab::store
