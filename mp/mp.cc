#include "mp/mp.h"

#include <atomic>
#include <utility>

#include "mp/catch_up.h"
#include "mp/client_plane.h"
#include "mp/collections.h"
#include "mp/control_api.h"
#include "mp/distribution.h"
#include "mp/dp_records.h"
#include "mp/dps.h"
#include "mp/faults.h"
#include "mp/imports.h"
#include "mp/inboxes.h"
#include "mp/long_polls.h"
#include "mp/old_versions.h"
#include "mp/reset.h"
#include "mp/scenario.h"
#include "mp/site_record.h"
#include "proto/control/server.h"
#include "store/journal_recorder.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr size_t kControlThreads = kMaxLongPollsOfAll + 16;  // at most; requests that wait have one each

// The folder is one site's: another code would mix their IDs.
Status claim_folder(store::Store& store, const MpOptions& options) {
  return store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::SiteRecord record, site_record(txn));
    if (!record.site().empty() && record.site() != options.site.site) {
      return failed_precondition(options.folder + " is the data of site " + record.site() + "; start with --site " +
                                     record.site() + " or another --data",
                                 "--site");
    }
    record.set_site(options.site.site);
    record.set_profile(options.profile);
    RETURN_IF_ERROR(index_collections(txn));
    return store::kSite.put(txn, {"site"}, record);
  });
}

Result<std::shared_ptr<SiteLogs>> open_logs(Env& env, const std::string& folder, const Clock& clock) {
  if (folder.empty()) return SiteLogs::none();
  RETURN_IF_ERROR(env.make_folders(folder));
  return SiteLogs::open(folder, clock);
}

std::shared_ptr<const Inboxes> open_inboxes(Env& env, const MpOptions& options) {
  if (!options.inboxes) return nullptr;
  return std::make_shared<const Inboxes>(env, options.folder + "/inboxes", options.child_sites);
}
}  // namespace

class Mp::Impl {
 public:
  Impl(MpOptions options, const Profile& profile, std::unique_ptr<store::Store> store, std::shared_ptr<SiteLogs> logs,
       std::shared_ptr<const Inboxes> inboxes, std::shared_ptr<store::Journal> journal, LabClock& clock, const Log& log)
      : store_(std::move(store)),
        site_{.options = options.site,
              .profile = profile,
              .store = *store_,
              .clock = clock,
              .random = Random(options.seed),
              .log = log,
              .logs = std::move(logs),
              .inboxes = std::move(inboxes),
              .rules = std::make_shared<fault::Rules>(options.seed),
              .journal = std::move(journal)},
        secrets_(std::move(options.secrets)),
        start_(std::move(options.start)),
        mp_url_(std::move(options.mp_url)),
        polls_(site_, std::move(options.waiting)),
        catch_up_(site_, dps_),
        context_{.site = site_,
                 .dps = dps_,
                 .catch_up = catch_up_,
                 .secrets = secrets_,
                 .imports = imports_,
                 .polls = polls_,
                 .ready = ready_,
                 .reset = [this](Problems* problems) { return reset(problems); }},
        control_({.token = options.control_token, .threads = kControlThreads, .names = options.control_names}, clock,
                 site_.log),
        manager_(std::make_unique<DistributionManager>(site_, dps_, imports_)) {
    wake_with(clock, site_.queue);
    mount_client_plane(router_, site_, dps_, [this] { return mp_url(); });
    for (auto& route : control_routes(context_, std::move(options.more))) control_.add(std::move(route));
  }

  ~Impl() { stop(); }

  Status add_dp(DpAddress dp) { return add_own_dp(site_, dps_, std::move(dp)); }
  Status recall_dps() { return add_remote_dps(site_, dps_); }
  Status check_scenario(const v1::Scenario& scenario, Problems* problems) {
    return mp::check_scenario(site_, dps_, scenario, problems);
  }
  Status apply_scenario(const v1::Scenario& scenario, Problems* problems) {
    return mp::apply_scenario(site_, dps_, imports_, scenario, problems).status();
  }
  Result<bool> is_empty() const { return site_is_empty(site_); }
  Status settle_inboxes() const { return site_.inboxes ? site_.inboxes->settle(site_) : ok_status(); }
  const wire::Router& router() const { return router_; }
  std::unique_ptr<wire::Injector> injector(fault::Place place, LabTimers& timers) {
    return std::make_unique<fault::RuleInjector>(
        std::move(place), *site_.rules, site_.clock, timers,
        [activity = site_.activity](const std::string& address) { return activity->client_at(address); },
        [this](const std::string& package, uint32_t version) { return old_version(*store_, package, version); });
  }
  std::unique_ptr<fault::DoorWatch> watch_door(fault::Place place, LabTimers& timers, fault::DoorWatch::Set set) {
    return std::make_unique<fault::DoorWatch>(std::move(place), *site_.rules, site_.clock, timers, std::move(set));
  }
  std::optional<v1::NoSpace> no_space(const std::string& dp, const std::string& package, uint32_t version) const {
    fault::Occasion occasion;
    occasion.role = v1::FaultMatch::DP;
    occasion.dp = dp;
    occasion.route = "receive";
    occasion.package = package;
    occasion.version = version;
    occasion.now = site_.clock.now();
    const auto hits = site_.rules->hits(fault::Stage::kReceive, occasion);
    return hits.empty() ? std::nullopt : std::optional(hits.front().rule->no_space());
  }
  std::unique_ptr<wire::Recorder> recorder(fault::Place place) const {
    if (!site_.journal) return nullptr;
    return std::make_unique<store::JournalRecorder>(
        *site_.journal, std::move(place), site_.clock,
        [activity = site_.activity](const std::string& address) { return activity->client_at(address); });
  }
  Status recall_faults() {
    ASSIGN_OR_RETURN(unfinished_, unfinished_faults(site_));
    return put_rules_in_force(site_);
  }
  Result<HostPort> start_control(const HostPort& at) { return control_.start(at); }
  void nest(control::ControlServer::Nest nest) { control_.nest(std::move(nest)); }
  const control::RouteTable& control_table() const { return control_.table(); }

