// Receiver: content coming from the site (facts: semantics 3.2, moves on D[i]).
//
//   offer -> which contents are missing; put each; commit -> the version is served. Or remove.
//
// What has arrived waits in one staging until a commit wants it; a commit that fails leaves it for the next try. Only a
// full disk (kNoSpace) takes it away, so that there is room again for what fits.
// Clients see the old version or the new one, never a part. Thread-safe; calls block on the disk.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dp/contents.h"
#include "dp/room.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mutex.h"
#include "proto/schema/control.pb.h"
#include "store/store.h"

namespace smslab::dp {

class Receiver {
 public:
  Receiver(store::Store& store, Contents& contents, const Clock& clock, const Log& log, RoomFor room_for = nullptr)
      : store_(store), contents_(contents), clock_(clock), log_(log), room_for_(std::move(room_for)) {}

  // kNoSpace when what is missing does not fit on the disk, by its size and a little for the bookkeeping.
  Result<v1::OfferReply> offer(const v1::Offer& offer);

  // One content of `size` bytes, streamed: `read` hands each piece on, to the last. kDataLoss when the bytes are not
  // those of `sha256`, kNoSpace when the disk is full; then nothing is kept.
  using Sink = std::function<Status(std::string_view piece)>;
  Status put(const std::string& sha256, uint64_t size, const std::function<Status(const Sink&)>& read);

  // kFailedPrecondition when contents are missing. What is installed already, and is not to be overwritten, stays as it
  // is; any other commit takes the package's damage away. One that overwrites reads what is there already: contents
  // that a disk has spoilt are missing too.
  Result<v1::CommitReply> commit(const v1::Commit& commit);

  // Absent is fine, and so is a content that is newer than the generation named.
  Result<v1::RemovalReply> remove(const v1::Removal& removal);

 private:
  Result<std::shared_ptr<store::Staging>> staging();
  void give_up(const std::shared_ptr<store::Staging>& staged);  // whoever uses it goes on to its end
  Status check_space(const v1::Manifest& manifest, const std::vector<std::string>& absent,
                     const std::optional<Room>& room) const;
  // The room of what is offered is that offer's from now on; nullopt: all there is.
  void ration(const std::vector<std::string>& absent, const std::optional<Room>& room);
  using Ration = std::shared_ptr<std::atomic<int64_t>>;  // bytes left, of all contents of one offer
  Ration ration_of(const std::string& sha256);
  Status look_through(const v1::Manifest& manifest, const store::Staging& staging);
  void let_go(const std::shared_ptr<store::Staging>& staged);  // when nobody needs it any more
  Result<std::vector<std::string>> missing(const v1::Manifest& manifest, const store::Staging& staging) const;

  store::Store& store_;
  Contents& contents_;
  const Clock& clock_;
  const Log& log_;
  const RoomFor room_for_;
  // One commit at a time: a staging has one user. Held over the disk; neither readers nor put() want it.
  Mutex committing_;
  Mutex mu_;
  std::shared_ptr<store::Staging> staging_ GUARDED_BY(mu_);
  std::map<std::string, Ration> rations_ GUARDED_BY(mu_);  // by SHA-256; empty without a fault
};

}  // namespace smslab::dp
