// A look at an index's file before LMDB maps it: LMDB believes what the file says, and a page that is not there, or a
// length that is not true, would end the process.
//
//   RETURN_IF_ERROR(check_index_file(folder + "/data.mdb", IndexLook::kBrief));
//
// Format: LMDB 0.9's, on a 64-bit little-endian machine (mdb.c: MDB_meta, MDB_page, MDB_node). Reads only.
#pragma once

#include <string>
#include <string_view>

#include "proto/base/status.h"

namespace smslab::store {

// What is left to do where an index cannot be used.
inline constexpr std::string_view kWithoutItsIndex =
    "restore the folder from a copy, or begin with a new one (a distribution point's can just be removed: the site "
    "sends its packages again)";

enum class IndexLook {
  kBrief,  // the two meta pages; the others only when the file is shorter than they say, which may be right (*)
  kWhole,  // every page that is in use
};
// (*) Pages that one transaction both took and gave back are counted, and need not have been written.

// kDataLoss when the file is cut short or damaged, kFailedPrecondition for one of another version of LMDB. An empty
// file is fine: it is one whose making was cut short, and LMDB makes it anew.
Status check_index_file(const std::string& path, IndexLook look);

}  // namespace smslab::store
