// Admin: looks after one package of the soak, one thing after the other: makes it, updates, refreshes, distributes,
// removes and deletes it, puts faults on it and takes them away. Waits until each thing is done, also when the lab is
// killed meanwhile, and then compares what the site said with what it has to say (ladder.h). An order that a kill left
// without an answer was carried out as a whole or not at all.
//
// One thread each. Failures are the test's.
#pragma once

#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "proto/control/client.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/fault.pb.h"
#include "tests/e2e/soak/counts.h"
#include "tests/e2e/soak/ladder.h"
#include "tests/e2e/soak/server.h"
#include "tests/e2e/soak/truth.h"

namespace smslab::test::soak {

class Admin {
 public:
  // A still package is never updated, removed or deleted, so that a client can always be asked to install it.
  Admin(Server& server, Truth& truth, Counts& counts, uint64_t seed, bool still = false);

  void begin();  // makes the package, on all DPs
  void work();   // until the time is over; what is under way is brought to its end, and no fault is left

 private:
  using Dps = std::vector<std::string>;
  enum class Done { kYes, kNo, kRefused };

  // ---- one thing
  void one();
  void create();
  void update();
  bool order_update();
  bool refresh(const Dps& dps);  // false: not carried out
  void distribute(const Dps& dps);
  void remove(const Dps& dps);
  void remove_whole();
  void fill_disk();
  void fault();
  void expect_foretold(const Fault& fault, const v1::FaultRule& made);

  // ---- how it is done
  // `took`: whether the order was carried out, by what the site's record says; asked when no answer came.
  using Took = std::function<bool(const Status& shown, const v1::Package& now)>;
  Done order(const std::string& what, const std::string& method, const std::string& target,
             const google::protobuf::Message* body, google::protobuf::Message* reply, const Took& took);
  // Calls until it is answered, by whichever life; for what can be done twice.
  Status ask(const std::string& method, const std::string& target, const google::protobuf::Message* body,
             google::protobuf::Message* reply);
  // Until `is_so`; a deleted package counts as one without anything.
  v1::Package wait(const std::string& what, const std::function<bool(const v1::Package&)>& is_so);
  v1::Package wait_settled(const std::string& what);
  void expect_said(const std::string& what, const Ladders& expected);
  void expect_installed(const std::string& what, const v1::Package& now, const Dps& there);
  std::string add_rule(const v1::FaultRule& rule, v1::FaultRule* made);  // its ID
  void clear_rule(const std::string& id);
  v1::FaultRule my_rule();  // without an ID: there is none

  std::string path(const std::string& verb = {}) const;
  std::string source() const;
  uint64_t put_source();  // under a new label
  Dps some(const std::set<std::string>& of);
  Dps assigned() const { return {assigned_.begin(), assigned_.end()}; }
  uint64_t draw(uint64_t below) { return random_() % below; }

  Server& server_;
  Truth& truth_;
  Counts& counts_;
  const bool still_;
  std::mt19937_64 random_;
  control::HttpClient http_;
  std::set<std::string> all_, assigned_;
  uint32_t version_ = 0;  // 0: there is no package
  uint64_t seen_ = 0;     // last status message
};

}  // namespace smslab::test::soak