  void set_mp_url(std::string url) {
    const MutexLock lock(mu_);
    mp_url_ = std::move(url);
  }
  std::string mp_url() const {
    const MutexLock lock(mu_);
    return mp_url_;
  }

  void start() {
    manager_->start();
    catch_up_.start(std::move(unfinished_), !secrets_.empty());
    ready_ = true;
  }

  void let_go() {
    ready_ = false;
    site_.changes->stop();
    if (site_.journal) site_.journal->stop_waiting();
    imports_.stop();
  }
  void stop() {
    let_go();
    control_.stop();
    catch_up_.stop();
    manager_->stop();
    site_.activity->flush(*store_);
    // Changes that were submitted and nobody waits for use the site: they must be done before it goes.
    (void)store_->commit([](store::WriteTxn&) { return ok_status(); });
  }

 private:
  Result<v1::Scenario> reset(Problems* problems) {
    if (!ready_) return Status(Code::kUnavailable, "the lab is starting or stopping");
    if (resetting_.exchange(true)) return Status(Code::kAborted, "the lab is being reset already");
    auto now = reset_site(
        site_, dps_, imports_, start_, [this](const auto& change) { return at_rest(change); }, problems);
    resetting_ = false;
    return now;
  }
  // With another manager behind the change, which takes up what the index then says.
  Status at_rest(const std::function<Status()>& change) {
    manager_.reset();  // which stops the queue
    site_.queue->restart();
    Status changed = change();
    manager_ = std::make_unique<DistributionManager>(site_, dps_, imports_);
    manager_->start();
    return changed;
  }

  const std::unique_ptr<store::Store> store_;
  Site site_;
  DpDirectory dps_;
  const std::vector<control::DpSecret> secrets_;
  const v1::Scenario start_;
  std::atomic<bool> resetting_ = false;
  mutable Mutex mu_;
  std::string mp_url_ GUARDED_BY(mu_);
  wire::Router router_;
  Imports imports_;
  LongPolls polls_;
  CatchUp catch_up_;
  v1::FaultList unfinished_;  // until the start
  std::atomic<bool> ready_ = false;
  ControlContext context_;
  control::ControlServer control_;
  std::unique_ptr<DistributionManager> manager_;  // another one after a reset
};

Result<std::unique_ptr<Mp>> Mp::open(MpOptions options, Env& env, LabClock& clock, const Log& log) {
  ASSIGN_OR_RETURN(const Profile* profile, profile_for(options.profile));
  ASSIGN_OR_RETURN(auto store, store::Store::open(env, options.folder));
  store->blobs().share_with(options.share_with);
  RETURN_IF_ERROR(claim_folder(*store, options));
  ASSIGN_OR_RETURN(auto logs, open_logs(env, options.logs, clock));
  auto inboxes = open_inboxes(env, options);
  std::shared_ptr<store::Journal> journal;
  if (!options.journal.empty()) {
    ASSIGN_OR_RETURN(journal, store::Journal::open(env, options.journal, clock, log));
  }
  auto impl = std::make_unique<Impl>(std::move(options), *profile, std::move(store), std::move(logs),
                                     std::move(inboxes), std::move(journal), clock, log);
  RETURN_IF_ERROR(impl->recall_dps());
  RETURN_IF_ERROR(impl->recall_faults());
  RETURN_IF_ERROR(impl->settle_inboxes());
  return std::unique_ptr<Mp>(new Mp(std::move(impl)));
}

Mp::Mp(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Mp::~Mp() = default;

Status Mp::add_dp(DpAddress dp) { return impl_->add_dp(std::move(dp)); }
Status Mp::check_scenario(const v1::Scenario& scenario, Problems* problems) {
  return impl_->check_scenario(scenario, problems);
}
Status Mp::apply_scenario(const v1::Scenario& scenario, Problems* problems) {
  return impl_->apply_scenario(scenario, problems);
}
Result<bool> Mp::is_empty() const { return impl_->is_empty(); }
void Mp::set_mp_url(std::string url) { impl_->set_mp_url(std::move(url)); }
const wire::Router& Mp::router() const { return impl_->router(); }
std::unique_ptr<wire::Injector> Mp::injector(fault::Place place, LabTimers& timers) {
  return impl_->injector(std::move(place), timers);
}
std::unique_ptr<wire::Recorder> Mp::recorder(fault::Place place) { return impl_->recorder(std::move(place)); }
std::unique_ptr<fault::DoorWatch> Mp::watch_door(fault::Place place, LabTimers& timers, fault::DoorWatch::Set set) {
  return impl_->watch_door(std::move(place), timers, std::move(set));
}
std::optional<v1::NoSpace> Mp::no_space(const std::string& dp, const std::string& package, uint32_t version) {
  return impl_->no_space(dp, package, version);
}
Result<HostPort> Mp::start_control(const HostPort& at) { return impl_->start_control(at); }
void Mp::nest(control::ControlServer::Nest nest) { impl_->nest(std::move(nest)); }
const control::RouteTable& Mp::control_table() const { return impl_->control_table(); }
void Mp::start() { impl_->start(); }
void Mp::let_go() { impl_->let_go(); }
void Mp::stop() { impl_->stop(); }

}  // namespace smslab::mp
