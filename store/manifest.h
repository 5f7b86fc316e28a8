// Manifests: what one version of a package consists of, as a record.
//
//   ASSIGN_OR_RETURN(v1::Manifest manifest, load_manifest(txn, "LON00001", 3));
//   RETURN_IF_ERROR(check_manifest(manifest));             // one that came from a peer or a disk
//   std::string digest = manifest_digest(manifest);        // names these bytes
//
// Free functions, thread-safe.
#pragma once

#include <string>

#include "proto/schema/content.pb.h"
#include "store/tables.h"

namespace smslab::store {

class Blobs;

Key manifest_key(const std::string& package_id, uint32_t version);
Result<v1::Manifest> load_manifest(const ReadTxn& txn, const std::string& package_id, uint32_t version);  // kNotFound

// Takes a manifest out, and its references with it. One that is not there is no hindrance, nor one that cannot be read:
// what that referred to stays counted until fsck counts again.
Status drop_manifest(WriteTxn& txn, Blobs& blobs, const Key& key);

// SHA-256, in hex, of the record's bytes. They are the same for the same manifest: it has no maps and no unknown
// fields.
std::string manifest_digest(const v1::Manifest& manifest);

// The package hash in each generation, from the names and digests of files and folders.
v1::Hash package_hash(const v1::Manifest& manifest);

// That a manifest means what it says: possible paths, none twice in any letter case, no file that is a folder's parent,
// whole digests, the sum of the sizes, the package hash. kDataLoss, naming the first thing wrong.
Status check_manifest(const v1::Manifest& manifest);

}  // namespace smslab::store
