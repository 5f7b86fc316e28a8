// Import: a folder becomes the next version of a package.
//
//   ASSIGN_OR_RETURN(Snapshot snapshot, import_folder(env, blobs, {"LON00001", 1, "/srv/source"}, progress));
//   committer.commit([&](WriteTxn& txn) { return snapshot.publish(txn, blobs); });
//
// Any depth, empty files and folders, files of any size; one pass for all digests, constant memory. Refused, with the
// path named and nothing left behind: names that NTFS cannot have or that differ only in case (names.h), links to
// folders, links that lead out of the source, what is neither file nor folder. So is a file that another program has
// locked for itself (kAborted). An error of the source has the field `source`; others are the store's own. Of several
// errors it is the one of the first file in the manifest's order. Runs on a thread that may block, and `threads` - 1
// more.
#pragma once

#include <memory>
#include <string>

#include "proto/base/env.h"
#include "proto/schema/content.pb.h"
#include "store/blobs.h"

namespace smslab::store {

struct ImportRequest {
  std::string package_id;
  uint32_t version = 1;
  std::string source;    // absolute path
  unsigned threads = 1;  // that read files at the same time
  // The version before, if any: a file that is as large as there is probably the same, and is not written again when
  // it is.
  const v1::Manifest* before = nullptr;
};

unsigned usual_import_threads();  // what this machine is good for

struct Snapshot {
  v1::Manifest manifest;
  std::unique_ptr<Staging> staging;  // durable already

  // Blobs, references and the manifest record, in one change.
  Status publish(WriteTxn& txn, Blobs& blobs) const;
};

Result<Snapshot> import_folder(Env& env, Blobs& blobs, const ImportRequest& request,
                               const Staging::Progress& progress = {});

}  // namespace smslab::store
