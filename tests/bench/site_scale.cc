// site_scale: what a site costs with few clients and with very many.
//
//   site_scale FOLDER [CLIENTS] [ROUNDS]        100000 and 11; the folder is made, and is left
//
// Two sites in one process, each with 200 adverts and 50 collections, some of which have thousands of members; one has
// 10 clients, the other CLIENTS. Requests for policy, status messages and discoveries go to both in turns, through the
// client plane's router, so that what disturbs the machine disturbs both. Prints, for each kind, microseconds a
// request with few, with many and the median ratio; the same for policy with log files and without; what it takes to
// read the memberships anew when everybody is a member; then how long the
// site of many takes to open, and the resident memory of a process that has just opened it and answered a request of
// each client. Exit status 1 when a policy request costs twice as much with many as with few, the start takes a second,
// or the memory is a gigabyte.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "mp/client_plane.h"
#include "mp/collections.h"
#include "mp/memberships.h"
#include "mp/mp.h"
#include "mp/site_record.h"
#include "proto/base/text.h"
#include "proto/schema/timestamp.h"
#include "store/store.h"
#include "store/tables.h"
#include "tests/bench/site_clients.h"

namespace smslab::mp {
namespace {
using bench::header, bench::must, bench::name_of, bench::policy_request, bench::put_clients, bench::request_of,
    bench::smsid_of;

constexpr double kMostRatio = 2, kMostStartMs = 1000;
constexpr uint64_t kMostKilobytes = 1 << 20;
constexpr int kFew = 10, kAdverts = 200, kCollections = 50, kLargest = 5000, kRequests = 400;

// ---- what a site holds
// The first collection has everybody up to kLargest, each next one fewer; every fourth advert goes to a large one.
void put_model(store::Store& store, const Site& site, int clients) {
  must(store.commit([&](store::WriteTxn& txn) -> Status {
    v1::Package package;
    package.set_id("LON00001");
    package.set_name("Tools");
    package.set_source_version(1);
    v1::Program* program = package.add_programs();
    program->set_name("Install");
    program->set_command_line("setup.exe");
    RETURN_IF_ERROR(store::kPackages.put(txn, {package.id()}, package));
    for (int c = 0; c < kCollections; c++) {
      v1::Collection collection;
      collection.set_name(fmt::format("Collection {:02}", c));
      const int members = std::min(clients, std::max(kFew, kLargest / (c + 1)));
      for (int n = 0; n < members; n++) collection.add_members(name_of(n));
      RETURN_IF_ERROR(store::kCollections.put(txn, {collection_key(collection.name())}, collection));
    }
    for (int a = 0; a < kAdverts; a++) {
      v1::Advert advert;
      advert.set_id(fmt::format("LON{:05X}", 0x20000 + a));
      advert.set_package(package.id());
      advert.set_program(program->name());
      advert.set_collection(fmt::format("Collection {:02}", a % kCollections));
      *advert.mutable_start() = to_timestamp(site.clock.now());
      advert.set_policy_version(1);
      RETURN_IF_ERROR(store::kAdverts.put(txn, {advert.id()}, advert));
    }
    return policy_changed(txn, site);
  }));
}

// ---- what clients send, beside asking for policy
wire::Request status_request(int n) {
  return request_of(
      header(n, "StatusReceiver", false),
      "<Status SchemaVersion=\"1.00\"><Properties><Property Name=\"AdvertisementId\">LON20000</Property>"
      "<Property Name=\"PackageName\">LON00001</Property><Property Name=\"ProgramName\">Install</Property>"
      "</Properties><Type>SoftDistProgramStartedEvent</Type></Status>");
}
wire::Request discovery_request(int n) {
  return request_of(header(n, "MP_DdrEndpoint", false),
                    "<Report><ReportHeader><Identification><Machine><ClientID>" + smsid_of(n) +
                        "</ClientID><NetBIOSName>" + name_of(n) +
                        "</NetBIOSName></Machine></Identification></ReportHeader><ReportBody/></Report>");
}
using Make = wire::Request (*)(int);

// ---- a site that is up
class Scaled {
 public:
  Scaled(const std::string& folder, int clients, bool logs, bool fill)
      : clients_(clients), store_(must(store::Store::open(posix_env(), folder))) {
    if (fill) {
      put_clients(*store_, site_, clients);
      put_model(*store_, site_, clients);
    }
    if (logs) {
      must(posix_env().make_folders(folder + "/logs"));
      site_.logs = must(SiteLogs::open(folder + "/logs", site_.clock));
    }
    mount_client_plane(router_, site_, dps_, [] { return std::string("http://127.0.0.1:8080"); });
  }
  ~Scaled() {
    site_.activity->flush(*store_);
    must(store_->commit([](store::WriteTxn&) { return ok_status(); }));
  }

  // Every `step`-th client asks; microseconds a request, until the last is durable.
  double ask(Make make, int requests) {
    std::vector<wire::Request> all;
    for (int i = 0; i < requests; i++) {
      next_ = (next_ + 7919) % clients_;  // all over the index
      all.push_back(make(next_));
    }
    const SteadyTime begin = clock_.steady();
    CompletionPtr last;
    for (const wire::Request& request : all) {
      auto reply = must(router_.route(request));
      if (reply.after) last = reply.after;
    }
    if (last) must(last->wait());
    return std::chrono::duration<double, std::micro>(clock_.steady() - begin).count() / requests;
  }

