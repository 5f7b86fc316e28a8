#include <atomic>
#include <set>
#include <thread>

#include "mp/control_api.h"
#include "mp/mp.h"
#include "mp/openapi.h"
#include "proto/codec/json.h"
#include "proto/control/client.h"
#include "proto/schema/scenario.pb.h"
#include "proto/schema/timestamp.h"
#include "tests/mp/site_fixture.h"
#include "tests/support/openapi_check.h"
#include "tests/support/recorded.h"

namespace smslab::mp {
namespace {
using ::testing::HasSubstr;

class ApiTest : public SiteTest {
 protected:
  ApiTest() {
    add_dp(kDp);
    for (auto& route : control_routes(context_)) server_.add(std::move(route));
    const HostPort at = *server_.start({"127.0.0.1", 0});
    base_ = "http://" + format_host_port(at);
    http_ = std::make_unique<control::HttpClient>(control::HttpClientOptions{.base = base_, .token = {}, .bind = {}});
  }
  ~ApiTest() override {
    site_->changes->stop();
    server_.stop();
  }

  struct Answer {
    int status = 0;
    std::string body;
    v1::ErrorBody error;
  };
  Answer ask(const std::string& method, const std::string& target, const std::string& body = {}) {
    control::HttpRequest request;
    request.method = method;
    request.target = target;
    request.body = body;
    if (!body.empty()) request.fields = {{"Content-Type", "application/json"}};
    const auto reply = http_->send(request);
    EXPECT_EQ(reply.status(), ok_status()) << method << " " << target;
    if (!reply.ok()) return {};
    Answer answer{reply->status, reply->body, {}};
    EXPECT_EQ(document_.call(method, target, body, reply->status, reply->body), "") << method << " " << target;
    if (reply->status >= 400) {
      v1::ScenarioRefusal error;  // an ErrorReply, and more where a scenario is refused
      EXPECT_EQ(codec::from_json(reply->body, &error), ok_status()) << reply->body;
      answer.error = error.error();
    }
    return answer;
  }
  template <class M>
  M get(const std::string& target) {
    const Answer answer = ask("GET", target);
    EXPECT_EQ(answer.status, 200) << target << " " << answer.body;
    M message;
    EXPECT_EQ(codec::from_json(answer.body, &message), ok_status()) << answer.body;
    return message;
  }
  // A package, a collection and an advert.
  void seed() {
    ASSERT_EQ(ask("POST", "/api/v1/packages", codec::to_json(request())).status, 201);
    ASSERT_EQ(ask("POST", "/api/v1/collections", R"({"name":"Admin Systems","members":["wrk-lon-001"]})").status, 201);
    ASSERT_EQ(ask("POST", "/api/v1/adverts",
                  R"({"id":"LON20000","package":"LON00001","program":"Program 1","collection":"Admin Systems"})")
                  .status,
              201);
  }

