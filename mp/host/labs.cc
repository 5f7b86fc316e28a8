#include "mp/host/labs.h"

#include <algorithm>
#include <utility>

#include "mp/host/lab_site.h"
#include "proto/base/at_once.h"
#include "proto/base/guests.h"
#include "proto/base/uri.h"
#include "proto/codec/json.h"

namespace smslab::host {
namespace {
constexpr uint64_t kRecordBytes = uint64_t{64} << 20;
constexpr std::string_view kRecord = "/lab.json";

// Most of the time goes by in waiting for the disk, which does several such things in the time of one.
constexpr size_t kAtOnce = 16;

// A lab in this process: what the default lab has of the host, this has of its own.
struct Room {
  Room(Host& host, const LabPlan& plan, const std::string& folder)
      : clock(system_time_source(), plan.clock),
        timers(clock),
        log(stderr_log(), LogForm::kConsole, clock, "smslab[" + plan.order.name() + "]"),
        site(host, clock, timers, log, folder) {}

  LabClock clock;
  LabTimers timers;
  const Log log;
  LabSite site;
};
}  // namespace

struct Labs::Entry {
  enum class State { kMaking, kServing, kGoing, kBroken };

  explicit Entry(v1::LabOrder made_of) : order(std::move(made_of)) {}

  v1::LabOrder order;  // constant once it serves
  Status problem;      // of a broken one
  Guests requests;     // to its control API
  Guests deliveries;   // to its DPs' receiving side
  // Under Labs::mu_, but for whoever makes or deletes the lab.
  std::unique_ptr<Room> room;  // from when its DPs are there
  State state = State::kMaking;
};

Labs::Labs(Host& host, LabsOptions options)
    : host_(host), options_(std::move(options)), receiving_({.threads = 64}, host.clock(), host.log()) {
  receiving_.nest([this](const std::vector<std::string>& path) { return receiving(path); });
}

Labs::~Labs() = default;

void Labs::set_control(std::string url) {
  const MutexLock lock(mu_);
  control_ = std::move(url);
}

// ---- making

Result<v1::Lab> Labs::create(const v1::LabOrder& order, mp::Problems* problems) {
  ASSIGN_OR_RETURN(const LabPlan plan, read_order(order, problems));
  ASSIGN_OR_RETURN(const EntryPtr entry, claim(plan.order));
  Status made = host_.env().make_folders(folder(plan.order.name()));
  if (made.ok()) made = open(*entry, plan, problems);
  if (made.ok()) made = keep(*entry);
  if (!made.ok()) {
    close(*entry);
    const Status removed = host_.env().remove_tree(folder(plan.order.name()));
    if (!removed.ok()) host_.log().error("what is left of a lab that was refused: " + removed.to_string());
    forget(*entry);
    return made;
  }
  serve(*entry);
  const MutexLock lock(mu_);
  return told(*entry);
}

void Labs::serve(Entry& entry) {
  entry.room->site.mp().start();
  host_.log().info("lab " + entry.order.name() + " serves at " + http_url(entry.room->site.mp_at()));
  const MutexLock lock(mu_);
  entry.state = Entry::State::kServing;
}

Result<Labs::EntryPtr> Labs::claim(const v1::LabOrder& order) {
  const std::string& name = order.name();
  const MutexLock lock(mu_);
  if (stopping_) return Status(Code::kUnavailable, "the lab is stopping");
  const auto [at, fresh] = labs_.emplace(name, nullptr);
  if (!fresh) {
    return already_exists("there is a lab " + name + " already; delete it first, or take another name", "name");
  }
  at->second = std::make_shared<Entry>(order);
  return at->second;
}

Status Labs::open(Entry& entry, const LabPlan& plan, mp::Problems* problems) {
  const std::string& name = plan.order.name();
  mp::MpOptions options;
  options.site.site = plan.order.site();
  options.site.strict = plan.order.strict();
  options.site.own_certificate = options_.own_certificate;
  options.profile = plan.order.profile();
  options.seed = plan.order.seed();
  options.start = plan.order.scenario();
  options.waiting = options_.waiting;
  options.share_with = {host_.data() + "/site/blobs"};
  auto room = std::make_unique<Room>(host_, plan, folder(name));
  LabSite& site = room->site;
  const Status opened = site.open(std::move(options), options_.journal, plan.dps, "dps",
                                  [&](const std::string& dp, const auto&) { return receive_at(name, dp); });
  {
    const MutexLock lock(mu_);
    entry.room = std::move(room);
    if (stopping_) return {Code::kUnavailable, "the lab is stopping"};
  }
  RETURN_IF_ERROR(opened);
  if (plan.order.has_scenario()) RETURN_IF_ERROR(site.make(plan.order.scenario(), problems).status());
  return site.serve(plan.mp, "mp");
}

// The lab is there from now on, at the addresses that it has got.
Status Labs::keep(Entry& entry) {
  const LabSite& site = entry.room->site;
  v1::LabOrder& order = entry.order;
  order.set_mp(format_host_port(site.mp_at()));
  order.clear_dps();
  for (const auto& [name, at] : site.dps()) order.add_dps(name + "=" + format_host_port(at));
  const std::string kept = folder(order.name());
  RETURN_IF_ERROR(write_file(host_.env(), kept + std::string(kRecord), codec::to_json(order) + "\n"));
  return host_.env().barrier(kept);
}

void Labs::forget(const Entry& entry) {
  const MutexLock lock(mu_);
  labs_.erase(entry.order.name());
}

// ---- going

Status Labs::remove(const std::string& name) {
  EntryPtr entry;
  {
    const MutexLock lock(mu_);
    const auto found = labs_.find(name);
    if (found == labs_.end()) return not_found("there is no lab " + name, "name");
    entry = found->second;
    if (entry->state == Entry::State::kMaking || entry->state == Entry::State::kGoing || stopping_) {
      return Status(Code::kAborted, "lab " + name + " is being made or deleted", "name");
    }
    entry->state = Entry::State::kGoing;
  }
  const std::string kept = folder(name);
  Status gone = host_.env().remove_file(kept + std::string(kRecord));
  if (gone.code() == Code::kNotFound) gone = ok_status();
  if (gone.ok()) gone = host_.env().barrier(kept);
  if (!gone.ok()) {
    const MutexLock lock(mu_);
    entry->state = entry->room ? Entry::State::kServing : Entry::State::kBroken;
    return gone;
  }
  close(*entry);
  gone = host_.env().remove_tree(kept);
  if (!gone.ok()) host_.log().error("lab " + name + " is gone, its folder is not: " + gone.to_string());
  forget(*entry);
  host_.log().info("lab " + name + " is gone");
  return ok_status();
}

// First those who ask the site go, then those whom it serves, then what it does by itself.
void Labs::close(Entry& entry) {
  entry.requests.close();
  if (!entry.room) return;
  LabSite& site = entry.room->site;
  site.let_go();
  entry.requests.wait_empty();
  site.close();
  site.stop();
  entry.deliveries.close();
  entry.deliveries.wait_empty();
  std::unique_ptr<Room> room;  // goes without the lock
  const MutexLock lock(mu_);
  room = std::move(entry.room);
}

// ---- what is there

Result<Labs::EntryPtr> Labs::find(const std::string& name) const {
  const auto found = labs_.find(name);
  if (found == labs_.end() || found->second->state == Entry::State::kGoing) {
    return not_found("there is no lab " + name + "; smslab lab list shows those that there are", "lab");
  }
  if (found->second->state == Entry::State::kMaking) {
    return Status(Code::kUnavailable, "lab " + name + " is being made", "lab");
  }
  return found->second;
}

v1::LabList Labs::list() const {
  v1::LabList list;
  const MutexLock lock(mu_);
  for (const auto& [name, entry] : labs_) {
    if (const auto there = find(name); there.ok()) *list.add_labs() = told(**there);
  }
  return list;
}

Result<v1::Lab> Labs::show(const std::string& name) const {
  const MutexLock lock(mu_);
  ASSIGN_OR_RETURN(const EntryPtr entry, find(name));
  return told(*entry);
}

v1::Lab Labs::told(const Entry& entry) const {
  const v1::LabOrder& order = entry.order;
  v1::Lab lab;
  lab.set_name(order.name());
  lab.set_site(order.site());
  lab.set_seed(order.seed());
  lab.set_clock(order.clock());
  lab.set_profile(order.profile());
  lab.set_control(control_ + "/labs/" + order.name());
  lab.set_data(folder(order.name()));
  lab.set_problem(entry.problem.ok() ? "" : entry.problem.message());
  if (entry.state != Entry::State::kServing) return lab;
  v1::Ready ready;
  entry.room->site.tell(&ready);
  lab.set_mp(ready.mp());
  *lab.mutable_dps() = ready.dps();
  *lab.mutable_dp_controls() = ready.dp_controls();
  return lab;
}

Result<control::Nested> Labs::nested(const std::vector<std::string>& path) const {
  if (path.size() < 2 || path[0] != "labs") return control::Nested();
  const MutexLock lock(mu_);
  ASSIGN_OR_RETURN(const EntryPtr entry, find(path[1]));
  if (!entry->room) return Status(Code::kUnavailable, entry->problem.message(), "lab");
  const Guests::Pass pass = entry->requests.enter();
  if (!pass) return Status(Code::kUnavailable, "the lab is stopping", "lab");
  return control::Nested{{pass, &entry->room->site.mp().control_table()}, 2};
}

// ---- the receiving side of the DPs: /labs/NAME/dps/DP/dp/v1/...

Result<std::string> Labs::receive_at(const std::string& name, const std::string& dp) {
  const MutexLock lock(mu_);
  if (receiving_url_.empty()) {
    ASSIGN_OR_RETURN(const HostPort at, receiving_.start({"127.0.0.1", 0}));
    receiving_url_ = http_url(at);
  }
  return receiving_url_ + "/labs/" + name + "/dps/" + percent_encode_component(dp);
}

Result<control::Nested> Labs::receiving(const std::vector<std::string>& path) const {
  const Status unknown = not_found("no such distribution point", "path");
  if (path.size() < 4 || path[0] != "labs" || path[2] != "dps") return unknown;
  const MutexLock lock(mu_);
  const auto found = labs_.find(path[1]);
  if (found == labs_.end() || !found->second->room) return unknown;
  Entry& entry = *found->second;
  const Guests::Pass pass = entry.deliveries.enter();
  dp::DistributionPoint* const dp = pass ? entry.room->site.dp(path[3]) : nullptr;
  if (dp == nullptr) return unknown;
  return control::Nested{{pass, &dp->control_table()}, 4};
}

// ---- the process's start and end

Status Labs::recall() {
  const auto folders = host_.env().list(host_.data() + "/labs");
  if (folders.status().code() == Code::kNotFound) return ok_status();
  RETURN_IF_ERROR(folders.status());
  Mutex mu;
  Status failed;
  at_once(folders->size(), kAtOnce, [&](size_t n) {
    const FolderEntry& entry = (*folders)[n];
    if (entry.type != FileType::kFolder) return;
    const Status recalled = recall(entry.name);
    const MutexLock lock(mu);
    if (failed.ok()) failed = recalled;
  });
  return failed;
}

Status Labs::recall(const std::string& name) {
  const auto text = read_file(host_.env(), folder(name) + std::string(kRecord), kRecordBytes);
  if (text.status().code() == Code::kNotFound) {
    host_.log().info("lab " + name +
                     " was being made or deleted when the process ended; what is left of it is removed");
    return host_.env().remove_tree(folder(name));
  }
  RETURN_IF_ERROR(text.status());
  v1::LabOrder order;
  order.set_name(name);
  ASSIGN_OR_RETURN(const EntryPtr entry, claim(order));
  const Status opened = open_again(name, *text, entry);
  if (opened.ok()) {
    serve(*entry);
    return ok_status();
  }
  close(*entry);
  const MutexLock lock(mu_);
  entry->problem = Status(opened.code(), "lab " + name + " does not serve: " + opened.message() +
                                             "; put that right and start again, or smslab lab delete " + name);
  entry->state = Entry::State::kBroken;
  host_.log().error(entry->problem.message());
  return ok_status();
}

Status Labs::open_again(const std::string& name, const std::string& record, const EntryPtr& entry) {
  v1::LabOrder order;
  RETURN_IF_ERROR(codec::from_json(record, &order).prefixed(folder(name) + std::string(kRecord)));
  if (order.name() != name) return failed_precondition(folder(name) + " is the folder of lab " + order.name());
  mp::Problems problems;
  ASSIGN_OR_RETURN(const LabPlan plan, read_order(order, &problems));
  entry->order = plan.order;
  return open(*entry, plan, &problems);
}

void Labs::let_go() {
  const MutexLock lock(mu_);
  stopping_ = true;
  for (const auto& [name, entry] : labs_) {
    entry->requests.close();
    if (entry->room) entry->room->site.let_go();
  }
}

void Labs::stop() {
  std::vector<EntryPtr> labs;
  {
    const MutexLock lock(mu_);  // not below: the sites still ask for their DPs
    for (const auto& [name, entry] : labs_) labs.push_back(entry);
  }
  at_once(labs.size(), kAtOnce, [&](size_t n) {
    const EntryPtr& entry = labs[n];
    if (entry->room) entry->room->site.stop();
  });
  receiving_.stop();
  at_once(labs.size(), kAtOnce, [&](size_t n) { labs[n]->room.reset(); });
}

}  // namespace smslab::host
