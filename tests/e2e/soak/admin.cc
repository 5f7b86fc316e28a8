#include "tests/e2e/soak/admin.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "proto/base/digest.h"
#include "proto/codec/json.h"
#include "tests/e2e/soak/fault_kinds.h"
#include "tests/support/http_probe.h"

namespace smslab::test::soak {
namespace {
using State = v1::PackageDp;
constexpr std::chrono::minutes kPatience{3};  // for anything to be done, on a machine that does everything at once

const State* row(const v1::Package& package, const std::string& dp) {
  for (const auto& each : package.dps()) {
    if (each.dp() == dp) return &each;
  }
  return nullptr;
}
uint64_t orders(const v1::Package& package, const std::string& dp) {
  const State* found = row(package, dp);
  return found == nullptr ? 0 : found->asked();
}
v1::DpSelection selection(const std::vector<std::string>& dps) {
  v1::DpSelection all;
  for (const auto& dp : dps) all.add_dps(dp);
  return all;
}
bool is_settled(const v1::Package& package) {
  return !package.pass_open() && !package.deleting() &&
         std::all_of(package.dps().begin(), package.dps().end(),
                     [](const State& dp) { return dp.state() == State::INSTALLED; });
}
}  // namespace

Admin::Admin(Server& server, Truth& truth, Counts& counts, uint64_t seed, bool still)
    : server_(server),
      truth_(truth),
      counts_(counts),
      still_(still),
      random_(seed),
      http_({.base = server.control(), .token = {}, .bind = {}, .timeout = std::chrono::minutes(3)}) {
  for (const auto& [dp, at] : server.dps()) all_.insert(dp);
}

std::string Admin::path(const std::string& verb) const {
  return "/api/v1/packages/" + truth_.id() + (verb.empty() ? "" : "/" + verb);
}
std::string Admin::source() const { return server_.folder() + "/sources/" + truth_.id(); }

uint64_t Admin::put_source() {
  const uint64_t label = truth_.next_label();
  for (const File& file : files()) write(source() + "/" + file.path, content(truth_.id(), label, file));
  return label;
}

Admin::Dps Admin::some(const std::set<std::string>& of) {
  Dps chosen(of.begin(), of.end());
  std::shuffle(chosen.begin(), chosen.end(), random_);
  chosen.resize(1 + draw(chosen.size()));
  return chosen;
}

// ---- one thing

void Admin::begin() {
  create();
  distribute({all_.begin(), all_.end()});
}

void Admin::work() {
  while (server_.wait_up() != 0 && !testing::Test::HasFailure()) {
    one();
    server_.pause(std::chrono::milliseconds(draw(300)));
  }
}

void Admin::one() {
  if (version_ == 0) return create();
  if (assigned_.empty()) return distribute(some(all_));
  if (still_) {  // a DP under way is not offered, and clients need one
    refresh(some({assigned_.begin(), std::prev(assigned_.end())}));
    return;
  }
  if (!truth_.honest() && draw(2) == 0) return draw(5) == 0 ? fill_disk() : fault();
  const uint64_t what = draw(20);
  std::set<std::string> free;
  std::set_difference(all_.begin(), all_.end(), assigned_.begin(), assigned_.end(), std::inserter(free, free.end()));
  if (what < 7) return update();
  if (what < 12) {
    refresh(some(assigned_));
    return;
  }
  if (what < 15) return free.empty() ? update() : distribute(some(free));
  if (what < 18) return remove(some(assigned_));
  return what == 18 ? remove_whole() : update();
}

void Admin::create() {
  const uint64_t label = put_source();
  v1::Package package;
  package.set_id(truth_.id());
  package.set_name("Soaked " + truth_.id());
  package.set_source(source());
  v1::Program& program = *package.add_programs();
  program.set_name("Setup");
  program.set_command_line("setup.exe");
  const Done done = order("create", "POST", "/api/v1/packages", &package, nullptr,
                          [](const Status& shown, const v1::Package&) { return shown.ok(); });
  if (done != Done::kYes) {
    truth_.not_made(label);
    expect_said("a create that was not carried out", {});
    return;
  }
  version_ = 1;
  truth_.made(version_, label);
  counts_.imports++;
  wait_settled("create");
  expect_said("create", ladders("30000 30003 2300 2311 2301", {}, ""));
}

// Whether the next version was made.
bool Admin::order_update() {
  for (const auto& dp : assigned_) truth_.ordered(dp);
  const uint64_t label = put_source();
  const Done done =
      order("update", "POST", path("update"), nullptr, nullptr,
            [&](const Status& shown, const v1::Package& now) { return shown.ok() && now.source_version() > version_; });
  if (done != Done::kYes) {
    truth_.not_made(label);
    return false;
  }
  truth_.made(++version_, label);
  return true;
}

void Admin::update() {
  if (!order_update()) return expect_said("an update that was not carried out", {});
  counts_.updates++;
  const v1::Package now = wait_settled("update");
  expect_said("update", ladders("2300 2311 2301", assigned(), kCopied));
  expect_installed("update", now, assigned());
}

bool Admin::refresh(const Dps& dps) {
  for (const auto& dp : dps) truth_.ordered(dp);
  const auto chosen = selection(dps);
  v1::Package before;
  EXPECT_TRUE(ask("GET", path(), nullptr, &before).ok()) << truth_.id();
  const Done done =
      order("refresh", "POST", path("refresh"), &chosen, nullptr, [&](const Status& shown, const v1::Package& now) {
        return shown.ok() && orders(now, dps.front()) > orders(before, dps.front());
      });
  if (done != Done::kYes) {
    expect_said("a refresh that was not carried out", {});
    return false;
  }
  counts_.refreshes++;
  const v1::Package now = wait_settled("refresh");
  expect_said("refresh", ladders("2300 2301", dps, kCopied));
  expect_installed("refresh", now, dps);
  return true;
}

void Admin::distribute(const Dps& dps) {
  for (const auto& dp : dps) truth_.moving(dp);
  const auto chosen = selection(dps);
  const Done done = order(
      "distribute", "POST", path("distribute"), &chosen, nullptr,
      [&](const Status& shown, const v1::Package& now) { return shown.ok() && row(now, dps.front()) != nullptr; });
  if (done != Done::kYes) {
    for (const auto& dp : dps) truth_.settled(dp, false);
    return expect_said("a distribution that was not carried out", {});
  }
  assigned_.insert(dps.begin(), dps.end());
  counts_.distributions++;
  const v1::Package now = wait_settled("distribute");
  expect_said("distribute", ladders("2300 2301", dps, std::string("30009 ") + kCopied));
  expect_installed("distribute", now, dps);
}

void Admin::remove(const Dps& dps) {
  for (const auto& dp : dps) truth_.moving(dp);
  const auto chosen = selection(dps);
  const Done done =
      order("remove", "POST", path("remove"), &chosen, nullptr, [&](const Status& shown, const v1::Package& now) {
        const State* left = shown.ok() ? row(now, dps.front()) : nullptr;
        return left == nullptr || left->state() >= State::REMOVAL_PENDING;
      });
  const v1::Package now = wait_settled("remove");
  for (const auto& dp : dps) truth_.settled(dp, done != Done::kYes);
  if (done != Done::kYes) return expect_said("a removal that was not carried out", {});
  for (const auto& dp : dps) {
    assigned_.erase(dp);
    EXPECT_EQ(row(now, dp), nullptr) << truth_.id() << " is still on " << dp;
  }
  counts_.removals++;
  expect_said("remove", ladders("2300 2301", dps, "30011"));
}

void Admin::remove_whole() {
  for (const auto& dp : assigned_) truth_.moving(dp);
  const Done done = order("delete", "DELETE", path(), nullptr, nullptr,
                          [](const Status& shown, const v1::Package& now) { return !shown.ok() || now.deleting(); });
  if (done != Done::kYes) {
    for (const auto& dp : assigned_) truth_.settled(dp, true);
    return expect_said("a deletion that was not carried out", {});
  }
  const v1::Package now = wait("delete", [](const v1::Package& package) { return package.id().empty(); });
  EXPECT_EQ(now.id(), "");
  for (const auto& dp : assigned_) truth_.settled(dp, false);
  truth_.deleted();
  assigned_.clear();
  version_ = 0;
  counts_.deletions++;
  expect_said("delete", ladders("30002 30005 2300 2301", {}, ""));
}

// ---- faults

// An update that does not fit on one DP, which a refresh makes good when there is room again.
void Admin::fill_disk() {
  const std::string full = some(assigned_).front();
  v1::FaultRule rule, made;
  rule.mutable_match()->set_dp(full);
  rule.mutable_match()->set_package(truth_.id());
  rule.mutable_no_space();
  const std::string id = add_rule(rule, &made);
  if (!order_update()) {
    clear_rule(id);
    return expect_said("an update that was not carried out", {});
  }
  const v1::Package now = wait("an update without room on " + full, [&](const v1::Package& package) {
    return !package.pass_open() && std::all_of(package.dps().begin(), package.dps().end(), [&](const State& dp) {
      return dp.state() == (dp.dp() == full ? State::INSTALL_RETRYING : State::INSTALLED);
    });
  });
  Ladders expected = ladders("2300 2311 2302", assigned(), kCopied);
  expected[full] = "2342 2328";
  expect_said("an update without room on " + full, expected);
  clear_rule(id);
  counts_.full_disks++;
  while (!refresh({full}) && !testing::Test::HasFailure()) {  // a kill may have come before it was written down
  }
}

void Admin::fault() {
  const FaultKind& kind = fault_kinds()[draw(fault_kinds().size())];
  const File& file = files()[draw(files().size())];
  Fault fault = kind.make(file, random_);
  fault.dp = some(assigned_).front();
  v1::FaultRule made;
  const size_t number = truth_.begin_fault(fault);
  const std::string id = add_rule(rule_of(fault, truth_.id()), &made);
  counts_.faults++;
  if (fault.kind == Fault::kDamage && !made.id().empty()) expect_foretold(fault, made);
  server_.pause(std::chrono::milliseconds(200 + draw(1500)));
  // Whatever heals damage does it for good; the others are there until they are taken away.
  if (draw(2) == 0) refresh({fault.dp});
  clear_rule(id);
  truth_.end_fault(number);
}

// Damage at rest: the lab said what a client will get.
void Admin::expect_foretold(const Fault& fault, const v1::FaultRule& made) {
  EXPECT_EQ(made.foretold().first_wrong_offset(), fault.offset) << truth_.id() << " " << fault.file;
  const uint64_t life = server_.wait_alive();
  HttpProbe probe(server_.dps().at(fault.dp));
  const auto reply = probe.ask("GET", "/SMS_DP_SMSPKGC$/" + truth_.id() + "/" + percent_encode_path(fault.file));
  if (server_.life() != life) return;
  EXPECT_EQ(reply.status, 200) << truth_.id() << " " << fault.file;
  EXPECT_EQ(digest_hex(Algorithm::kSha256, reply.body), made.foretold().file().sha256())
      << truth_.id() << " " << fault.file;
}

std::string Admin::add_rule(const v1::FaultRule& rule, v1::FaultRule* made) {
  while (true) {
    const uint64_t life = server_.wait_alive();
    const Status added = http_.call("POST", "/api/v1/faults", &rule, made);
    if (added.ok()) return made->id();
    if (added.code() != Code::kUnavailable || server_.life() == life) {
      ADD_FAILURE() << truth_.id() << ": fault " << codec::to_json(rule) << ": " << added.to_string();
      return "";
    }
    counts_.unanswered++;
    // Damage that was never done is taken back by the next start, some time after it.
    v1::FaultRule found = my_rule();
    const auto unfinished = [&] {
      return found.has_corrupt() && found.corrupt().where() == v1::Corrupt::STORE && !found.has_foretold();
    };
    while (unfinished() && !testing::Test::HasFailure()) {
      server_.pause(std::chrono::milliseconds(20));
      found = my_rule();
    }
    if (!found.id().empty()) return found.id();
  }
}

void Admin::clear_rule(const std::string& id) {
  while (true) {
    const uint64_t life = server_.wait_alive();
    const Status gone = http_.call("DELETE", "/api/v1/faults/" + id, nullptr, nullptr);
    if (gone.ok()) break;
    if (gone.code() != Code::kUnavailable || server_.life() == life) {
      ADD_FAILURE() << truth_.id() << ": fault " << id << " cannot be taken away: " << gone.to_string();
      return;
    }
    counts_.unanswered++;
    if (my_rule().id().empty()) break;
  }
  EXPECT_EQ(my_rule().id(), "") << truth_.id();
}

v1::FaultRule Admin::my_rule() {
  v1::FaultList all;
  EXPECT_TRUE(ask("GET", "/api/v1/faults", nullptr, &all).ok());
  for (const auto& rule : all.faults()) {
    if (rule.match().package() == truth_.id()) return rule;
  }
  return {};
}

// ---- how it is done

Status Admin::ask(const std::string& method, const std::string& target, const google::protobuf::Message* body,
                  google::protobuf::Message* reply) {
  while (true) {
    const uint64_t life = server_.wait_alive();
    const Status done = http_.call(method, target, body, reply);
    if (done.code() != Code::kUnavailable || server_.life() == life) return done;
  }
}

Admin::Done Admin::order(const std::string& what, const std::string& method, const std::string& target,
                         const google::protobuf::Message* body, google::protobuf::Message* reply, const Took& took) {
  const uint64_t life = server_.wait_alive();
  const Status done = http_.call(method, target, body, reply);
  if (done.ok()) return Done::kYes;
  if (done.code() != Code::kUnavailable || server_.life() == life) {
    ADD_FAILURE() << truth_.id() << ": " << what << ": " << done.to_string();
    return Done::kRefused;
  }
  counts_.unanswered++;
  v1::Package now;
  const Status shown = ask("GET", path(), nullptr, &now);
  EXPECT_TRUE(shown.ok() || shown.code() == Code::kNotFound) << truth_.id() << ": " << shown.to_string();
  return took(shown, now) ? Done::kYes : Done::kNo;
}

v1::Package Admin::wait(const std::string& what, const std::function<bool(const v1::Package&)>& is_so) {
  const Steady until = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    v1::Package package;
    const Status asked = ask("GET", path() + "?wait_ms=1000", nullptr, &package);
    if (asked.code() == Code::kNotFound) package.Clear();
    if ((asked.ok() || asked.code() == Code::kNotFound) && is_so(package)) return package;
    if (std::chrono::steady_clock::now() > until || testing::Test::HasFailure()) {
      ADD_FAILURE() << truth_.id() << ": " << what << " does not come to its end: " << asked.to_string() << "\n"
                    << codec::to_json(package);
      return package;
    }
  }
}