  std::atomic<bool> ready_ = true;
  v1::Scenario start_;
  ControlContext context_{
      *site_,    dps_,    *catch_up_, secrets_,
      *imports_, *polls_, ready_,     [this](Problems* problems) { return reset_to(start_, problems); }};
  const test::OpenApiCheck document_{openapi(control_routes(context_))};  // every call of these tests is held to it
  control::ControlServer server_{{}, clock_, site_->log};
  std::string base_;
  std::unique_ptr<control::HttpClient> http_;
};

TEST_F(ApiTest, TheOpenApiDocumentIsTheRouteTable) {
  ASSERT_TRUE(document_.ok());
  std::set<std::string> routes;
  for (const auto& route : control_routes(context_)) routes.insert(route.method + " " + route.pattern);
  EXPECT_EQ(document_.operations(), routes);
  // Served is what the table gives, and what it does not know is refused.
  const Answer served = ask("GET", "/openapi.json");
  EXPECT_EQ(served.status, 200);
  EXPECT_EQ(test::OpenApiCheck(served.body).operations(), routes);
  const Answer odd = ask("GET", "/api/v1/status-messages?packages=LON00001");
  EXPECT_EQ(odd.status, 400);
  EXPECT_EQ(odd.error.field(), "packages");
  EXPECT_THAT(odd.error.message(),
              HasSubstr("it takes package, advert, client, component, severity, after, sequence, limit, wait_ms"));
  EXPECT_EQ(ask("GET", "/healthz?x=1").error.message(), "unknown query key 'x' of /healthz; it takes none");
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
}

TEST_F(ApiTest, TheMainWay) {
  manager_->start();
  seed();
  const Answer ordered = ask("POST", "/api/v1/packages/LON00001/distribute", R"({"dps":["LON-DCSMS-01"]})");
  EXPECT_EQ(ordered.status, 202);
  const auto package = get<v1::Package>("/api/v1/packages/LON00001?wait_ms=20000");
  EXPECT_EQ(package.dps(0).state(), v1::PackageDp::INSTALLED);
  EXPECT_THAT(ordered.body, HasSubstr("\"sourceVersion\":1"));
  EXPECT_EQ(get<v1::PackageList>("/api/v1/packages").packages_size(), 1);
  EXPECT_EQ(get<v1::ProgramList>("/api/v1/packages/LON00001/programs").programs_size(), 1);
  const auto dp = get<v1::DpInfo>("/api/v1/dps/lon-dcsms-01");
  EXPECT_EQ(dp.contents(0).package_id(), "LON00001");
  EXPECT_TRUE(dp.error().empty());
  EXPECT_EQ(get<v1::DpList>("/api/v1/dps").dps_size(), 1);
  EXPECT_EQ(get<v1::AdvertList>("/api/v1/adverts").adverts_size(), 1);
  EXPECT_EQ(get<v1::StatusMessageList>("/api/v1/status-messages?package=lon00001&after=1").status_messages(0).id(), 2u);
  EXPECT_EQ(get<v1::ImportList>("/api/v1/imports").imports_size(), 0);
  const Answer fsck = ask("POST", "/api/v1/fsck");
  EXPECT_EQ(fsck.status, 200);
  EXPECT_THAT(fsck.body, HasSubstr("\"problems\":[]"));
  EXPECT_EQ(ask("DELETE", "/api/v1/adverts/LON20000").status, 204);
  EXPECT_EQ(ask("DELETE", "/api/v1/collections/admin%20systems").status, 204);
  EXPECT_EQ(ask("DELETE", "/api/v1/packages/LON00001").status, 202);
}

TEST_F(ApiTest, Members) {
  seed();
  const std::string members = "/api/v1/collections/Admin%20Systems/members";
  EXPECT_EQ(ask("POST", members, R"({"members":["b","c"]})").status, 200);
  EXPECT_EQ(ask("DELETE", members, R"({"members":["b"]})").status, 200);
  auto collection = get<v1::Collection>("/api/v1/collections/ADMIN%20SYSTEMS");
  EXPECT_THAT(collection.members(), ::testing::ElementsAre("WRK-LON-001", "C"));
  EXPECT_EQ(collection.id(), "LON00001");
  EXPECT_EQ(ask("PATCH", "/api/v1/collections/Admin%20Systems", R"({"members":[]})").status, 200);
  EXPECT_EQ(get<v1::Collection>("/api/v1/collections/ADMIN%20SYSTEMS").members_size(), 0);
}

TEST_F(ApiTest, AChangeOfACollectionTouchesWhatItNames) {
  seed();
  const std::string one = "/api/v1/collections/Top";
  ASSERT_EQ(ask("POST", "/api/v1/collections", R"({"name":"Below"})").status, 201);
  ASSERT_EQ(ask("POST", "/api/v1/collections", R"({"name":"Top","members":["a"],"collections":["Below"]})").status,
            201);
  const auto top = [&] {
    const auto collection = get<v1::Collection>(one);
    return joined(collection.members()) + "|" + joined(collection.collections());
  };
  const std::string before = dump();
  EXPECT_EQ(ask("PATCH", one, "{}").status, 200);
  EXPECT_EQ(ask("PATCH", one).status, 200);
  EXPECT_EQ(dump(), before);
  EXPECT_EQ(ask("PATCH", one, R"({"members":[]})").status, 200);
  EXPECT_EQ(top(), "|Below");
  EXPECT_EQ(ask("PATCH", one, R"({"members":["b","c"]})").status, 200);
  EXPECT_EQ(top(), "B, C|Below");
  EXPECT_EQ(ask("PATCH", one, R"({"collections":[]})").status, 200);
  EXPECT_EQ(top(), "B, C|");
  EXPECT_EQ(ask("PATCH", one, R"({"members":[""],"collections":["Below"]})").status, 200);
  EXPECT_EQ(top(), "|Below");
  EXPECT_EQ(ask("PATCH", one, R"({"members":["",""]})").status, 400);
  EXPECT_EQ(ask("PATCH", one, R"({"id":"LON000FF"})").error.field(), "id");
  EXPECT_EQ(top(), "|Below");
  EXPECT_EQ(get<v1::Collection>("/api/v1/collections/lon00002").name(), "Below");  // by its ID
  EXPECT_EQ(get<v1::Collection>("/api/v1/collections/SMS00001").name(), "All Systems");
  EXPECT_EQ(ask("POST", "/api/v1/collections/LON00002/members", R"({"members":["d"]})").status, 200);
  EXPECT_EQ(get<v1::Collection>("/api/v1/collections/Below").members(0), "D");
  EXPECT_EQ(ask("DELETE", "/api/v1/collections/LON00003").status, 204);
  EXPECT_EQ(ask("GET", one).status, 404);
}

TEST_F(ApiTest, ChangesOfNothingSayNothing) {
  seed();
  const std::string before = dump();
  for (const char* target : {"/api/v1/packages/LON00001", "/api/v1/packages/LON00001/programs/Program%201",
                             "/api/v1/adverts/LON20000", "/api/v1/collections/Admin%20Systems"}) {
    EXPECT_EQ(ask("PATCH", target, "{}").status, 200) << target;
  }
  EXPECT_EQ(ask("PATCH", "/api/v1/packages/LON00001", R"({"id":"lon00001"})").status, 200);
  EXPECT_EQ(dump(), before);
}

TEST_F(ApiTest, WhatAChangeGivesIsWhatShowGives) {
  seed();
  ASSERT_EQ(store_->commit([&](store::WriteTxn& txn) {
    return emit(txn, *site_, {.id = 10002, .advert = "LON20000", .client = "WRK-LON-001"});
  }),
            ok_status());
  const Answer changed = ask("PATCH", "/api/v1/adverts/LON20000", R"({"name":"Other"})");
  EXPECT_EQ(changed.body, ask("GET", "/api/v1/adverts/LON20000").body);
  EXPECT_THAT(changed.body, HasSubstr("\"received\":1"));
  ASSERT_EQ(ask("POST", "/api/v1/clients", R"({"name":"wrk-lon-001"})").status, 201);
  const Answer approved = ask("PATCH", "/api/v1/clients/wrk-lon-001", R"({"approval":"PENDING"})");
  EXPECT_EQ(approved.body, ask("GET", "/api/v1/clients/wrk-lon-001").body);
}

TEST_F(ApiTest, AScenarioCanBeOnlyLookedAt) {
  const std::string before = dump();
  EXPECT_EQ(ask("POST", "/api/v1/scenario?check=true", R"({"collections":[{"name":"A"}]})").status, 200);
  EXPECT_EQ(ask("POST", "/api/v1/scenario?check=true", R"({"collections":[{"name":" A"}]})").error.field(),
            "collections[0].name");
  EXPECT_EQ(ask("POST", "/api/v1/scenario?check=perhaps", "{}").error.field(), "check");
  EXPECT_EQ(dump(), before);
}

TEST_F(ApiTest, AdvertsChangeAndTheirVersionRises) {
  seed();
  EXPECT_EQ(ask("PATCH", "/api/v1/adverts/LON20000", R"({"download":true,"rerun":"ALWAYS"})").status, 200);
  EXPECT_EQ(ask("PATCH", "/api/v1/adverts/LON20000", R"({"mandatory":"2026-11-21T21:00:00Z"})").status, 200);
  const auto advert = get<v1::Advert>("/api/v1/adverts/lon20000");
  EXPECT_TRUE(advert.download());  // the second change did not speak of it
  EXPECT_EQ(advert.rerun(), v1::Advert::ALWAYS);
  EXPECT_TRUE(advert.has_mandatory());
  EXPECT_EQ(advert.policy_version(), 3u);
  EXPECT_EQ(advert.clients(0).client(), "WRK-LON-001");
  EXPECT_THAT(ask("GET", "/api/v1/adverts/LON20000").body, HasSubstr("\"summary\":{\"received\":0"));
}

// The beginning of 1970 takes a time away.
TEST_F(ApiTest, AnAdvertsTimesCanBeTakenAway) {
  seed();
  const std::string advert = "/api/v1/adverts/LON20000", none = "\"1970-01-01T00:00:00Z\"";
  ASSERT_EQ(
      ask("PATCH", advert,
          R"({"start":"2026-11-22T20:00:00Z","mandatory":"2026-11-23T20:00:00Z","expires":"2026-11-24T20:00:00Z"})")
          .status,
      200);
  EXPECT_EQ(ask("PATCH", advert, "{\"expires\":" + none + "}").status, 200);
  auto now = get<v1::Advert>(advert);
  EXPECT_FALSE(now.has_expires());
  EXPECT_TRUE(now.has_mandatory());
  EXPECT_EQ(now.policy_version(), 3u);
  EXPECT_EQ(ask("PATCH", advert, "{\"mandatory\":" + none + ",\"start\":" + none + "}").status, 200);
  now = get<v1::Advert>(advert);
  EXPECT_FALSE(now.has_mandatory());
  EXPECT_EQ(from_timestamp(now.start()), clock_.now()) << "without a start it starts now";
  EXPECT_EQ(now.policy_version(), 4u);
  // A new one with no times has none either, and the start of one that would be over by then is refused.
  ASSERT_EQ(ask("POST", "/api/v1/adverts",
                R"({"package":"LON00001","program":"Program 1","collection":"Admin Systems","expires":)" + none + "}")
                .status,
            201);
  EXPECT_FALSE(get<v1::Advert>("/api/v1/adverts/LON20001").has_expires());
  ASSERT_EQ(ask("PATCH", advert, R"({"start":"2026-11-20T20:00:00Z","expires":"2026-11-21T10:00:00Z"})").status, 200);
  const std::string before = dump();
  EXPECT_EQ(ask("PATCH", advert, "{\"start\":" + none + "}").error.field(), "expires");
  EXPECT_EQ(dump(), before);
}

TEST_F(ApiTest, AResetIsTheScenarioOrEveryError) {
  seed();
  start_.add_packages()->set_source("/nowhere");
  start_.add_clients()->set_name("A");
  start_.add_clients()->set_name("a");
  const std::string before = dump();
  const Answer refused = ask("POST", "/api/v1/reset");
  EXPECT_EQ(refused.status, 400) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr(R"("field":"packages[0].source")"));
  EXPECT_THAT(refused.body, HasSubstr(R"("field":"clients[1].name")"));
  EXPECT_EQ(dump(), before);
  start_.clear_packages();
  start_.mutable_clients()->RemoveLast();
  const Answer done = ask("POST", "/api/v1/reset");
  EXPECT_EQ(done.status, 200);
  EXPECT_THAT(done.body, HasSubstr(R"("clients":[{"name":"A")"));
  EXPECT_EQ(get<v1::PackageList>("/api/v1/packages").packages_size(), 0);
}

// Whoever asks with an id of before the reset is given the messages from the first one on.
TEST_F(ApiTest, AStatusPollGoesOnBehindAReset) {
  seed();
  start_.add_collections()->set_name("Fresh");
  const auto first = get<v1::StatusMessageList>("/api/v1/status-messages");
  const std::string after =
      "/api/v1/status-messages?wait_ms=20000&after=" + std::to_string(first.status_messages().rbegin()->id()) +
      "&sequence=" + std::to_string(first.sequence());
  v1::StatusMessageList next;
  std::thread waiting([&] {
    control::HttpClient http({.base = base_, .token = {}, .bind = {}});
    EXPECT_EQ(http.call("GET", after, nullptr, &next), ok_status());
  });
  EXPECT_EQ(ask("POST", "/api/v1/reset").status, 200);
  waiting.join();
  EXPECT_NE(next.sequence(), first.sequence());
  ASSERT_EQ(next.status_messages_size(), 1);
  EXPECT_EQ(next.status_messages(0).id(), 1u);
  EXPECT_EQ(next.status_messages(0).message_id(), 30015u);
  EXPECT_EQ(get<v1::StatusMessageList>(after).status_messages_size(), 1) << "asked later, the same";
}

TEST_F(ApiTest, Clients) {
  v1::Client wanted;
  wanted.set_name("wrk-lon-001");
  wanted.set_smsid("{f5ec9167-62ab-43bb-870e-4f40a720ab52}");
  wanted.set_certificate(testing::test_data("wire/client.pem"));
  const Answer made = ask("POST", "/api/v1/clients", codec::to_json(wanted));
  ASSERT_EQ(made.status, 201) << made.body;
  const auto client = get<v1::Client>("/api/v1/clients/WRK-LON-001");
  EXPECT_EQ(client.smsid(), "GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52");
  EXPECT_TRUE(client.public_key().starts_with("06020000"));
  EXPECT_FALSE(client.registered());
  EXPECT_EQ(ask("POST", "/api/v1/clients", R"({"name":"WRK-LON-001"})").error.field(), "name");
  wanted.set_name("WRK-LON-002");
  EXPECT_EQ(ask("POST", "/api/v1/clients", codec::to_json(wanted)).error.field(), "smsid");
  EXPECT_EQ(get<v1::ClientList>("/api/v1/clients").clients_size(), 1);
  ASSERT_EQ(ask("POST", "/api/v1/clients", R"({"name":"WRK-LON-003"})").status, 201);
  ASSERT_EQ(ask("POST", "/api/v1/clients", R"({"name":"WRK-LON-002"})").status, 201);
  const auto names = [&](const std::string& query) {
    std::string out;
    const auto list = get<v1::ClientList>("/api/v1/clients" + query);
    for (const auto& c : list.clients()) out += c.name().substr(8) + " ";
    return out;
  };
  EXPECT_EQ(names(""), "001 002 003 ");
  EXPECT_EQ(names("?limit=2"), "001 002 ");
  EXPECT_EQ(names("?limit=2&after=wrk-lon-002"), "003 ");
  EXPECT_EQ(names("?after=WRK-LON-0015"), "002 003 ");
  EXPECT_EQ(names("?after=WRK-LON-003"), "");
  EXPECT_EQ(ask("GET", "/api/v1/clients?limit=0").error.field(), "limit");
  EXPECT_EQ(ask("GET", "/api/v1/clients?limit=10001").error.field(), "limit");
  EXPECT_EQ(ask("GET", "/api/v1/clients?after=a%20b").error.field(), "after");
}

TEST_F(ApiTest, SettingsBoundariesAndApproval) {
  EXPECT_EQ(get<v1::SiteSettings>("/api/v1/site").retries(), 100u);
  EXPECT_EQ(ask("PATCH", "/api/v1/site", R"({"retries":3,"approveClients":false})").status, 200);
  const auto settings = get<v1::SiteSettings>("/api/v1/site");
  EXPECT_EQ(settings.retries(), 3u);
  EXPECT_EQ(settings.retry_interval_minutes(), 30u);
  EXPECT_FALSE(settings.approve_clients());
  EXPECT_EQ(ask("PATCH", "/api/v1/site", R"({"retries":0})").error.field(), "retries");

  EXPECT_EQ(ask("POST", "/api/v1/boundaries", R"({"name":"Office","subnet":"10.0.0.0/8"})").status, 201);
  EXPECT_EQ(ask("POST", "/api/v1/boundaries", R"({"name":"B","subnet":"10.1.0.0/16"})").error.field(), "subnet");
  EXPECT_EQ(get<v1::Boundary>("/api/v1/boundaries/office").subnet(), "10.0.0.0/8");
  EXPECT_EQ(get<v1::BoundaryList>("/api/v1/boundaries").boundaries_size(), 1);
  EXPECT_EQ(ask("DELETE", "/api/v1/boundaries/Office").status, 204);
  EXPECT_EQ(ask("DELETE", "/api/v1/boundaries/Office").error.field(), "name");

  ASSERT_EQ(ask("POST", "/api/v1/clients", R"({"name":"PC1"})").status, 201);
  EXPECT_EQ(ask("PATCH", "/api/v1/clients/pc1", R"({"approval":"REJECTED"})").status, 200);
  EXPECT_EQ(get<v1::Client>("/api/v1/clients/PC1").approval(), v1::Client::REJECTED);
  EXPECT_EQ(ask("PATCH", "/api/v1/clients/PC1", R"({"fqdn":"x"})").error.field(), "approval");
  EXPECT_EQ(ask("PATCH", "/api/v1/clients/PC2", R"({"approval":"APPROVED"})").error.field(), "name");
}

TEST_F(ApiTest, TheClock) {
  EXPECT_TRUE(get<v1::ClockState>("/api/v1/clock").frozen());
  EXPECT_EQ(ask("POST", "/api/v1/clock", R"({"advanceMs":"3600000"})").status, 200);
  EXPECT_EQ(clock_.now(), *parse_rfc3339("2026-11-21T21:00:00Z"));
  EXPECT_EQ(ask("POST", "/api/v1/clock", R"({"freeze":"2007-10-26T16:00:00Z"})").status, 200);
  EXPECT_EQ(clock_.now(), *parse_rfc3339("2007-10-26T16:00:00Z"));
  EXPECT_EQ(ask("POST", "/api/v1/clock", R"({"run":true})").status, 200);
  EXPECT_FALSE(clock_.frozen());
}

TEST_F(ApiTest, Ready) {
  EXPECT_EQ(ask("GET", "/readyz").status, 200);
  ready_ = false;
  EXPECT_EQ(ask("GET", "/readyz").status, 503);
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
}

TEST_F(ApiTest, AStatusPollWakes) {
  std::thread later([&] {
    // Whenever this comes, before the poll or into it, the poll sees it.
    EXPECT_EQ(store_->commit([&](store::WriteTxn& txn) { return emit(txn, *site_, {.id = 10002, .client = "A"}); }),
              ok_status());
  });
  EXPECT_EQ(get<v1::StatusMessageList>("/api/v1/status-messages?client=a&wait_ms=20000").status_messages_size(), 1);
  later.join();
}

TEST_F(ApiTest, CatalogueAndComponents) {
  EXPECT_EQ(get<v1::StatusCatalogue>("/api/v1/status-catalogue").messages_size(), status_catalogue().messages_size());
  ASSERT_EQ(store_->commit([&](store::WriteTxn& txn) { return emit(txn, *site_, {.id = 2302}); }), ok_status());
  const auto components = get<v1::ComponentStatusList>("/api/v1/components");
  EXPECT_EQ(components.components(0).component(), "SMS_DISTRIBUTION_MANAGER");
  EXPECT_EQ(components.components(0).light(), v1::ComponentStatus::WARNING);
  const auto count = [&](const std::string& query) {
    return get<v1::StatusMessageList>("/api/v1/status-messages?" + query).status_messages_size();
  };
  EXPECT_EQ(count("component=sms_distribution_manager&severity=Error"), 1);
  EXPECT_EQ(count("severity=warning"), 0);
  EXPECT_EQ(ask("GET", "/api/v1/status-messages?severity=bad").error.field(), "severity");
  EXPECT_EQ(ask("GET", "/api/v1/status-messages?component=SMS").error.field(), "component");
  EXPECT_EQ(ask("GET", "/api/v1/status-messages?limit=0").error.field(), "limit");
  EXPECT_EQ(count(""), 1);
}

// Every bad input: its code, its field, nothing written, and the next request works.
TEST_F(ApiTest, BadInput) {
  seed();
  source("bad", {{"a.txt", "x"}, {"A.TXT", "y"}});
  source("file", {{"plain", "x"}});
  const std::string good_source = folder_ + "/adminpak";
  struct Bad {
    std::string method, target, body;
    int status;
    std::string code, field;
  };
  const auto package = [&](const std::string& id, const std::string& name, const std::string& from,
                           const std::string& more = {}) {
    return R"({"id":")" + id + R"(","name":")" + name + R"(","source":")" + from + "\"" + more + "}";
  };
  const std::string packages = "/api/v1/packages";
  const std::string one = packages + "/LON00001";
  const std::vector<Bad> table = {
      {"POST", packages, package("LON1", "n", good_source), 400, "INVALID_ARGUMENT", "id"},
      {"POST", packages, package("LON0000G", "n", good_source), 400, "INVALID_ARGUMENT", "id"},
      {"POST", packages, package("../00001", "n", good_source), 400, "INVALID_ARGUMENT", "id"},
      {"POST", packages, package("lon00001", "n", good_source), 409, "ALREADY_EXISTS", "id"},
      {"POST", packages, package("LON00002", "", good_source), 400, "INVALID_ARGUMENT", "name"},
      {"POST", packages, package("LON00002", "a\\u0000b", good_source), 400, "INVALID_ARGUMENT", "name"},
      {"POST", packages, package("LON00002", " n", good_source), 400, "INVALID_ARGUMENT", "name"},
      {"POST", packages, package("LON00002", "n", ""), 400, "INVALID_ARGUMENT", "source"},
      {"POST", packages, package("LON00002", "n", "adminpak"), 400, "INVALID_ARGUMENT", "source"},
      {"POST", packages, package("LON00002", "n", folder_ + "/absent"), 400, "INVALID_ARGUMENT", "source"},
      {"POST", packages, package("LON00002", "n", folder_ + "/file/plain"), 400, "INVALID_ARGUMENT", "source"},
      {"POST", packages, package("LON00002", "n", good_source, R"(,"programs":[{"name":"p"}])"), 400,
       "INVALID_ARGUMENT", "programs.commandLine"},
      {"POST", packages,
       package("LON00002", "n", good_source,
               R"(,"programs":[{"name":"p","commandLine":"c"},{"name":"P","commandLine":"c"}])"),
       409, "ALREADY_EXISTS", "programs.name"},
      {"POST", packages, package("LON00002", "n", good_source, R"(,"colour":"red")"), 400, "INVALID_ARGUMENT",
       "colour"},
      {"POST", packages, package("LON00002", "n", good_source, R"(,"name":"twice")"), 400, "INVALID_ARGUMENT", "name"},
      {"POST", packages, "{", 400, "INVALID_ARGUMENT", ""},
      {"GET", packages + "/LON000FF", "", 404, "NOT_FOUND", "id"},
      {"GET", packages + "/..%2F..", "", 400, "INVALID_ARGUMENT", "id"},
      {"PATCH", one, R"({"id":"LON00002"})", 400, "INVALID_ARGUMENT", "id"},
      {"PATCH", one, R"({"sourceVersion":7})", 400, "INVALID_ARGUMENT", "sourceVersion"},
      {"PATCH", one, R"({"name":"n","dps":[{"dp":"LON-DCSMS-01"}]})", 400, "INVALID_ARGUMENT", "dps"},
      {"PATCH", one, R"({"programs":[{"name":"p","commandLine":"c"}]})", 400, "INVALID_ARGUMENT", "programs"},
      {"PATCH", "/api/v1/adverts/LON20000", R"({"summary":{"failed":1}})", 400, "INVALID_ARGUMENT", "summary"},
      {"DELETE", "/api/v1/dps/LON-DCSMS-01?force=yes", "", 400, "INVALID_ARGUMENT", "force"},
      {"DELETE", "/api/v1/dps/none?force=true", "", 404, "NOT_FOUND", "name"},
      {"GET", "/api/v1/clients?limit=0", "", 400, "INVALID_ARGUMENT", "limit"},
      {"GET", one + "?wait_ms=soon", "", 400, "INVALID_ARGUMENT", "wait_ms"},
      {"DELETE", packages + "/LON000FF", "", 404, "NOT_FOUND", "id"},
      {"POST", packages + "/LON000FF/update", "", 404, "NOT_FOUND", "id"},
      {"POST", one + "/distribute", "{}", 400, "INVALID_ARGUMENT", "dps"},
      {"POST", one + "/distribute", R"({"dps":["NOWHERE"]})", 404, "NOT_FOUND", "dps"},
      {"POST", one + "/distribute", R"({"dps":["LON-DCSMS-01","NOWHERE"]})", 404, "NOT_FOUND", "dps"},
      {"POST", one + "/refresh", R"({"dps":["LON-DCSMS-01"]})", 409, "FAILED_PRECONDITION", "dps"},
      {"POST", one + "/remove", R"({"dps":["LON-DCSMS-01"]})", 409, "FAILED_PRECONDITION", "dps"},
      {"POST", one + "/programs", R"({"name":"program 1","commandLine":"c"})", 409, "ALREADY_EXISTS", "name"},
      {"POST", one + "/programs", R"({"name":"new"})", 400, "INVALID_ARGUMENT", "commandLine"},
      {"PATCH", one + "/programs/none", R"({"comment":"x"})", 404, "NOT_FOUND", "name"},
      {"PATCH", one + "/programs/Program%201", R"({"name":"other"})", 400, "INVALID_ARGUMENT", "name"},
      {"PATCH", one + "/programs/Program%201", R"({"durationMinutes":99999})", 400, "INVALID_ARGUMENT",
       "durationMinutes"},
      {"DELETE", one + "/programs/Program%201", "", 409, "FAILED_PRECONDITION", "name"},
      {"POST", "/api/v1/collections", R"({"name":"admin systems"})", 409, "ALREADY_EXISTS", "name"},
      {"POST", "/api/v1/collections", R"({"name":"x","members":["a b"]})", 400, "INVALID_ARGUMENT", "members"},
      {"POST", "/api/v1/collections", R"({"name":"x","members":["a","A"]})", 400, "INVALID_ARGUMENT", "members"},
      {"DELETE", "/api/v1/collections/none", "", 404, "NOT_FOUND", "name"},
      {"DELETE", "/api/v1/collections/Admin%20Systems", "", 409, "FAILED_PRECONDITION", "name"},
      {"POST", "/api/v1/collections/Admin%20Systems/members", R"({"members":["WRK-LON-001"]})", 409, "ALREADY_EXISTS",
       "members"},
      {"DELETE", "/api/v1/collections/Admin%20Systems/members", R"({"members":["X"]})", 404, "NOT_FOUND", "members"},
      {"POST", "/api/v1/adverts", R"({"package":"LON000FF","program":"p","collection":"c"})", 404, "NOT_FOUND",
       "package"},
      {"POST", "/api/v1/adverts", R"({"package":"LON00001","program":"p","collection":"c"})", 404, "NOT_FOUND",
       "program"},
      {"POST", "/api/v1/adverts", R"({"package":"LON00001","program":"Program 1","collection":"c"})", 404, "NOT_FOUND",
       "collection"},
      {"POST", "/api/v1/adverts",
       R"({"id":"LON20000","package":"LON00001","program":"Program 1","collection":"Admin Systems"})", 409,
       "ALREADY_EXISTS", "id"},
      {"POST", "/api/v1/adverts",
       R"({"package":"LON00001","program":"Program 1","collection":"Admin Systems","expires":"2007-01-01T00:00:00Z"})",
       400, "INVALID_ARGUMENT", "expires"},
      {"PATCH", "/api/v1/adverts/LON20000", R"({"package":"LON00002"})", 400, "INVALID_ARGUMENT", "package"},
      {"DELETE", "/api/v1/adverts/LON20001", "", 404, "NOT_FOUND", "id"},
      {"POST", "/api/v1/clients", R"({"name":""})", 400, "INVALID_ARGUMENT", "name"},
      {"POST", "/api/v1/clients", R"({"name":"a","smsid":"x"})", 400, "INVALID_ARGUMENT", "smsid"},
      {"POST", "/api/v1/clients", R"({"name":"a","certificate":"x"})", 400, "INVALID_ARGUMENT", "certificate"},
      {"GET", "/api/v1/clients/none", "", 404, "NOT_FOUND", "name"},
      {"GET", "/api/v1/status-messages?after=-1", "", 400, "INVALID_ARGUMENT", "after"},
      {"GET", "/api/v1/dps/none", "", 404, "NOT_FOUND", "name"},
      {"GET", "/api/v1/faults/x", "", 400, "INVALID_ARGUMENT", "id"},
      {"DELETE", "/api/v1/faults/9", "", 404, "NOT_FOUND", "id"},
      {"POST", "/api/v1/clock", "{}", 400, "INVALID_ARGUMENT", ""},
      {"POST", "/api/v1/clock", R"({"advanceMs":"18446744073709551615"})", 400, "INVALID_ARGUMENT", "advanceMs"},
  };
  for (const Bad& bad : table) {
    SCOPED_TRACE(bad.method + " " + bad.target + " " + bad.body);
    const std::string before = dump();
    const Answer answer = ask(bad.method, bad.target, bad.body);
    EXPECT_EQ(answer.status, bad.status) << answer.body;
    EXPECT_EQ(answer.error.code(), bad.code) << answer.body;
    EXPECT_EQ(answer.error.field(), bad.field) << answer.body;
    EXPECT_FALSE(answer.error.message().empty());
    EXPECT_EQ(dump(), before);
    EXPECT_EQ(ask("GET", one).status, 200);
  }
  // A source that cannot be a package: refused with the path, and nothing stays behind.
  const std::string before = dump();
  const auto staged_before = staged();
  const Answer clash = ask("POST", packages, package("LON00002", "n", folder_ + "/bad"));
  EXPECT_EQ(clash.status, 400) << clash.body;
  EXPECT_THAT(ascii_upper(clash.error.message()), HasSubstr("A.TXT"));
  EXPECT_EQ(dump(), before);
  EXPECT_EQ(staged(), staged_before);
}

