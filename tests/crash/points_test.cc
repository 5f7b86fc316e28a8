// Death at any call to the file system, of a site and its distribution point on real files: the process is killed, or
// the power fails and what no barrier covered is gone (power_env.h). The next start finds the old state or the new one,
// nothing mixed, no garbage; what was acknowledged is there, and the operation goes on to its end.
//
// The process that dies is a child of the test. SMSLAB_CRASH_POINTS: how many points of an operation, spread over all
// of its calls; "all" for every one. SMSLAB_CRASH_SEED and SMSLAB_CRASH_SEEDS: the first and how many.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <new>
#include <random>

#include "mp/collections.h"
#include "mp/faults.h"
#include "mp/scenario.h"
#include "store/fsck.h"
#include "tests/mp/site_fixture.h"
#include "tests/support/faulty_env.h"
#include "tests/support/power_env.h"

namespace smslab::mp {
namespace {
namespace fs = std::filesystem;
using smslab::testing::FaultyEnv;
using smslab::testing::Loss;
using smslab::testing::PowerEnv;
using ::testing::AnyOf;
using ::testing::IsEmpty;

constexpr uint64_t kFewPoints = 8;  // of an operation, for the short form

std::string setting(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? otherwise : value;
}

// A site with one distribution point, in a folder that stays.
class Lab : public SiteTest {
 public:
  Lab(const std::string& folder, Env& env) : SiteTest(folder, env) {
    const HostPort at = serve_dp(kDp, env);
    dps_.add({.name = kDp,
              .url = "http://127.0.0.1:8081",
              .control_url = "http://" + format_host_port(at),
              .token = "token"});
  }
  void TestBody() override {}

  Site& site() { return *site_; }
  DpDirectory& dps() { return dps_; }
  Imports& imports() { return *imports_; }
  using SiteTest::on;
  using SiteTest::reset_to;

  void go_on() {
    catch_up_->start(*unfinished_faults(*site_));
    manager_->start();
  }
  bool has(const std::string& id) { return show_package(*site_, id).ok(); }
  v1::Package package(const std::string& id = "LON00001") { return *show_package(*site_, id); }
  // Until `is_so` holds and every pass is over.
  Status wait(const std::function<bool(const v1::PackageList&)>& is_so) {
    const auto over = [&](const v1::PackageList& list) {
      return is_so(list) &&
             std::none_of(list.packages().begin(), list.packages().end(),
                          [](const v1::Package& package) { return package.pass_open() || !settled(package); });
    };
    const auto list = polls_->wait<v1::PackageList>(
        kMaxWait, [&] { return list_packages(*site_); }, over);
    if (list.ok() && !over(*list)) return internal_error("the site does not come to rest: " + list->ShortDebugString());
    return list.status();
  }

  // Every record of the site but for files that wait to be unlinked.
  std::string records() {
    std::string out;
    const Status scanned = store_->read().scan("", [&](std::string_view key, std::string_view value) {
      const std::string_view table = key.substr(0, key.find('\0'));
      if (table != "garbage" && table != "status") out.append(key).append("=").append(value).append("\n");
      return true;
    });
    for (const auto& message : messages()) out += message.ShortDebugString() + "\n";  // maps have no order of bytes
    return scanned.ok() ? out : scanned.to_string();
  }
  std::string versions() { return keys(store::kManifests, *store_); }
  std::string objects() {
    return versions() + keys(store::kPackages, *store_) + keys(store::kAdverts, *store_) +
           keys(store::kCollections, *store_) + keys(store::kClients, *store_) + files("/site/blobs") + held() +
           files(std::string("/dp-") + kDp + "/blobs") + files("/site/stage");
  }
  // What the DP says it has.
  std::string held() {
    DpLink link(*dps_.find(kDp), std::chrono::seconds(20));
    const auto info = link.contents();
    if (!info.ok()) return info.status().to_string();
    std::string out;
    for (const auto& content : info->contents()) {
      out += content.package_id() + " " + std::to_string(content.version()) + "\n";
    }
    return out;
  }
  std::vector<std::string> problems() {
    const auto report = store::fsck(*store_);
    if (!report.ok()) return {report.status().to_string()};
    return {report->problems().begin(), report->problems().end()};
  }

