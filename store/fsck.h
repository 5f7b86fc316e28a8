// fsck: reads a whole store and names what is wrong with it. Changes nothing.
//
//   ASSIGN_OR_RETURN(v1::FsckReply report, fsck(env, "/data/site", "default"));
//
// Each blob's bytes against its name and record; each manifest's contents and tree hashes; reference counts; files that
// no record names. Works on a store that no server has open (kFailedPrecondition otherwise), or through an open Store.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"
#include "store/store.h"

namespace smslab::store {

Result<v1::FsckReply> fsck(Env& env, const std::string& folder, const std::string& lab = "default");
Result<v1::FsckReply> fsck(Store& store);

}  // namespace smslab::store
