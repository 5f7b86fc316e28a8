// DataTransfer (DTS): jobs that bring files from a URL to the disk: a policy body, or a package's whole tree.
//
//   TreeTransfer got = dts.transfer_tree({.job = host.guid("DTS job"), .url = root, .folder = partial, ...});
//   if (!got.outcome.ok()) ...                  // what came stays in the folder, for the next location or run
//
// Writes DataTransferService.log with the result block of semantics 1.5, and what BITS says in Windows' event log into
// System.log. With BITS disabled every job ends in 0x80070422. A DP that cannot be reached is tried once more
// (semantics 4.5). A listing is limited to 64 MiB. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/client/bits.h"
#include "proto/client/host.h"
#include "proto/client/listing.h"

namespace smslab::client {

struct TransferOptions {
  bool bits = true;
  uint64_t block_bytes = uint64_t{4} << 20;  // of one ranged GET
};

struct TransferJob {
  std::string job;         // GUID that the log knows it by
  std::string url;         // of the file, or of the content root
  std::string path;        // the file, or the folder of the partial content (partial_content.h)
  std::string shown_as;    // the destination as the emulated computer names it
  bool has_files = false;  // the policy says that there is something in it
};

struct TreeTransfer {
  Outcome outcome;
  bool stalled = false;  // BITS gave up a file that is not there, and nobody told SMS: the job just stays
  Listing listing;
  uint64_t received = 0;  // bytes over the wire
};

class DataTransfer {
 public:
  DataTransfer(Host& host, TransferOptions options);

  Outcome transfer_file(const TransferJob& job, uint64_t limit);
  TreeTransfer transfer_tree(const TransferJob& job);

 private:
  Outcome list_tree(control::HttpClient& http, const std::string& url, const std::string& root, Listing* listing);
  Outcome fetch_tree(control::HttpClient& http, const TransferJob& job, TreeTransfer* transfer);
  // One file of it, begun again a few times where it is not found.
  Outcome fetch_file(control::HttpClient& http, const TransferJob& job, const BitsFile& file, const std::string& shown,
                     const std::function<void()>& progress, uint64_t* received);
  void tell_system(const Outcome& outcome);
  void enter(const std::string& job, std::string_view state);
  void finish(const std::string& job, LabTime start, const Outcome& outcome);

  Host& host_;
  const TransferOptions options_;
  const Log& log_;
  const Bits bits_;
};

}  // namespace smslab::client
