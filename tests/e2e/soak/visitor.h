// Visitor: a client of the soak, with an address of its own. Connects to a distribution point or the management point,
// asks some things, leaves, and holds every answer against what may be true (truth.h): no byte that is not of one
// version, none of a version that was not current meanwhile, no package that is not there, none missing that is.
//
// One thread each. Failures are the test's.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/e2e/soak/counts.h"
#include "tests/e2e/soak/fault_kinds.h"
#include "tests/e2e/soak/server.h"
#include "tests/e2e/soak/truth.h"
#include "tests/support/http_probe.h"

namespace smslab::test::soak {

class Visitor {
 public:
  using Truths = std::vector<std::unique_ptr<Truth>>;
  Visitor(Server& server, const Truths& truths, Counts& counts, int number, uint64_t seed);

  void work();  // until the time is over

 private:
  // A question, with what was true before it and after its answer.
  struct Question {
    const std::string target, fields;
    Truth::View before = {}, after = {};
    Steady begun = {}, ended = {};
    Got got = {};
  };

  // ---- at a distribution point
  void visit_dp();
  void get(const File& file);
  void get_in_two(const File& file);
  void get_if_changed(const File& file);
  void get_version(const File& file);
  void head(const File& file);
  void list();
  void leave_early();
  // ---- at the management point
  void visit_mp();
  void list_mps();
  void locate();

  bool connect(const HostPort& to);  // false: the time is over, or the lab is dying
  // False when there is nothing to judge: a kill cut it off.
  bool ask(std::string_view method, Question& question, std::string_view body = {});
  // Whether a 404 is in order, of a question that got one.
  void judge_absent(const Question& question);
  bool judge_body(const Question& question, const File& file);  // of a 200; the label is noted
  void judge_other(const Question& question, const File& file);
  bool explained(const Question& question, const File& file) const;
  void wrong(const Question& question, const std::string& why) const;

  std::string target(const File& file, const std::string& version = {}) const;
  uint64_t draw(uint64_t below) { return random_() % below; }

  Server& server_;
  const Truths& truths_;
  Counts& counts_;
  const std::string name_, address_;
  std::mt19937_64 random_;
  // of the visit
  std::unique_ptr<HttpProbe> probe_;
  uint64_t life_ = 0;
  std::string dp_;
  Truth* truth_ = nullptr;
  bool broken_ = false;  // the connection is of no more use
};

}  // namespace smslab::test::soak
