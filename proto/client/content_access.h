// ContentAccess (CAS): the package cache: finds content in it, has it downloaded, checks its hash, or finds the share
// to run it from.
//
//   ContentResult got = cas.download({.package = "LON00001", .version = "1", .size_kb = 12916, .hash = sha1});
//   switch (got.state) { case ContentState::kAvailable: ... }
//
// The cache is <folder>/cache/<PackageID>.<version>.System; what is under way stands beside it as
// <PackageID>.<version>.partial and survives a cut. Content whose hash is wrong is discarded. CAS.log has exactly the
// lines of semantics 1.4 and 7.4, in that order. A cache with a limit keeps what was used in the last 24 hours and
// deletes the oldest of the rest when it needs the room (semantics 7.1). One thread.
#pragma once

#include <cstdint>
#include <string>

#include "proto/client/client_state.h"
#include "proto/client/content_transfer.h"
#include "proto/client/events.h"
#include "proto/schema/client_run.pb.h"

namespace smslab::client {

struct ContentRequest {
  std::string package, version;
  uint64_t size_kb = 0;  // as policy says
  std::string hash;      // expected, upper-case hex; its length tells the generation; empty: none, nothing is checked
};

// kStalled: a download that neither goes on nor ends. kTooLarge: for the whole cache. kCacheFull: of content that may
// not go yet.
enum class ContentState { kAvailable, kNoLocation, kStalled, kTooLarge, kCacheFull, kFailed };
struct ContentResult {
  ContentState state = ContentState::kFailed;
  Outcome outcome;     // of kFailed and kStalled
  std::string folder;  // where the program runs, as the emulated computer names it, with a '\' at its end
  v1::ContentRun report;
};

struct CacheOptions {
  uint64_t size_mb = 0;  // 0: without limit
  std::string path;      // of the folder, as the emulated computer names it; "" for the agent's default
};

class ContentAccess {
 public:
  ContentAccess(Host& host, ClientState& state, LocationServices& locations, ContentTransfer& ctm, Events& events,
                CacheOptions options);

  uint64_t cache_mb() const { return options_.size_mb; }
  uint64_t free_kb() const;  // of a cache with a limit

  ContentResult download(const ContentRequest& request);
  // Run from the distribution point: only asks where the share is. No download, no hash, no event.
  ContentResult locate(const ContentRequest& request);

 private:
  // Of the downloaded bytes, over the listed names.
  Result<std::string> hash_of(const Listing& listing, const std::string& content, size_t hash_digits) const;
  void release(const std::string& request, const std::string& content, std::string_view end);
  ContentResult fail(const ContentRequest& request, const std::string& id, Outcome outcome, ContentResult result);

  // Room for the content, by deleting what is no longer kept; kAvailable, kTooLarge or kCacheFull.
  Result<ContentState> make_room(const ContentRequest& request);
  Status remember(const ContentRequest& request);

  Host& host_;
  ClientState& state_;
  LocationServices& locations_;
  ContentTransfer& ctm_;
  Events& events_;
  const CacheOptions options_;
  const Log& log_;
};

}  // namespace smslab::client
