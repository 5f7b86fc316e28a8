// The day: identity, policy, what is due, what runs again, what is said about it.
#include "proto/ccm/signature.h"
#include "tests/client/fixture.h"

namespace smslab::client {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ClientTest, RegistersOnceAndSignsAsItRegistered) {
  std::filesystem::remove_all(folder_);  // no key either
  site_.assign({});
  const auto first = run_well();
  EXPECT_TRUE(first.registered());
  EXPECT_EQ(first.smsid(), site_.smsid);
  EXPECT_EQ(first.policies(), 2U);
  const auto heartbeat = site_.messages_to("MP_DdrEndpoint");
  ASSERT_EQ(heartbeat.size(), 1U);
  EXPECT_EQ(heartbeat[0].documents.size(), 2U);
  const auto asked = site_.messages_to("MP_PolicyManager");
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].header.source_id(), site_.smsid);
  const auto& hook = asked[0].header.hooks().hook2(0);
  std::vector<std::string> names;
  for (const auto& property : hook.properties()) names.push_back(property.name());
  EXPECT_THAT(names, ElementsAre("AuthSenderMachine", "PublicKey", "ClientIDSignature", "PayloadSignature",
                                 "ClientCapabilities", "HashAlgorithm"));
  const std::string key = asked[0].hook_property("clientauth", "PublicKey");
  for (const auto& message : {asked[0], site_.messages_to("StatusReceiver").at(0)}) {
    EXPECT_TRUE(ccm::verify(key, message.payload, message.hook_property("clientauth", "PayloadSignature")).ok());
    EXPECT_TRUE(
        ccm::verify(key, ccm::client_id_bytes(site_.smsid), message.hook_property("clientauth", "ClientIDSignature"))
            .ok());
  }

  site_.forget();
  const auto second = run_well();
  EXPECT_FALSE(second.registered());
  EXPECT_EQ(second.smsid(), site_.smsid);
  ASSERT_EQ(site_.messages_to("MP_ClientRegistration").size(), 1U);
  EXPECT_THAT(site_.messages_to("MP_ClientRegistration")[0].documents[0], HasSubstr("RequestType=\"Confirmation\""));
  EXPECT_EQ(second.policies(), 2U);  // unchanged: an empty reply
}

TEST_F(ClientTest, ProposesAnIdentity) {
  site_.assign({});
  options_.smsid = "{11111111-2222-4333-8444-555555555555}";
  EXPECT_EQ(run_well().smsid(), "GUID:11111111-2222-4333-8444-555555555555");
}

TEST_F(ClientTest, MakesItsOwnIdentityAtASiteWithoutRegistration) {
  site_.registration = false;
  site_.mof = true;
  site_.assign({});
  const auto result = run_well();
  EXPECT_FALSE(result.registered());
  EXPECT_EQ(result.adverts(0).result(), v1::AdvertRun::SUCCEEDED);
  EXPECT_EQ(run_well().smsid(), result.smsid());
}

TEST_F(ClientTest, ARegistrationMayBePendingOrRefused) {
  for (const int status : {1, 3}) {
    site_.registration_status = status;
    const auto result = run();
    EXPECT_THAT(result.error(), HasSubstr(status == 1 ? "pending" : "refused"));
    EXPECT_EQ(result.smsid(), "");
  }
  site_.registration_status = 0;
  site_.assign({});
  run_well();
}

TEST_F(ClientTest, AnIdentityThatTheMPDoesNotKnowIsMadeAnew) {
  site_.assign({});
  const std::string first = run_well().smsid();
  site_.confirmation_status = 3;
  site_.registration_status = 3;
  EXPECT_THAT(run().error(), HasSubstr("refused"));
  site_.registration_status = 0;
  site_.smsid = "GUID:99999999-2222-4333-8444-555555555555";
  site_.assign({});
  const auto second = run_well();
  EXPECT_TRUE(second.registered());
  EXPECT_NE(second.smsid(), first);
  EXPECT_EQ(second.smsid(), site_.smsid);
  EXPECT_EQ(second.policies(), 2U);  // asked for without the old cookie
}

TEST_F(ClientTest, ASiteThatIsNotTheMPsIsAnError) {
  options_.site = "XYZ";
  EXPECT_THAT(run().error(), HasSubstr("knows no site XYZ"));
}

TEST_F(ClientTest, AnUnreachableMPIsAnError) {
  options_.mp = "http://127.0.0.1:1";
  EXPECT_THAT(run().error(), HasSubstr("cannot connect"));
}

TEST_F(ClientTest, AnEmptyFirstAnswerIsAnError) {
  site_.empty_assignments = true;
  EXPECT_THAT(run().error(), HasSubstr("gave no policy"));
}