 private:
  template <class Table>
  static std::string keys(const Table& table, store::Store& store) {
    std::string out;
    const auto all = table.keys(store.read());
    if (!all.ok()) return all.status().to_string();
    for (const auto& key : *all) out += store::join_key(table.name(), key) + "\n";
    return out;
  }
  std::string files(const std::string& below) const {
    std::set<std::string> lines;
    if (!fs::exists(folder_ + below)) return {};
    for (const auto& entry : fs::recursive_directory_iterator(folder_ + below)) {
      if (entry.is_regular_file()) lines.insert(entry.path().filename().string());
    }
    std::string out;
    for (const auto& line : lines) out += below + " " + line + "\n";
    return out;
  }
};

// Something that is done to a lab. Done twice, or taken up where a crash left it, it ends the same.
struct Operation {
  const char* name;
  bool distributed;  // LON00001 is on the DP before
  bool at_once;      // one change: before it or after it
  std::function<Status(Lab&, const std::string& sources)> run;
};

v1::Package package_of(const std::string& id, const std::string& source) {
  v1::Package package;
  package.set_id(id);
  package.set_name(id);
  package.set_source(source);
  v1::Program* program = package.add_programs();
  program->set_name("Setup");
  program->set_command_line("setup.exe");
  return package;
}

Status create(Lab& lab, const std::string& sources) {
  if (lab.has("LON00002")) return ok_status();
  return create_package(lab.site(), lab.imports(), package_of("LON00002", sources + "/another")).status();
}

Status update(Lab& lab, const std::string&) {
  if (lab.package().source_version() == 2) return ok_status();
  return update_package(lab.site(), lab.imports(), "LON00001").status();
}

Status update_and_send(Lab& lab, const std::string& sources) {
  lab.go_on();
  RETURN_IF_ERROR(update(lab, sources));
  return lab.wait([](const v1::PackageList& list) {
    const v1::PackageDp& dp = list.packages(0).dps(0);
    return dp.state() == v1::PackageDp::INSTALLED && dp.version() == 2;
  });
}

bool installed(const v1::PackageList& list) {
  return list.packages(0).dps_size() == 1 && list.packages(0).dps(0).state() == v1::PackageDp::INSTALLED;
}

Status receive(Lab& lab, const std::string&) {
  lab.go_on();
  if (lab.package().dps().empty()) {
    RETURN_IF_ERROR(distribute(lab.site(), lab.dps(), "LON00001", Lab::on({kDp})).status());
  }
  return lab.wait(installed);
}

Status refresh_it(Lab& lab, const std::string&) {
  lab.go_on();
  RETURN_IF_ERROR(refresh(lab.site(), lab.dps(), "LON00001", Lab::on({kDp})).status());
  return lab.wait(installed);
}

Status take_away(Lab& lab, const std::string&) {
  lab.go_on();
  const v1::Package package = lab.package();
  if (!package.dps().empty() && !removing(package.dps(0))) {
    RETURN_IF_ERROR(remove(lab.site(), lab.dps(), "LON00001", Lab::on({kDp})).status());
  }
  return lab.wait([](const v1::PackageList& list) { return list.packages(0).dps().empty(); });
}

Status delete_it(Lab& lab, const std::string&) {
  lab.go_on();
  if (lab.has("LON00001") && !lab.package().deleting()) {
    RETURN_IF_ERROR(delete_package(lab.site(), "LON00001").status());
  }
  return lab.wait([](const v1::PackageList& list) { return list.packages().empty(); });
}

v1::Scenario scenario_of(const std::string& id, const std::string& sources) {
  v1::Scenario scenario;
  v1::ScenarioPackage* package = scenario.add_packages();
  package->set_id(id);
  package->set_name(id);
  package->set_source(sources + "/another");
  v1::Program* program = package->add_programs();
  program->set_name("Setup");
  program->set_command_line("setup.exe");
  v1::Collection* collection = scenario.add_collections();
  collection->set_name("Admin Systems");
  collection->add_members("WRK-LON-001");
  v1::Advert* advert = scenario.add_adverts();
  advert->set_id("LON20000");
  advert->set_package(id);
  advert->set_program("Setup");
  advert->set_collection("Admin Systems");
  scenario.add_clients()->set_name("WRK-LON-001");
  return scenario;
}

Status apply(Lab& lab, const std::string& sources) {
  if (lab.has("LON00010")) return ok_status();
  Problems problems;
  return apply_scenario(lab.site(), lab.dps(), lab.imports(), scenario_of("LON00010", sources), &problems).status();
}

Status reset(Lab& lab, const std::string& sources) {
  lab.go_on();
  v1::Scenario start = scenario_of("LON00020", sources);
  start.mutable_packages(0)->add_dps(kDp);
  Problems problems;
  RETURN_IF_ERROR(lab.reset_to(start, &problems).status());
  return lab.wait(installed);
}

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = {
      {"Import", false, true, create},      {"Update", false, true, update},
      {"Receive", false, false, receive},   {"UpdateAndSend", true, false, update_and_send},
      {"Refresh", true, false, refresh_it}, {"Remove", true, false, take_away},
      {"Delete", true, false, delete_it},   {"ApplyAScenario", true, true, apply},
      {"Reset", true, false, reset},
  };
  return all;
}
void PrintTo(const Operation& operation, std::ostream* out) { *out << operation.name; }

// What a lab holds at some moment.
struct State {
  std::string records, versions, held, objects;
};
State state_of(Lab& lab) { return {lab.records(), lab.versions(), lab.held(), lab.objects()}; }

class Points : public ::testing::TestWithParam<Operation> {
 protected:
  struct Shared {
    std::atomic<bool> acknowledged = false;
    std::atomic<uint64_t> calls = 0;
  };

