// Truth: what is so of one package, as whoever changes it says it, for whoever reads it meanwhile.
//
//   const Truth::View before = truth.view(dp);           // then ask, then
//   const Truth::View after = truth.view(dp);
//   truth.may_be(before, after, label)                   // the DP may have said this at some time between the two
//
// A DP serves what it was sent last until it has the next whole. So what it serves now is no older than what anybody
// has seen there, and no newer than what was ordered. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proto/base/mutex.h"
#include "tests/e2e/soak/content.h"

namespace smslab::test::soak {

using Steady = std::chrono::steady_clock::time_point;

// A fault that may meet whoever asks for a file, from before it was ordered until after it was taken away.
struct Fault {
  enum Kind { kDamage, kWire, kStatus, kCut, kMissing, kSwap };
  Kind kind = kStatus;
  std::string dp = {}, file = {};
  uint64_t offset = 0, length = 0;  // of kDamage and kWire; kCut lets `offset` bytes through
  int status = 0;                   // of kStatus
  std::string other = {};           // of kSwap: the file that comes instead
  Steady begun = {};
  Steady ended = Steady::max();
};

class Truth {
 public:
  enum class Presence { kUnknown, kOn, kOff };
  struct View {
    uint64_t least = 0;      // label that has been seen there
    uint64_t most = 0;       // label that has been ordered
    uint64_t installed = 0;  // label that the site says the DP has; 0: none, not known, or something is on its way
    uint64_t orders = 0;     // for this DP
    Presence presence = Presence::kUnknown;
    uint64_t epoch = 0;    // rises when it goes there and goes away
    uint32_t version = 0;  // the site's current one, and its label; 0: none
    uint64_t label = 0;
  };

  // An honest one is never under a fault.
  Truth(std::string id, bool honest) : id_(std::move(id)), honest_(honest) {}
  const std::string& id() const { return id_; }
  bool honest() const { return honest_; }

  View view(const std::string& dp) const;
  static bool may_be(const View& before, const View& after, uint64_t label) {
    return label >= before.least && label <= after.most;
  }
  // It was there, and stayed; it was not there, and did not come.
  static bool on(const View& before, const View& after) { return stayed(before, after, Presence::kOn); }
  static bool off(const View& before, const View& after) { return stayed(before, after, Presence::kOff); }
  // The site's management point has to name it for this label, the current one.
  static bool offered(const View& before, const View& after, uint64_t label) {
    return on(before, after) && before.installed == label && before.orders == after.orders && after.most == label;
  }
  // Whole and undamaged, by whoever asked.
  void saw(const std::string& dp, uint64_t label);

  // ---- for the one who changes it
  uint64_t next_label();                        // which may be served from now on
  void made(uint32_t version, uint64_t label);  // by the site
  void not_made(uint64_t label);                // and will never be served
  void deleted();
  void ordered(const std::string& dp);  // the site is to send it there (again)
  void moving(const std::string& dp);   // to a DP that has it not, or away
  void settled(const std::string& dp, bool there);
  // The labels that the site keeps: of the current version and five before it.
  std::vector<uint64_t> kept() const;
  uint64_t label() const;  // of the current version; 0: there is none

  // ---- faults
  size_t begin_fault(Fault fault);  // a number for:
  void end_fault(size_t number);
  std::vector<Fault> faults(Steady from, Steady until, const std::string& dp, const std::string& file) const;

 private:
  struct Dp {
    uint64_t least = 0, installed = 0, orders = 0, epoch = 0;
    Presence presence = Presence::kOff;
  };
  static bool stayed(const View& before, const View& after, Presence presence) {
    return before.presence == presence && after.presence == presence && before.epoch == after.epoch;
  }

  const std::string id_;
  const bool honest_;
  mutable Mutex mu_;
  uint64_t last_label_ GUARDED_BY(mu_) = 0, most_ GUARDED_BY(mu_) = 0;
  std::map<uint32_t, uint64_t> versions_ GUARDED_BY(mu_);  // with their labels
  std::map<std::string, Dp> dps_ GUARDED_BY(mu_);
  std::map<size_t, Fault> faults_ GUARDED_BY(mu_);
  size_t last_fault_ GUARDED_BY(mu_) = 0;
};

}  // namespace smslab::test::soak
