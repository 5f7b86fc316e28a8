#include "tests/bench/kinds_lab.h"

#include <time.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "mp/client_plane.h"
#include "mp/collections.h"
#include "mp/mp.h"
#include "mp/site_record.h"
#include "proto/base/digest.h"
#include "proto/base/ids.h"
#include "proto/codec/json.h"
#include "proto/schema/timestamp.h"
#include "store/manifest.h"
#include "store/store.h"
#include "store/tables.h"
#include "tests/bench/site_clients.h"

namespace smslab::bench {
namespace {
constexpr const char* kDp = "LON-DCSMS-01";
constexpr const char* kProgram = "Install";
constexpr uint32_t kSiteKeeps = 6, kDpKeeps = 1;
constexpr int kBatch = 1000;

std::string package_id(int n) { return fmt::format("LON{:05X}", n + 1); }
std::string advert_id(int n) { return fmt::format("LON{:05X}", 0x20000 + n); }
std::string collection_name(int n) { return fmt::format("Collection {:06}", n); }

// The i-th of `few` that lie evenly all over `many`.
int spread(int i, int few, int many) { return static_cast<int>(static_cast<int64_t>(i) * many / few); }

// ---- contents: two files that all packages share, and one of a thousand others
constexpr int kOwnFiles = 1000;

v1::FileEntry staged_file(store::Staging& staging, const std::string& path, const std::string& bytes) {
  const auto receiver = must(staging.receive(digest_hex(Algorithm::kSha256, bytes), bytes.size()));
  must(receiver->append(bytes));
  const store::StagedBlob blob = must(receiver->finish());
  v1::FileEntry file;
  file.set_path(path);
  file.set_size(blob.size);
  file.mutable_modified()->set_seconds(1'200'000'000);
  file.mutable_hash()->set_md5(blob.digests.md5);
  file.mutable_hash()->set_sha1(blob.digests.sha1);
  file.mutable_hash()->set_sha256(blob.digests.sha256);
  return file;
}

v1::Manifest finished(v1::Manifest manifest, const std::string& package, int version) {
  manifest.set_package_id(package);
  manifest.set_version(static_cast<uint32_t>(version));
  uint64_t size = 0;
  for (const v1::FileEntry& file : manifest.files()) size += file.size();
  manifest.set_size(size);
  *manifest.mutable_hash() = store::package_hash(manifest);
  return manifest;
}

// A package that has them all, and so keeps them, whatever other packages drop.
v1::Manifest staged_holder(store::Staging& staging, const std::string& package) {
  v1::Manifest holder;
  for (int n = 0; n < kOwnFiles; n++) {
    *holder.add_files() = staged_file(staging, fmt::format("own-{:04}.txt", n), fmt::format("{:-<300}", n));
  }
  *holder.add_files() = staged_file(staging, "readme.txt", std::string(1000, 'r'));
  *holder.add_files() = staged_file(staging, "setup.exe", std::string(4000, 's'));
  return finished(std::move(holder), package, 1);
}

v1::Manifest manifest_of(const v1::Manifest& holder, int n, int version) {
  v1::Manifest manifest;
  *manifest.add_files() = holder.files((n + version) % kOwnFiles);
  manifest.mutable_files(0)->set_path("own.txt");
  *manifest.add_files() = holder.files(kOwnFiles);
  *manifest.add_files() = holder.files(kOwnFiles + 1);
  return finished(std::move(manifest), package_id(n), version);
}

// Every version of every package, in the order in which they came; `record` makes the role's own records of each.
using Record = std::function<Status(store::WriteTxn&, const v1::Manifest&)>;
Status install(store::WriteTxn& txn, store::Blobs& blobs, const v1::Manifest& manifest, uint32_t kept) {
  RETURN_IF_ERROR(blobs.refer(txn, manifest));
  RETURN_IF_ERROR(store::kManifests.put(txn, store::manifest_key(manifest.package_id(), manifest.version()), manifest));
  if (manifest.version() <= kept) return ok_status();
  const store::Key old = store::manifest_key(manifest.package_id(), manifest.version() - kept);
  ASSIGN_OR_RETURN(const v1::Manifest before, store::kManifests.get(txn, old));
  RETURN_IF_ERROR(blobs.drop(txn, before));
  return store::kManifests.erase(txn, old);
}

void put_contents(store::Store& store, const LabSize& size, uint32_t kept, const Record& record) {
  const auto staging = must(store.blobs().stage());
  const v1::Manifest holder = staged_holder(*staging, package_id(size.packages));
  must(staging->make_durable());
  must(store.commit([&](store::WriteTxn& txn) -> Status {
    RETURN_IF_ERROR(staging->publish(txn));
    RETURN_IF_ERROR(install(txn, store.blobs(), holder, kept));
    return record(txn, holder);
  }));
  const int all = size.packages * size.versions;
  for (int first = 0; first < all; first += kBatch) {
    must(store.commit([&](store::WriteTxn& txn) -> Status {
      for (int i = first; i < std::min(first + kBatch, all); i++) {
        const v1::Manifest manifest = manifest_of(holder, i / size.versions, i % size.versions + 1);
        RETURN_IF_ERROR(install(txn, store.blobs(), manifest, kept));
        RETURN_IF_ERROR(record(txn, manifest));
      }
      return ok_status();
    }));
  }
}

v1::Package package_of(const v1::Manifest& manifest) {
  v1::Package package;
  package.set_id(manifest.package_id());
  package.set_name("Package " + manifest.package_id());
  package.set_source("/srv/" + manifest.package_id());
  package.set_source_version(manifest.version());
  package.set_size(manifest.size());
  package.set_file_count(static_cast<uint64_t>(manifest.files_size()));
  *package.mutable_hash() = manifest.hash();
  v1::Program* program = package.add_programs();
  program->set_name(kProgram);
  program->set_command_line("setup.exe");
  v1::PackageDp* dp = package.add_dps();
  dp->set_dp(kDp);
  dp->set_state(v1::PackageDp::INSTALLED);
  dp->set_version(manifest.version());
  return package;
}

// ---- rules, of every place where the client plane asks for some; each about somebody, or something, else
v1::FaultRule rule_of(int n) {
  static constexpr std::array kForms = {
      R"({{"id":"{}","match":{{"client":"OTHER-{}"}},"assignments":{{"how":"EMPTY"}}}})",
      R"({{"id":"{}","match":{{"client":"OTHER-{}"}},"emptyBody":{{}}}})",
      R"({{"id":"{}","match":{{"package":"{}","client":"OTHER"}},"emptyListing":{{}}}})",
      R"({{"id":"{}","match":{{"package":"{}"}},"locations":{{"how":"EMPTY"}}}})",
  };
  const size_t form = static_cast<size_t>(n) % kForms.size();
  const std::string about = form < 2 ? std::to_string(n) : fmt::format("LON{:05X}", 0x80000 + n);
  v1::FaultRule rule;
  must(codec::from_json(fmt::format(fmt::runtime(kForms.at(form)), n + 1, about), &rule));
  must(fault::check_rule(rule));
  return rule;
}

// ---- requests
wire::Request plain_request(const std::string& method, const std::string& path, const std::string& query = {}) {
  wire::Request request;
  request.method = method;
  request.path = path;
  request.target = query.empty() ? path : path + "?" + query;
  request.query = query;
  request.has_query = !query.empty();
  request.fields = {{"Host", "127.0.0.1:8080"}};
  request.peer = {.host = "127.0.0.1", .port = 50000};
  return request;
}

wire::Request location_request(int client, const std::string& package, int version) {
  return request_of(
      header(client, "MP_LocationManager", true),
      fmt::format("<ContentLocationRequest SchemaVersion=\"1.00\"><AssignedSite SiteCode=\"LON\"/><ClientLocationInfo "
                  "LocationType=\"SMSPackage\"/><Package ID=\"{}\" Version=\"{}\"/></ContentLocationRequest>",
                  package, version));
}

wire::Request request_at(Asked what, int client, const std::string& advert, const std::string& package, int version) {
  const std::string folder = "/SMS_DP_SMSPKG$/" + package;
  switch (what) {
    case Asked::kPolicy: return policy_request(client);
    case Asked::kBody: return plain_request("GET", "/SMS_MP/.sms_pol", policy_id(advert, package, kProgram) + ".1_00");
    case Asked::kLocation: return location_request(client, package, version);
    case Asked::kGet: return plain_request("GET", folder + "/own.txt");
    case Asked::kListing: break;
  }
  return plain_request("PROPFIND", folder);
}

// What the reply to it must hold, or be as long as.
bool is_right(Asked what, const wire::Reply& reply) {
  if (what == Asked::kListing) return reply.status == 207 && reply.body.size() > 1500;
  return reply.status == 200 && reply.body.size() >= (what == Asked::kGet ? 300 : 500);
}
}  // namespace

KindsLab::KindsLab(std::string folder, const LabSize& size)
    : folder_(std::move(folder)),
      size_(size),
      store_(must(store::Store::open(posix_env(), folder_ + "/site"))),
      site_{.options = {},
            .profile = *must(mp::profile_for("2007")),
            .store = *store_,
            .clock = clock_,
            .random = Random(1),
            .log = Log(null_log(), LogForm::kConsole, clock_, "mp")} {
  fill_site();
  fill_dp();
  dps_.add({.name = kDp, .url = "http://127.0.0.1:8081", .control_url = "http://127.0.0.1:1", .token = "token"});
  mp::mount_client_plane(mp_router_, site_, dps_, [] { return std::string("http://127.0.0.1:8080"); });
  dp_ = must(dp::DistributionPoint::open({kDp, folder_ + "/dp", "token"}, posix_env(), clock_, site_.log));
  const auto name_of_address = [this](const std::string& address) { return site_.activity->client_at(address); };
  const auto way = [&](const wire::Router& router, fault::Place place) {
    return std::unique_ptr<Way>(
        new Way{router, fault::RuleInjector(std::move(place), *site_.rules, clock_, timers_, name_of_address)});
  };
  mp_way_ = way(mp_router_, {.role = v1::FaultMatch::MP});
  dp_way_ = way(dp_->router(), {.role = v1::FaultMatch::DP, .dp = kDp});
  for (const AskedRow& row : kAsked) {
    auto& all = requests_.at(static_cast<size_t>(row.asked)) = requests(row.asked);
    for (const wire::Request& request : all) {
      if (is_right(row.asked, answer(row.asked, request))) continue;
      must(internal_error(fmt::format("a wrong reply to {} {}", row.name, request.target)));
    }
  }
}

KindsLab::~KindsLab() {
  site_.activity->flush(*store_);
  must(store_->commit([](store::WriteTxn&) { return ok_status(); }));
}

void KindsLab::fill_site() {
  put_clients(*store_, site_, size_.clients);
  put_contents(*store_, size_, kSiteKeeps, [](store::WriteTxn& txn, const v1::Manifest& manifest) {
    return store::kPackages.put(txn, {manifest.package_id()}, package_of(manifest));
  });
  put_model();
  put_rules();
}

// As many collections as there are who ask, each with its share of the clients; one advert goes to each. The other
// adverts go, ten at a time, to collections of computers that nobody knows.
void KindsLab::put_model() {
  const int ring = std::min({size_.asked, size_.clients, size_.adverts});
  const int others = (size_.adverts - ring + 9) / 10;
  std::vector<v1::Collection> collections(static_cast<size_t>(ring + others));
  for (int c = 0; c < ring + others; c++) {
    v1::Collection& collection = collections[static_cast<size_t>(c)];
    collection.set_name(collection_name(c));
    if (c >= ring) collection.add_members(fmt::format("OTHER-{:06}", c));
  }
  for (int i = 0; i < size_.clients; i++) {
    const auto c = static_cast<size_t>(static_cast<int64_t>(i) * ring / size_.clients);
    collections[c].add_members(name_of(i));
  }
  std::vector<v1::Advert> adverts(static_cast<size_t>(size_.adverts));
  for (int a = 0; a < size_.adverts; a++) {
    v1::Advert& advert = adverts[static_cast<size_t>(a)];
    advert.set_id(advert_id(a));
    advert.set_package(package_id(a % size_.packages));
    advert.set_program(kProgram);
    if (others > 0) advert.set_collection(collection_name(ring + a % others));
    *advert.mutable_start() = to_timestamp(site_.clock.now());
    advert.set_policy_version(1);
  }
  const int packages = std::min(size_.asked, size_.packages);
  for (int c = 0; c < ring; c++) {
    v1::Advert& advert = adverts[static_cast<size_t>(spread(c, ring, size_.adverts))];
    advert.set_package(package_id(spread(c % packages, packages, size_.packages)));
    advert.set_collection(collection_name(c));
  }
  must(store_->commit([&](store::WriteTxn& txn) -> Status {
    for (const v1::Collection& collection : collections) {
      RETURN_IF_ERROR(store::kCollections.put(txn, {mp::collection_key(collection.name())}, collection));
    }
    for (const v1::Advert& advert : adverts) RETURN_IF_ERROR(store::kAdverts.put(txn, {advert.id()}, advert));
    return mp::policy_changed(txn, site_);
  }));
}

void KindsLab::put_rules() {
  for (int n = 0; n < size_.rules; n++) site_.rules->put(rule_of(n));
}

void KindsLab::fill_dp() {
  const auto store = must(store::Store::open(posix_env(), folder_ + "/dp"));
  put_contents(*store, size_, kDpKeeps, [this](store::WriteTxn& txn, const v1::Manifest& manifest) {
    v1::DpContent content;
    content.set_package_id(manifest.package_id());
    content.set_version(manifest.version());
    content.set_manifest_digest(store::manifest_digest(manifest));
    content.set_generation(manifest.version());
    content.set_size(manifest.size());
    *content.mutable_installed() = to_timestamp(clock_.now());
    return store::kDpContents.put(txn, {content.package_id()}, content);
  });
}

std::vector<wire::Request> KindsLab::requests(Asked what) const {
  const int ring = std::min({size_.asked, size_.clients, size_.adverts});
  const int packages = std::min(size_.asked, size_.packages);
  std::vector<wire::Request> all;
  for (int i = 0; i < size_.asked; i++) {
    const int client =
        spread(i % std::min(size_.asked, size_.clients), std::min(size_.asked, size_.clients), size_.clients);
    const int asks = what == Asked::kBody ? i % ring : i;
    all.push_back(request_at(what, client, advert_id(spread(i % ring, ring, size_.adverts)),
                             package_id(spread(asks % packages, packages, size_.packages)), size_.versions));
  }
  return all;
}

wire::Reply KindsLab::answer(Asked what, const wire::Request& request) {
  Way& way = what == Asked::kGet || what == Asked::kListing ? *dp_way_ : *mp_way_;
  wire::Reply reply = must(way.router.route(request));
  if (const auto delivery = way.injector.deliver(request, way.router, &reply)) {
    must(internal_error("rule " + delivery->rules + " hits somebody else"));
  }
  return reply;
}

double KindsLab::ask(Asked what, int requests) {
  const auto& all = requests_.at(static_cast<size_t>(what));
  size_t& next = next_.at(static_cast<size_t>(what));
  const double begin = processor_seconds();
  for (int i = 0; i < requests; i++) answer(what, all[next++ % all.size()]);
  return (processor_seconds() - begin) * 1e6 / requests;
}

double processor_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

Started start_again(const std::string& folder, const LabSize& size) {
  LabClock clock(system_time_source(), LabClock::Wall{});
  const Log log(null_log(), LogForm::kConsole, clock, "mp");
  const double begin = processor_seconds();
  const auto since = [&] { return (processor_seconds() - begin) * 1e3; };
  Started out;
  const auto point = must(dp::DistributionPoint::open({kDp, folder + "/dp", "token"}, posix_env(), clock, log));
  const HostPort control = must(point->start_control({"127.0.0.1", 0}));
  mp::MpOptions options;
  options.folder = folder + "/site";
  auto site = must(mp::Mp::open(options, posix_env(), clock, log));
  must(site->add_dp({.name = kDp,
                     .url = "http://127.0.0.1:8081",
                     .control_url = "http://" + format_host_port(control),
                     .token = "token"}));
  site->set_mp_url("http://127.0.0.1:8080");
  must(site->start_control({"127.0.0.1", 0}));
  site->start();
  const std::string package = package_id(size.packages - 1);
  must(site->router().route(policy_request(0)));
  must(point->router().route(request_at(Asked::kGet, 0, {}, package, size.versions)));
  out.first_reply = since();
  site.reset();  // which ends what the start has begun
  out.settled = since();
  return out;
}

}  // namespace smslab::bench