  Points() {
    std::string pattern = (fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path().string()) +
                          std::string("/smslab-crash.XXXXXX");
    work_ = ::mkdtemp(pattern.data());
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared_ = new (memory) Shared;
    prepare();
  }
  ~Points() override {
    ::munmap(shared_, sizeof(Shared));
    fs::remove_all(work_);
  }

  std::string lab_folder() const { return work_ + "/lab"; }
  std::string sources() const { return work_ + "/sources"; }
  Status run(Lab& lab) { return GetParam().run(lab, sources()); }

  void write_source(const std::string& name, const std::map<std::string, std::string>& files) {
    for (const auto& [file, bytes] : files) {
      const fs::path path = sources() + "/" + name + "/" + file;
      fs::create_directories(path.parent_path());
      std::ofstream(path, std::ios::binary) << bytes;
    }
  }

  // A lab with LON00001 version 1, whose source has changed since, as every point begins with it; and the states before
  // and after the operation, when nothing goes wrong.
  void prepare() {
    write_source("tools", {{"same", "in both versions"}, {"old", "in the first only"}, {"Sub/empty", ""}});
    write_source("another", {{"same", "in both versions"}, {"own", std::string(300'000, 'o')}});
    {
      Lab lab(lab_folder(), posix_env());
      ASSERT_EQ(create_package(lab.site(), lab.imports(), package_of("LON00001", sources() + "/tools")).status(),
                ok_status());
      ASSERT_EQ(GetParam().distributed ? receive(lab, {}) : ok_status(), ok_status());
    }
    fs::remove(sources() + "/tools/old");
    write_source("tools", {{"new", "in the second only"}, {"Sub/also new", std::string(300'000, 'n')}});
    {
      Lab lab(lab_folder(), posix_env());
      before_ = state_of(lab);
    }
    fs::copy(lab_folder(), work_ + "/template", fs::copy_options::recursive);
    {
      Lab lab(lab_folder(), posix_env());
      ASSERT_EQ(run(lab), ok_status());
    }
    Lab lab(lab_folder(), posix_env());
    after_ = state_of(lab);
  }
  void begin_anew() {
    fs::remove_all(lab_folder());
    fs::copy(work_ + "/template", lab_folder(), fs::copy_options::recursive);
    shared_->acknowledged = false;
  }

  // Runs `work` in a process of its own, which dies after so many calls to the file system. True if it did.
  bool dies(std::optional<Loss> loss, uint64_t calls, uint64_t seed,
            const std::function<Status(Env&, const std::function<void()>& from_now)>& work) {
    std::cout.flush();
    const pid_t child = ::fork();
    if (child == 0) {
      std::optional<PowerEnv> power;
      if (loss) power.emplace(lab_folder());
      FaultyEnv env(loss ? static_cast<Env&>(*power) : posix_env());
      uint64_t from = 0;
      const Status done = work(env, [&] {
        from = env.calls();
        env.die_after(calls, [&] {
          if (loss) power->cut_power(*loss, seed);
          ::raise(SIGKILL);
        });
      });
      shared_->calls = env.calls() - from;
      if (!done.ok()) std::cerr << done.to_string() << "\n";
      ::_exit(done.ok() ? 0 : 3);
    }
    int ended = 0;
    ::waitpid(child, &ended, 0);
    fs::remove_all(lab_folder() + ".links");
    const bool killed = WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL;
    EXPECT_TRUE(killed || (WIFEXITED(ended) && WEXITSTATUS(ended) == 0)) << "the child ended by itself: " << ended;
    return killed;
  }
  bool dies_in_it(std::optional<Loss> loss, uint64_t calls, uint64_t seed) {
    return dies(loss, calls, seed, [&](Env& env, const std::function<void()>& from_now) {
      auto lab = std::make_unique<Lab>(lab_folder(), env);
      from_now();
      const Status done = run(*lab);
      shared_->acknowledged = done.ok();
      lab.reset();
      return done;
    });
  }
  // The next start may die as well.
  bool dies_in_recovery(std::optional<Loss> loss, uint64_t calls, uint64_t seed) {
    return dies(loss, calls, seed, [&](Env& env, const std::function<void()>& from_now) {
      from_now();
      const Lab lab(lab_folder(), env);
      return ok_status();
    });
  }

  void expect_sound() {
    for (const std::string& store : {lab_folder() + "/site", lab_folder() + "/dp-" + kDp}) {
      const auto report = store::fsck(posix_env(), store);
      ASSERT_EQ(report.status(), ok_status());
      EXPECT_THAT(report->problems(), IsEmpty());
    }
    {
      Lab lab(lab_folder(), posix_env());
      EXPECT_THAT(lab.problems(), IsEmpty());
      for (const std::string& store : {lab_folder() + "/site", lab_folder() + "/dp-" + kDp}) {
        EXPECT_FALSE(fs::exists(store + "/stage")) << "swept";
      }
      if (GetParam().at_once) {
        EXPECT_TRUE(lab.records() == (shared_->acknowledged ? after_ : before_).records ||
                    lab.records() == after_.records)
            << lab.records();
      }
      EXPECT_THAT(lab.versions(), AnyOf(before_.versions, after_.versions));
      EXPECT_THAT(lab.held(), AnyOf(before_.held, after_.held, ""));
      if (shared_->acknowledged) {
        EXPECT_EQ(lab.objects(), after_.objects);
      }
      ASSERT_EQ(run(lab), ok_status()) << "once more, or on to its end";
    }
    Lab lab(lab_folder(), posix_env());
    EXPECT_EQ(lab.objects(), after_.objects);
    EXPECT_THAT(lab.problems(), IsEmpty());
  }

  // One point; false when the operation was over before it.
  bool at_point(std::optional<Loss> loss, uint64_t calls, uint64_t seed) {
    SCOPED_TRACE(std::string(GetParam().name) + ": dead after " + std::to_string(calls) + " calls, seed " +
                 std::to_string(seed) + (loss ? ", without power" : ""));
    begin_anew();
    if (!dies_in_it(loss, calls, seed)) return false;
    points_++;
    if ((calls + seed) % 2 == 0) recoveries_ += dies_in_recovery(loss, (calls / 2 + seed) % 24, seed + 1);
    expect_sound();
    return true;
  }

  std::string work_;
  Shared* shared_ = nullptr;
  State before_, after_;
  uint64_t points_ = 0, recoveries_ = 0;
};

TEST_P(Points, AnywhereInIt) {
  const std::string wanted = setting("SMSLAB_CRASH_POINTS", std::to_string(kFewPoints));
  const uint64_t first = std::stoull(setting("SMSLAB_CRASH_SEED", std::to_string(std::random_device()() % 100'000)));
  const uint64_t seeds = std::stoull(setting("SMSLAB_CRASH_SEEDS", "1"));
  begin_anew();
  ASSERT_FALSE(dies_in_it(std::nullopt, UINT64_MAX / 2, 0));
  const uint64_t calls = shared_->calls;
  const uint64_t stride = wanted == "all" ? 1 : std::max<uint64_t>(1, calls / std::stoull(wanted));
  for (uint64_t seed = first; seed < first + seeds; seed++) {
    const std::optional<Loss> losses[] = {std::nullopt, static_cast<Loss>(seed % 3)};
    for (const auto& loss : losses) {
      uint64_t n = seed % stride;
      while (!HasFailure() && at_point(loss, n, seed)) n += stride;
    }
  }
  std::cout << GetParam().name << ": " << points_ << " points of " << calls << " calls, seed " << first << ", "
            << recoveries_ << " died again at the next start\n";
  EXPECT_GT(points_, 0u);
}

INSTANTIATE_TEST_SUITE_P(Operations, Points, ::testing::ValuesIn(operations()),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace smslab::mp
