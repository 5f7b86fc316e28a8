// A site with real distribution points, all in this process, on a frozen clock.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dp/distribution_point.h"
#include "mp/adverts.h"
#include "mp/catch_up.h"
#include "mp/collections.h"
#include "mp/distribution.h"
#include "mp/imports.h"
#include "mp/long_polls.h"
#include "mp/package_dps.h"
#include "mp/packages.h"
#include "mp/programs.h"
#include "mp/reset.h"
#include "mp/status.h"
#include "proto/base/time_text.h"
#include "store/store.h"
#include "store/tables.h"
#include "tests/support/status.h"

namespace smslab::mp {

constexpr const char* kName = "Windows Server 2003 Administration Tools Pack";
constexpr const char* kDp = "LON-DCSMS-01";
constexpr const char* kDp2 = "LON-DP-02";

class LinesLog : public LogSink {
 public:
  void write(std::string_view record) override {
    const MutexLock lock(mu_);
    lines_.emplace_back(record);
  }
  std::vector<std::string> lines() const {
    const MutexLock lock(mu_);
    return lines_;
  }

 private:
  mutable Mutex mu_;
  std::vector<std::string> lines_ GUARDED_BY(mu_);
};

class SiteTest : public ::testing::Test {
 protected:
  SiteTest() : SiteTest({}, posix_env()) {}
  // Of the caller's folder, which stays; in one of its own without.
  SiteTest(std::string folder, Env& env) : folder_(std::move(folder)), env_(&env), own_folder_(folder_.empty()) {
    if (own_folder_) {
      std::string pattern = (std::filesystem::temp_directory_path() / "smslab-site.XXXXXX").string();
      folder_ = ::mkdtemp(pattern.data());
    }
    open_site();
  }
  ~SiteTest() override {
    close_site();
    points_.clear();
    if (own_folder_) std::filesystem::remove_all(folder_);
  }

  // ---- the site's life
  void open_site() {
    store_ = *store::Store::open(*env_, folder_ + "/site");
    site_ = std::make_unique<Site>(
        Site{.options = {},
             .profile = **profile_for("2007"),
             .store = *store_,
             .clock = clock_,
             .random = Random(7),
             .log = Log(console_, LogForm::kConsole, clock_, "mp"),
             .logs = std::make_shared<SiteLogs>(SiteLogs::Sinks{distmgr_, offermgr_, offersum_})});
    wake_with(clock_, site_->queue);
    imports_ = std::make_unique<Imports>();
    polls_ = std::make_unique<LongPolls>(*site_);
    manager_ = std::make_unique<DistributionManager>(*site_, dps_, *imports_, together_);
    catch_up_ = std::make_unique<CatchUp>(*site_, dps_);
  }
  void close_site() {
    site_->changes->stop();
    catch_up_.reset();
    manager_.reset();
    imports_.reset();
    polls_.reset();
    site_.reset();
    store_.reset();
  }
  void restart_site() {
    close_site();
    open_site();
  }
  // `change` between two managers, as a reset of the lab has it.
  Status at_rest(const std::function<Status()>& change) {
    manager_.reset();
    site_->queue->restart();
    const Status changed = change();
    manager_ = std::make_unique<DistributionManager>(*site_, dps_, *imports_, together_);
    manager_->start();
    return changed;
  }
  Result<v1::Scenario> reset_to(const v1::Scenario& start, Problems* problems) {
    return reset_site(
        *site_, dps_, *imports_, start, [this](const auto& change) { return at_rest(change); }, problems);
  }

  // ---- distribution points
  // `serving` false: announced, but nobody listens.
  void add_dp(const std::string& name, bool serving = true) {
    HostPort at{"127.0.0.1", 1};  // a port that refuses
    if (serving) at = serve_dp(name);
    dps_.add({.name = name,
              .url = "http://127.0.0.1:8081",
              .control_url = "http://" + format_host_port(at),
              .token = "token"});
  }
  HostPort serve_dp(const std::string& name, Env& env = posix_env()) {
    points_[name] = *dp::DistributionPoint::open({name, folder_ + "/dp-" + name, "token"}, env, clock_, site_->log);
    return *points_[name]->start_control({"127.0.0.1", 0});
  }