TEST_F(ClientTest, PolicyIsWithdrawnAndReplaced) {
  site_.assign({});
  run_well();
  site_.assign({.policy_version = "2.00"});
  site_.forget();
  run_well();
  EXPECT_THAT(site_.status_types(), ::testing::Contains("SoftDistProgramOfferReceivedEvent"));  // a new version
  site_.withdraw_all();
  const auto none = run_well();
  EXPECT_EQ(none.policies(), 1U);
  EXPECT_EQ(none.adverts_size(), 0);
}

TEST_F(ClientTest, ABadPolicyBodyIsNotTakenOverAndAskedForAgain) {
  site_.assign({});
  const auto refused = [&](const char* why) {
    const auto result = run();
    EXPECT_THAT(result.error(), HasSubstr(why));
    EXPECT_EQ(result.adverts_size(), 0);
  };
  site_.policy_hash = std::string(32, 'A');
  refused("does not match its hash");
  site_.policy_hash = "SHA1:" + std::string(40, 'A');
  refused("does not match its hash");
  site_.policy_hash = "";  // an MP need not tell it
  site_.policy_body = "<Policy/>";
  refused("policy LON20000-LON00001-4A48FD56");
  site_.policy_body = testing::policy_bytes("<Policy><unfinished></Policy>");
  refused("policy LON20000-LON00001-4A48FD56");
  site_.policy_body = std::string((size_t{1} << 20) + 2, '\0');
  refused("0x80200011");
  site_.policy_body.reset();
  EXPECT_EQ(run_well().adverts(0).result(), v1::AdvertRun::SUCCEEDED);
}

TEST_F(ClientTest, WithoutTheClientAgentPolicyNothingIsDistributed) {
  site_.assign({});
  site_.settings = false;
  EXPECT_THAT(run().error(), HasSubstr("client agent policy"));
  EXPECT_EQ(texts("execmgr"), "Software Distribution Site Settings for the client are missing from WMI.\n");
  EXPECT_THAT(site_.status_types(), IsEmpty());
}

TEST_F(ClientTest, NoLocationMeansWaiting) {
  site_.assign({});
  site_.locations = false;
  const auto result = run();
  EXPECT_EQ(result.adverts(0).result(), v1::AdvertRun::WAITING_FOR_CONTENT);
  EXPECT_THAT(result.error(), HasSubstr("no distribution point has content LON00001.1"));
  EXPECT_THAT(texts("ContentTransferManager"), HasSubstr("Received empty location update"));
  EXPECT_THAT(texts("LocationServices"), HasSubstr("Calling back with empty distribution points list"));
  site_.locations = true;
  EXPECT_EQ(run_well().adverts(0).result(), v1::AdvertRun::SUCCEEDED);
}

TEST_F(ClientTest, WhatIsNotDueDoesNotRun) {
  const struct {
    testing::FakeAdvert advert;
    const char* why;
  } rows[] = {
      {{.active = "20261121200001.000000+***"}, "starts at"},
      {{.expires = "20261121200000.000000+***"}, "expired"},
      {{.mandatory = false}, "optional"},
      {{.scheduled = "20261121200001.000000+000"}, "mandatory at"},
  };
  int version = 1;
  for (const auto& row : rows) {
    auto advert = row.advert;
    advert.policy_version = std::to_string(version++) + ".00";
    site_.assign(advert);
    site_.forget();
    const auto result = run_well();
    ASSERT_EQ(result.adverts_size(), 1);
    EXPECT_EQ(result.adverts(0).result(), v1::AdvertRun::NOT_DUE);
    EXPECT_THAT(result.adverts(0).reason(), HasSubstr(row.why));
    EXPECT_THAT(site_.status_types(), ElementsAre("SoftDistProgramOfferReceivedEvent"));  // 10002, then nothing
    EXPECT_THAT(site_.dp_requests, IsEmpty());
  }
}

TEST_F(ClientTest, RecurringAssignmentsComeAgain) {
  site_.assign({.rerun = "RerunAlways", .trigger = "SimpleInterval;Minutes=60;MaxRandomDelayMinutes=0"});
  EXPECT_EQ(run_well().adverts(0).result(), v1::AdvertRun::SUCCEEDED);
  EXPECT_EQ(run_well().adverts(0).result(), v1::AdvertRun::NOT_DUE);
  now_ += std::chrono::minutes(59);
  EXPECT_THAT(run_well().adverts(0).reason(), HasSubstr("has run since 2026-11-21T20:00:00Z"));
  now_ += std::chrono::minutes(1);
  EXPECT_EQ(run_well().adverts(0).result(), v1::AdvertRun::SUCCEEDED);
}

