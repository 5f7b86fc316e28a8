// KindsLab: a site and a distribution point of any size in one process, asked without sockets.
//
//   KindsLab lab(folder, {.packages = 100'000});      // made, in batches, through the stores' own commits
//   double us = lab.ask(Asked::kLocation, 400);       // of processor time a request
//
// A request takes the way that it takes behind a socket: router, handler, and what the rules in force make of the
// reply. It is right, or the program ends. Each client that asks is in a collection of its own kind and the target of
// one advert; all other adverts, packages and rules are about others. A program's own; one thread.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "dp/distribution_point.h"
#include "mp/dps.h"
#include "mp/site.h"
#include "proto/base/lab_timers.h"
#include "proto/fault/injector.h"
#include "proto/wire/router.h"

namespace smslab::bench {

struct LabSize {
  int packages = 10;
  int versions = 1;  // that each package has had; the site keeps the last six, the DP the last
  int clients = 10;
  int adverts = 10;
  int rules = 10;
  int asked = 10;  // of each kind, over and over; they lie all over the others
};

enum class Asked { kPolicy, kBody, kLocation, kGet, kListing };
struct AskedRow {
  Asked asked;
  const char* name;
  int requests;  // a round: few, so that a disturbance spoils few rounds
};
inline constexpr std::array kAsked = {AskedRow{Asked::kPolicy, "policy", 100}, AskedRow{Asked::kBody, "body", 1000},
                                      AskedRow{Asked::kLocation, "location", 100}, AskedRow{Asked::kGet, "get", 1000},
                                      AskedRow{Asked::kListing, "listing", 100}};

class KindsLab {
 public:
  KindsLab(std::string folder, const LabSize& size);
  ~KindsLab();

  double ask(Asked what, int requests);  // microseconds a request, of the processor

 private:
  struct Way {  // of requests to one listener
    const wire::Router& router;
    fault::RuleInjector injector;
  };
  void fill_site();
  void put_model();
  void put_rules();
  void fill_dp();
  std::vector<wire::Request> requests(Asked what) const;
  wire::Reply answer(Asked what, const wire::Request& request);

  const std::string folder_;
  const LabSize size_;
  LabClock clock_{system_time_source(), LabClock::Wall{}};
  LabTimers timers_{clock_};
  mp::DpDirectory dps_;
  std::unique_ptr<store::Store> store_;
  mp::Site site_;
  wire::Router mp_router_;
  std::unique_ptr<dp::DistributionPoint> dp_;
  std::unique_ptr<Way> mp_way_, dp_way_;
  std::array<std::vector<wire::Request>, kAsked.size()> requests_;
  std::array<size_t, kAsked.size()> next_ = {};
};

// Seconds that the program's threads have had of the processor: what else the machine does is no part of them.
double processor_seconds();

// The same lab opened anew, as `serve` opens it; milliseconds of the processor.
struct Started {
  double first_reply = 0;  // until the management point and the distribution point have each answered a request
  double settled = 0;      // until the site has compared what the DP holds with what it should
};
Started start_again(const std::string& folder, const LabSize& size);

}  // namespace smslab::bench