v1::Package Admin::wait_settled(const std::string& what) { return wait(what, is_settled); }

void Admin::expect_said(const std::string& what, const Ladders& expected) {
  v1::StatusMessageList list;
  const Status asked =
      ask("GET", "/api/v1/status-messages?package=" + truth_.id() + "&after=" + std::to_string(seen_), nullptr, &list);
  EXPECT_TRUE(asked.ok()) << asked.to_string();
  if (!list.status_messages().empty()) seen_ = list.status_messages().rbegin()->id();
  EXPECT_EQ(to_string(ladders_of(list)), to_string(expected)) << truth_.id() << ": " << what;
  if (!expected.empty()) counts_.ladders++;
}

// The site's record of each, which clients may rely on from here on.
void Admin::expect_installed(const std::string& what, const v1::Package& now, const Dps& there) {
  EXPECT_EQ(now.source_version(), version_) << truth_.id() << ": " << what;
  EXPECT_EQ(now.hash().sha1(), package_sha1(truth_.id(), truth_.label())) << truth_.id() << ": " << what;
  EXPECT_EQ(static_cast<size_t>(now.dps_size()), assigned_.size()) << truth_.id() << ": " << what;
  for (const auto& dp : there) {
    const State* found = row(now, dp);
    EXPECT_TRUE(found != nullptr && found->state() == State::INSTALLED && found->version() == version_)
        << truth_.id() << " on " << dp << ": " << what << "\n"
        << codec::to_json(now);
    truth_.settled(dp, true);
  }
}

}  // namespace smslab::test::soak