  // ---- objects
  std::string source(const std::string& name, const std::map<std::string, std::string>& files) {
    const std::string path = folder_ + "/" + name;
    for (const auto& [file, bytes] : files) {
      const std::filesystem::path full = path + "/" + file;
      std::filesystem::create_directories(full.parent_path());
      std::ofstream(full, std::ios::binary) << bytes;
    }
    return path;
  }
  v1::Package request(const std::string& id = "LON00001", int programs = 1) {
    v1::Package package;
    package.set_id(id);
    package.set_name(kName);
    package.set_source(source("adminpak", {{"adminpak.msi", "msi bytes"}, {"sub/readme.txt", "read me"}}));
    for (int i = 0; i < programs; i++) {
      v1::Program* program = package.add_programs();
      program->set_name("Program " + std::to_string(i + 1));
      program->set_command_line("setup.exe /" + std::to_string(i + 1));
    }
    return package;
  }
  v1::Package create(const v1::Package& wanted) {
    auto made = create_package(*site_, *imports_, wanted);
    EXPECT_EQ(made.status(), ok_status());
    return made.ok() ? *made : v1::Package();
  }
  static v1::DpSelection on(const std::vector<std::string>& names) {
    v1::DpSelection selection;
    for (const auto& name : names) selection.add_dps(name);
    return selection;
  }
  // Waits until no DP of the package is on its way.
  v1::Package wait_settled(const std::string& id = "LON00001") {
    auto package = polls_->wait<v1::Package>(
        kMaxWait, [&] { return show_package(*site_, id); }, settled);
    EXPECT_EQ(package.status(), ok_status());
    return package.ok() ? *package : v1::Package();
  }
  // Waits until the manager has said `message` `count` times about the package.
  void wait_message(uint32_t message, long count = 1, const std::string& id = "LON00001") {
    const auto said = [&](const std::vector<v1::StatusMessage>& all) {
      return std::count_if(all.begin(), all.end(), [&](const auto& m) { return m.message_id() == message; }) >= count;
    };
    const auto messages = polls_->wait<std::vector<v1::StatusMessage>>(
        kMaxWait, [&] { return list_status(store_->read(), {.package = id}); }, said);
    ASSERT_EQ(messages.status(), ok_status());
    ASSERT_TRUE(said(*messages)) << "no " << message << ": " << ladder(id);
  }

  // A package on one DP, settled.
  void distributed(const std::string& dp = kDp) {
    create(request());
    manager_->start();
    ASSERT_EQ(distribute(*site_, dps_, "LON00001", on({dp})).status(), ok_status());
    wait_message(2301, 2);
  }
  HostPort port_of(const std::string& dp) {
    return *parse_host_port(dps_.find(dp)->control_url.substr(std::string("http://").size()), "");
  }
  void stop_dp(const std::string& name) { points_.erase(name); }
  void start_dp_again(const std::string& name) {
    points_[name] =
        *dp::DistributionPoint::open({name, folder_ + "/dp-" + name, "token"}, posix_env(), clock_, site_->log);
    ASSERT_EQ(points_[name]->start_control(port_of(name)).status(), ok_status());
  }

  // ---- what there is
  std::vector<v1::StatusMessage> messages(const StatusQuery& query = {}) {
    auto all = list_status(store_->read(), query);
    EXPECT_EQ(all.status(), ok_status());
    return all.ok() ? *all : std::vector<v1::StatusMessage>();
  }
  std::string ladder(const std::string& package = "LON00001", uint64_t after = 0) {
    std::string out;
    for (const auto& m : messages({.package = package, .after = after})) {
      out += (out.empty() ? "" : " ") + std::to_string(m.message_id());
    }
    return out;
  }
  uint64_t last_id() {
    const auto all = messages();
    return all.empty() ? 0 : all.back().id();
  }
  // Every key and value of the index.
  std::string dump() {
    std::string out;
    EXPECT_EQ(store_->read().scan("",
                                  [&](std::string_view key, std::string_view value) {
                                    out += std::string(key) + "=" + std::string(value) + "\n";
                                    return true;
                                  }),
              ok_status());
    return out;
  }
  std::vector<std::string> staged() {
    std::vector<std::string> out;
    const std::string stage = folder_ + "/site/stage";
    if (!std::filesystem::exists(stage)) return out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(stage)) {
      if (entry.is_regular_file()) out.push_back(entry.path().string());
    }
    return out;
  }

  LabClock clock_{system_time_source(), LabClock::Frozen{*parse_rfc3339("2026-11-21T20:00:00Z")}};
  std::shared_ptr<LinesLog> console_ = std::make_shared<LinesLog>();
  std::shared_ptr<LinesLog> distmgr_ = std::make_shared<LinesLog>();
  std::shared_ptr<LinesLog> offermgr_ = std::make_shared<LinesLog>();
  std::shared_ptr<LinesLog> offersum_ = std::make_shared<LinesLog>();
  std::string folder_;
  Env* env_;  // the site's
  const bool own_folder_;
  std::chrono::milliseconds together_ = DistributionManager::kTogether;
  DpDirectory dps_;
  std::vector<control::DpSecret> secrets_{control::DpSecret("the secret"), control::DpSecret("another DP's")};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Site> site_;
  std::unique_ptr<Imports> imports_;
  std::unique_ptr<LongPolls> polls_;
  std::unique_ptr<DistributionManager> manager_;
  std::unique_ptr<CatchUp> catch_up_;
  std::map<std::string, std::unique_ptr<dp::DistributionPoint>> points_;
};

}  // namespace smslab::mp