TEST(MpTest, OpensServesAndKeepsItsFolder) {
  std::string pattern = (std::filesystem::temp_directory_path() / "smslab-mp.XXXXXX").string();
  const std::string folder = ::mkdtemp(pattern.data());
  LabClock clock(system_time_source(), LabClock::Frozen{*parse_rfc3339("2026-11-21T20:00:00Z")});
  const Log log(null_log(), LogForm::kConsole, clock, "test");
  MpOptions options;
  options.folder = folder + "/site";
  options.logs = folder + "/logs";
  {
    auto mp = *Mp::open(options, posix_env(), clock, log);
    const HostPort at = *mp->start_control({"127.0.0.1", 0});
    control::HttpClient http({.base = "http://" + format_host_port(at), .token = {}, .bind = {}});
    EXPECT_EQ(http.call("GET", "/readyz", nullptr, nullptr).code(), Code::kUnavailable);
    mp->start();
    EXPECT_EQ(http.call("GET", "/readyz", nullptr, nullptr), ok_status());
    EXPECT_EQ(Mp::open(options, posix_env(), clock, log).status().code(), Code::kFailedPrecondition);  // one a folder
    mp->stop();
    mp->stop();
  }
  options.site.site = "AST";
  EXPECT_EQ(Mp::open(options, posix_env(), clock, log).status().code(), Code::kFailedPrecondition);
  options.site.site = "LON";
  EXPECT_TRUE(Mp::open(options, posix_env(), clock, log).ok());
  options.profile = "1999";
  EXPECT_FALSE(Mp::open(options, posix_env(), clock, log).ok());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace smslab::mp
