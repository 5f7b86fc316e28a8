// ContentTransfer (CTM): brings one version of a package from the first distribution point that can give it.
//
//   ContentTransferResult got = ctm.run({.job = ..., .package = "LON00001", .version = "1", ...}, observer);
//
// Asks for locations, then tries them in the MP's order with one DTS job each. Writes ContentTransferManager.log
// (facts: protocol 8.2). Nothing waits: no location is a result. One thread.
#pragma once

#include <functional>
#include <string>

#include "proto/client/data_transfer.h"
#include "proto/client/location_services.h"

namespace smslab::client {

struct ContentTransferJob {
  std::string job;  // GUID
  std::string package, version;
  std::string folder;      // of the partial content
  std::string shown_as;    // the destination as the emulated computer names it
  bool has_files = false;  // policy says that there is something in it
};

struct ContentTransferResult {
  bool no_location = false;  // no DP has this version
  bool stalled = false;      // the last one's job hangs, without an end
  Outcome outcome;
  std::string location;  // URL that gave the content, or failed last
  Listing listing;
  uint64_t received = 0;
};

class ContentTransfer {
 public:
  struct Observer {
    std::function<void()> on_locations, on_started;
  };

  ContentTransfer(Host& host, LocationServices& locations, DataTransfer& dts);
  ContentTransferResult run(const ContentTransferJob& job, const Observer& observer);

 private:
  Host& host_;
  LocationServices& locations_;
  DataTransfer& dts_;
  const Log& log_;
};

}  // namespace smslab::client