TEST_F(ClientTest, AProgramThatMustRunFirstRunsFirst) {
  site_.assign({.first = "Setup"});
  const auto alone = run();
  EXPECT_EQ(alone.adverts(0).result(), v1::AdvertRun::FAILED);
  EXPECT_THAT(alone.error(), HasSubstr("no policy for LON00001;;Setup"));
  site_.assign({.program = "Setup", .mandatory = false, .dependent = true});
  site_.forget();
  const auto both = run_well();
  ASSERT_EQ(both.adverts_size(), 2);
  EXPECT_EQ(both.adverts(0).program(), "Setup");
  EXPECT_EQ(both.adverts(1).program(), "Per-system unattended");
  EXPECT_EQ(both.adverts(1).result(), v1::AdvertRun::SUCCEEDED);
  // Programs that wait for each other, which no site sends, end.
  start_anew();
  site_.assign({.first = "Setup"});
  site_.assign({.program = "Setup", .mandatory = false, .first = "Per-system unattended", .dependent = true});
  EXPECT_NE(run().error(), "");
}

TEST_F(ClientTest, RerunFollowsBehaviourAndHistory) {
  const struct {
    const char* behaviour;
    bool after_success, after_failure;
  } rows[] = {{"RerunAlways", true, true},
              {"RerunIfFail", false, true},
              {"RerunIfSuccess", true, false},
              {"RerunNever", false, false},
              {"", false, true}};
  for (const auto& row : rows) {
    for (const bool success : {true, false}) {
      start_anew();
      site_.assign({.rerun = row.behaviour});
      options_.end.exit_code = success ? 0 : 1;
      EXPECT_EQ(run().error().empty(), success);
      options_.end.exit_code = 0;
      const auto again = run_well();
      const bool ran = again.adverts(0).result() == v1::AdvertRun::SUCCEEDED;
      EXPECT_EQ(ran, success ? row.after_success : row.after_failure) << row.behaviour << " after " << success;
      EXPECT_EQ(again.adverts(0).result(), ran ? v1::AdvertRun::SUCCEEDED : v1::AdvertRun::WILL_NOT_RERUN);
    }
  }
}

TEST_F(ClientTest, ProgramsEndAsTheyAreTold) {
  const auto message_of = [&](ProgramEnd end) {
    options_.end = std::move(end);
    site_.assign({.rerun = "RerunAlways"});
    site_.forget();
    run();
    return site_.statuses().back();
  };
  EXPECT_EQ(message_of({}).type(), "SoftDistProgramCompletedSuccessfullyEvent");
  EXPECT_EQ(message_of({.exit_code = 0, .mif = StatusMif{}}).type(), "SoftDistProgramCompletedSuccessfulMIFEvent");
  const auto failed = message_of(
      {.exit_code = 0, .mif = StatusMif{.success = false, .description = "There is not enough space on the disk."}});
  EXPECT_EQ(failed.type(), "SoftDistProgramErrorMIFEvent");
  EXPECT_EQ(failed.properties(3).name(), "MIFDescription");
  EXPECT_EQ(failed.properties(3).text(), "There is not enough space on the disk.");
  const auto code = message_of({.exit_code = 1603, .mif = {}});
  EXPECT_EQ(code.type(), "SoftDistProgramErrorEvent");
  EXPECT_EQ(code.properties(3).name(), "ExitCode");
  EXPECT_EQ(message_of({.exit_code = 3010, .mif = {}}).type(), "SoftDistProgramPrelimSuccessEvent");
  EXPECT_EQ(message_of({.exit_code = 112, .mif = {}}).type(), "SoftDistProgramStartedEvent");  // retried: nothing yet
}

TEST_F(ClientTest, OptionsThatCannotBeAreRefused) {
  const auto field_of = [&](auto change) {
    AgentOptions options = options_;
    change(options);
    return check_options(&options).field();
  };
  EXPECT_EQ(field_of([](AgentOptions& o) { o.mp = "127.0.0.1:80"; }), "--mp");
  EXPECT_EQ(field_of([](AgentOptions& o) { o.mp = "ftp://127.0.0.1"; }), "--mp");
  EXPECT_EQ(field_of([](AgentOptions& o) { o.name = "../x"; }), "--name");
  EXPECT_EQ(field_of([](AgentOptions& o) { o.site = "LOND"; }), "--site");
  EXPECT_EQ(field_of([](AgentOptions& o) { o.smsid = "x"; }), "--smsid");
  EXPECT_EQ(field_of([](AgentOptions& o) { o.end.mif = StatusMif{false, std::string(129, 'x')}; }), "--mif");
  EXPECT_EQ(field_of([](AgentOptions& o) { o.end.mif = StatusMif{false, "a\nb"}; }), "--mif");
}

TEST_F(ClientTest, AStateThatDoesNotReadIsAnErrorAndStays) {
  ASSERT_TRUE(write_file(posix_env(), folder_ + "/state/client.json", "{\"smsid\":").ok());
  EXPECT_THAT(run().error(), HasSubstr("client.json"));
  EXPECT_EQ(read("state/client.json"), "{\"smsid\":");
}

TEST_F(ClientTest, OneProcessAFolder) {
  {
    const auto lock = posix_env().lock_folder(folder_ + "/state");
    ASSERT_TRUE(lock.ok());
    EXPECT_THAT(run().error(), HasSubstr("another"));
  }
  site_.assign({});
  run_well();
}
}  // namespace
}  // namespace smslab::client
