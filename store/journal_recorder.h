// JournalRecorder: the Recorder of one listener, the management point's or a DP's, that writes into the journal.
//
//   JournalRecorder recorder(*journal, {.role = v1::FaultMatch::DP, .dp = "LON-DCSMS-01"}, clock, name_of);
//   gate.listen(at, router, {.recorder = &recorder});
//
// Thread-safe. `name_of` gives the computer name that belongs to an address, empty when it is not known; it must not
// block.
#pragma once

#include <functional>
#include <string>

#include "proto/base/clock.h"
#include "proto/fault/effects.h"
#include "proto/wire/recorder.h"
#include "store/journal.h"

namespace smslab::store {

class JournalRecorder final : public wire::Recorder {
 public:
  using NameOf = std::function<std::string(const std::string& address)>;

  JournalRecorder(Journal& journal, fault::Place place, const Clock& clock, NameOf name_of);

  uint64_t connected(const HostPort& peer) override;
  uint64_t asked(const wire::Asked& asked) override;
  void planned(uint64_t record, const wire::Planned& planned) override;
  void sent(uint64_t record, const wire::Sent& sent, const wire::BodyDigest& digest) override;
  void acknowledged(uint64_t record, uint64_t bytes, bool last) override;

 private:
  bool fill_texts(const wire::Asked& asked, JournalRow* row);

  Journal& journal_;
  const fault::Place place_;
  const uint64_t place_key_;
  const Clock& clock_;
  const NameOf name_of_;
};

}  // namespace smslab::store