  // A collection of everybody, and what the first request after a change of it pays; milliseconds.
  double read_memberships() {
    must(store_->commit([&](store::WriteTxn& txn) -> Status {
      v1::Collection all;
      all.set_name("Everybody");
      for (int n = 0; n < clients_; n++) all.add_members(name_of(n));
      RETURN_IF_ERROR(store::kCollections.put(txn, {collection_key(all.name())}, all));
      return members_changed(txn);
    }));
    const SteadyTime begin = clock_.steady();
    must(Memberships::read(store_->read(), 1));
    return std::chrono::duration<double, std::milli>(clock_.steady() - begin).count();
  }

 private:
  const int clients_;
  int next_ = 0;
  LabClock clock_{system_time_source(), LabClock::Wall{}};
  DpDirectory dps_;
  std::unique_ptr<store::Store> store_;
  Site site_{.options = {},
             .profile = *must(profile_for("2007")),
             .store = *store_,
             .clock = clock_,
             .random = Random(1),
             .log = Log(null_log(), LogForm::kConsole, clock_, "mp")};
  wire::Router router_;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double compare(const std::string& name, Scaled& first, Scaled& second, Make make, int rounds) {
  std::vector<double> a, b, ratios;
  first.ask(make, kRequests);
  second.ask(make, kRequests);
  for (int i = 0; i < rounds; i++) {
    const bool turned = i % 2 == 1;
    const double x = (turned ? second : first).ask(make, kRequests), y = (turned ? first : second).ask(make, kRequests);
    a.push_back(turned ? y : x);
    b.push_back(turned ? x : y);
    ratios.push_back(b.back() / a.back());
  }
  std::ranges::sort(ratios);
  fmt::print("{:<28} {:8.1f} {:8.1f} us   ratio {:.3f} ({:.3f} - {:.3f})\n", name, median(a), median(b), median(ratios),
             ratios[std::min<size_t>(1, ratios.size() - 1)],
             ratios[ratios.size() - std::min<size_t>(2, ratios.size())]);
  std::fflush(stdout);
  return median(ratios);
}

uint64_t kilobytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10);
  }
  return 0;
}
// Resident, and of that what is the process' own; the rest is mostly the index, which is mapped.
uint64_t print_memory(const std::string& when) {
  const uint64_t all = kilobytes("VmRSS");
  fmt::print("{:<28} {:8.1f} MiB, {:.1f} of them its own\n", when, static_cast<double>(all) / 1024,
             static_cast<double>(kilobytes("RssAnon")) / 1024);
  return all;
}

// The site of many clients in a process of its own, as `serve` opens it.
bool open_alone(const std::string& folder, int clients) {
  std::fflush(stdout);
  if (const pid_t child = ::fork(); child != 0) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return status == 0;
  }
  LabClock clock(system_time_source(), LabClock::Wall{});
  const Log log(null_log(), LogForm::kConsole, clock, "mp");
  MpOptions options;
  options.folder = folder;
  double start_ms = 0;
  uint64_t memory = 0;
  {
    const SteadyTime begin = clock.steady();
    const auto mp = must(Mp::open(options, posix_env(), clock, log));
    must(mp->start_control({"127.0.0.1", 0}));
    mp->start();
    start_ms = std::chrono::duration<double, std::milli>(clock.steady() - begin).count();
    fmt::print("{:<28} {:8.1f} ms\n", "start", start_ms);
  }
  {
    Scaled site(folder, clients, false, false);
    const double first = site.ask(policy_request, 1);
    fmt::print("{:<28} {:8.1f} ms\n", "first policy request", first / 1000);
    print_memory("memory");
    for (int asked = 0; asked < clients; asked += kRequests) site.ask(policy_request, kRequests);
    memory = print_memory("memory, each client asked");
  }
  std::fflush(stdout);
  ::_exit(start_ms < kMostStartMs && memory < kMostKilobytes ? 0 : 1);
}

bool run(const std::string& folder, int clients, int rounds) {
  must(posix_env().make_folders(folder));
  fmt::print("{} clients and {} clients, {} adverts, {} collections; medians of {} rounds of {} requests in turns\n",
             kFew, clients, kAdverts, kCollections, rounds, kRequests);
  double ratio = 0;
  {
    Scaled few(folder + "/few", kFew, false, true), many(folder + "/many", clients, false, true);
    ratio = compare("policy", few, many, policy_request, rounds);
    compare("status", few, many, status_request, rounds);
    compare("discovery", few, many, discovery_request, rounds);
    Scaled logged(folder + "/logged", kFew, true, true);
    compare("policy, without and with logs", few, logged, policy_request, rounds);
    std::vector<double> reads;
    for (int i = 0; i < rounds; i++) reads.push_back(many.read_memberships());
    fmt::print("{:<28} {:8.1f} ms\n", "memberships read anew", median(reads));
  }
  return open_alone(folder + "/many", clients) && ratio < kMostRatio;
}
}  // namespace
}  // namespace smslab::mp

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "site_scale FOLDER [CLIENTS] [ROUNDS]\n");
    return 2;
  }
  const auto number = [&](int i, uint64_t absent) {
    return static_cast<int>(argc > i ? smslab::parse_u64(argv[i]).value_or(absent) : absent);
  };
  return smslab::mp::run(argv[1], number(2, 100'000), number(3, 11)) ? 0 : 1;
}
