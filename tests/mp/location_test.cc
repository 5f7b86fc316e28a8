// MP_LocationManager: content, sites and management points.
#include "tests/mp/client_plane_fixture.h"

#include <tuple>

#include "mp/boundaries.h"
#include "mp/clients.h"

namespace smslab::mp {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using Location = ClientPlane;

TEST_F(Location, RecordedQuestionsGetTheRecordedAnswers) {
  EXPECT_EQ(xml(replay("06-site-information")),
            replaced(replaced(recorded_reply_xml("06-site-information"), ">2470<", ">6487<"), "5.00.8325.0000",
                     "4.00.6487.2000"));
  EXPECT_EQ(xml(replay("08-local-mp-location")), recorded_reply_xml("08-local-mp-location"));
  const auto ours = parse<v1::EnumerateMPLocationReply>(xml(replay("09-enumerate-mp-location")));
  const auto theirs = parse<v1::EnumerateMPLocationReply>(recorded_reply_xml("09-enumerate-mp-location"));
  EXPECT_EQ(ours.mp_site().site_code(), theirs.mp_site().site_code());
  ASSERT_EQ(ours.records_size(), 1);
  EXPECT_EQ(ours.records(0).intranet_name().value(), theirs.records(0).intranet_name().value());
  EXPECT_EQ(ours.records(0).version(), "6487");
}

TEST_F(Location, ContentHasWhatTheRecordedReplyHas) {
  const auto ours = parse<v1::ContentLocationReply>(xml(replay("14-content-location")));
  const auto theirs = parse<v1::ContentLocationReply>(recorded_reply_xml("14-content-location"));
  ASSERT_EQ(ours.sites_size(), 1);
  EXPECT_EQ(codec::to_xml(ours.sites(0).mp_site()), codec::to_xml(theirs.sites(0).mp_site()));
  ASSERT_EQ(ours.sites(0).records_size(), 1);
  const v1::LocationRecord& record = ours.sites(0).records(0);
  const v1::LocationRecord& model = theirs.sites(0).records(0);
  ASSERT_EQ(record.urls_size(), 1);
  EXPECT_EQ(record.urls(0).name(), replaced(model.urls(0).name(), "SMSPKGD$", "SMSPKGC$"));
  EXPECT_EQ(record.urls(0).signature(), model.urls(0).signature());
  ASSERT_EQ(record.smb_paths_size(), 1);
  EXPECT_EQ(record.smb_paths(0).name(), "\\\\LON-DCSMS-01\\SMSPKGC$\\LON00001\\");
  EXPECT_EQ(record.ad_site().name(), model.ad_site().name());
  EXPECT_EQ(record.subnets(0).address(), model.subnets(0).address());
  EXPECT_EQ(record.server_remote_name(), model.server_remote_name());
  EXPECT_EQ(record.dp_type(), model.dp_type());
  EXPECT_EQ(record.version(), "6487");
  ASSERT_EQ(ours.content_info().hashes_size(), 1);
  EXPECT_EQ(ours.content_info().hashes(0).hash_string(), seed_package().hash().sha256());
}

class Content : public ClientPlane {
 protected:
  v1::ContentLocationReply locate(const std::string& package, const std::string& version) {
    return parse<v1::ContentLocationReply>(
        xml(send(header("mp_locationmanager"),
                 {"<ContentLocationRequest SchemaVersion=\"1.0\"><Package Version=\"" + version + "\" ID=\"" + package +
                  "\"/><AssignedSite SiteCode=\"LON\"/></ContentLocationRequest>"})));
  }
  void expect_empty(const std::string& package, const std::string& version) {
    const auto reply = locate(package, version);
    ASSERT_EQ(reply.sites_size(), 1) << package << " " << version;
    EXPECT_EQ(reply.sites(0).records_size(), 0) << package << " " << version;
    EXPECT_EQ(reply.sites(0).mp_site().site_locality(), "FALLBACK");
  }
};

TEST_F(Content, OnlyDpsThatHoldExactlyThatVersion) {
  for (const auto& [package, version] : std::vector<std::pair<std::string, std::string>>{{"LON00001", "2"},
                                                                                         {"LON00001", "0"},
                                                                                         {"LON00001", ""},
                                                                                         {"LON00001", "x"},
                                                                                         {"LON00001", "4294967297"},
                                                                                         {"LON00002", "1"},
                                                                                         {"UID:Content_1", "1"},
                                                                                         {"", "1"},
                                                                                         {"..\\x", "1"}}) {
    expect_empty(package, version);
  }
  EXPECT_EQ(locate("lon00001", "1").sites(0).records_size(), 1);

  dps_.add({.name = "AAA-DP", .url = "http://dp.contoso.test:8081", .control_url = {}, .token = {}});
  dps_.add({.name = "ZZZ-DP", .url = "http://127.0.0.3:8081", .control_url = {}, .token = {}});
  v1::Package package = seed_package();
  package.set_source_version(2);
  for (const char* name : {"ZZZ-DP", "AAA-DP", "GONE-DP"}) {
    *package.add_dps() = package.dps(0);
    package.mutable_dps(package.dps_size() - 1)->set_dp(name);
  }
  commit([&](store::WriteTxn& txn) { return store::kPackages.put(txn, {"LON00001"}, package); });
  const auto three = locate("LON00001", "1");
  ASSERT_EQ(three.sites(0).records_size(), 3);
  EXPECT_EQ(three.sites(0).records(0).urls(0).name(), "http://dp.contoso.test:8081/SMS_DP_SMSPKGC$/LON00001/");
  EXPECT_EQ(three.sites(0).records(0).subnets(0).address(), "");
  EXPECT_EQ(three.sites(0).records(2).server_remote_name(), "127.0.0.3");
  EXPECT_EQ(three.content_info().hashes_size(), 0);  // the hash of version 2 is not that of version 1

  package.mutable_dps(0)->set_state(v1::PackageDp::INSTALL_PENDING);
  package.mutable_dps(1)->set_version(2);
  package.mutable_dps(2)->set_state(v1::PackageDp::REMOVAL_PENDING);
  commit([&](store::WriteTxn& txn) { return store::kPackages.put(txn, {"LON00001"}, package); });
  expect_empty("LON00001", "1");
  EXPECT_EQ(locate("LON00001", "2").sites(0).records_size(), 1);
}

TEST_F(Location, OtherQuestions) {
  EXPECT_EQ(
      xml(send(header("MP_LocationManager"),
               {"<WSUSLocationRequest SchemaVersion=\"1.00\"><AssignedSite SiteCode=\"LON\"/></WSUSLocationRequest>"})),
      "<WSUSLocationReply SchemaVersion=\"1.00\"><Sites><Site><MPSite SiteCode=\"LON\"/><LocationRecords/></Site>"
      "</Sites></WSUSLocationReply>");
  EXPECT_EQ(xml(send(header("MP_LocationManager"), {"<AssignedSiteRequest SchemaVersion=\"1.00\" />"})),
            "<AssignedSiteReply SchemaVersion=\"1.00\"><Site><SiteCode>LON</SiteCode></Site></AssignedSiteReply>");
  EXPECT_EQ(
      xml(send(header("MP_LocationManager"),
               {"<SiteInformationRequest SchemaVersion=\"1.00\"><SiteCode Name=\"XYZ\"/></SiteInformationRequest>"})),
      "<SiteInfoReply SchemaVersion=\"1.00\"><Sites/></SiteInfoReply>");
  EXPECT_EQ(xml(send(header("MP_LocationManager"), {"<SomethingRequest/>"})), "");
}

class Boundary : public Content {
 protected:
  Boundary() {
    for (const auto& [name, subnet, ad_site, slow] :
         std::vector<std::tuple<std::string, std::string, std::string, bool>>{{"Office", "192.168.1.0/24", "", false},
                                                                              {"Branch", "10.2.0.0/16", "", true},
                                                                              {"Old", "172.16.5.0", "", false},
                                                                              {"London", "", "LON-SITE", false}}) {
      v1::Boundary boundary;
      boundary.set_name(name);
      boundary.set_subnet(subnet);
      boundary.set_ad_site(ad_site);
      boundary.set_slow(slow);
      EXPECT_EQ(create_boundary(*site_, boundary).status(), ok_status());
    }
  }
  // `where` is the inside of <ClientLocationInfo>.
  v1::ContentLocationReply locate_from(const std::string& where) {
    return parse<v1::ContentLocationReply>(
        xml(send(header("MP_LocationManager"),
                 {"<ContentLocationRequest SchemaVersion=\"1.00\"><Package ID=\"LON00001\" Version=\"1\"/>"
                  "<AssignedSite SiteCode=\"LON\"/><ClientLocationInfo>" +
                  where + "</ClientLocationInfo></ContentLocationRequest>"})));
  }
  static std::string at(const std::string& address, const std::string& subnet = "") {
    return "<ADSite/><IPAddresses><IPAddress SubnetAddress=\"" + subnet + "\" Address=\"" + address +
           "\"/></IPAddresses>";
  }
  std::string locality(const std::string& where) { return locate_from(where).sites(0).mp_site().site_locality(); }
  // Server names in order, each with its locality.
  std::vector<std::string> dps_from(const std::string& where) {
    std::vector<std::string> out;
    const v1::ContentLocationReply reply = locate_from(where);
    for (const auto& record : reply.sites(0).records()) {
      out.push_back(record.smb_paths(0).name().substr(2, 4) + " " + record.locality());
    }
    return out;
  }
  void set_dp(const std::string& name, bool is_protected, const std::vector<std::string>& boundaries) {
    DpAddress dp = *dps_.find(name);
    dp.is_protected = is_protected;
    dp.boundaries = boundaries;
    dps_.add(std::move(dp));
  }
};

TEST_F(Boundary, SayWhereAClientIs) {
  EXPECT_EQ(locality(at("192.168.1.54")), "LOCAL");
  EXPECT_EQ(locality(at("", "192.168.1.0")), "LOCAL");
  EXPECT_EQ(locality(at("172.16.5.9", "172.16.5.0")), "LOCAL");  // as SMS names a subnet
  EXPECT_EQ(locality(at("172.16.5.9")), "FALLBACK");             // which says nothing of a mask
  EXPECT_EQ(locality("<ADSite Name=\"lon-site\"/><IPAddresses/>"), "LOCAL");
  EXPECT_EQ(locality(at("10.2.3.4")), "REMOTE");
  EXPECT_EQ(locality(at("192.168.2.1")), "FALLBACK");
  EXPECT_EQ(locality("<ADSite Name=\"Elsewhere\"/><IPAddresses/>"), "FALLBACK");
  EXPECT_EQ(locality(at("not an address")), "FALLBACK");
  EXPECT_EQ(locality("<ADSite/><IPAddresses/>"), "LOCAL");  // says nothing, and 127.0.0.1 is in none
  EXPECT_EQ(locate_from(at("192.168.2.1")).sites(0).records(0).locality(), "REMOTE");
  v1::Boundary loopback;
  loopback.set_name("Loopback");
  loopback.set_subnet("127.0.0.0/8");
  loopback.set_slow(true);
  ASSERT_EQ(create_boundary(*site_, loopback).status(), ok_status());
  EXPECT_EQ(locality("<ADSite/><IPAddresses/>"), "REMOTE");  // where it comes from
}

TEST_F(Boundary, OrderAndProtectDps) {
  v1::Package package = seed_package();
  for (const char* name : {"AAA1", "BBB2", "CCC3"}) {
    dps_.add({.name = name, .url = "http://127.0.0.3:8081", .control_url = {}, .token = {}});
    *package.add_dps() = package.dps(0);
    package.mutable_dps(package.dps_size() - 1)->set_dp(name);
  }
  commit([&](store::WriteTxn& txn) { return store::kPackages.put(txn, {"LON00001"}, package); });
  EXPECT_THAT(dps_from(at("192.168.1.54")), ElementsAre("AAA1 LOCAL", "BBB2 LOCAL", "CCC3 LOCAL", "LON- LOCAL"));
  set_dp("CCC3", false, {"office"});
  set_dp("AAA1", false, {"Branch"});
  EXPECT_THAT(dps_from(at("192.168.1.54")), ElementsAre("CCC3 LOCAL", "BBB2 LOCAL", "LON- LOCAL", "AAA1 REMOTE"));
  EXPECT_THAT(dps_from(at("10.2.0.1")), ElementsAre("AAA1 REMOTE", "BBB2 REMOTE", "CCC3 REMOTE", "LON- REMOTE"));
  set_dp("CCC3", true, {"Office"});
  set_dp("BBB2", true, {});  // the site's boundaries
  EXPECT_THAT(dps_from(at("192.168.1.54")), ElementsAre("CCC3 LOCAL", "BBB2 LOCAL", "LON- LOCAL", "AAA1 REMOTE"));
  EXPECT_THAT(dps_from(at("8.8.8.8")), ElementsAre("AAA1 REMOTE", "LON- REMOTE"));
  EXPECT_THAT(dps_from(at("10.2.0.1")), ElementsAre("AAA1 REMOTE", "BBB2 REMOTE", "LON- REMOTE"));
}

TEST_F(Boundary, WhereAClientSaysThatItIsIsShown) {
  declare_recorded_client();
  const auto shown = [&] { return *show_client(*site_, "WRK-LON-001"); };
  EXPECT_THAT(shown().addresses(), ::testing::IsEmpty());
  locate_from(
      "<ADSite Name=\" London \"/><IPAddresses><IPAddress SubnetAddress=\"\" Address=\"10.2.3.4\"/>"
      "<IPAddress SubnetAddress=\"\" Address=\"192.168.1.54\"/></IPAddresses>");
  EXPECT_EQ(shown().ad_site(), "London");
  EXPECT_THAT(shown().addresses(), ElementsAre("10.2.3.4", "192.168.1.54"));
  EXPECT_FALSE(shown().has_last_policy()) << "it has not asked for that";
  locate_from(at("10.2.9.9"));  // says nothing of an AD site
  EXPECT_EQ(shown().ad_site(), "London");
  EXPECT_THAT(shown().addresses(), ElementsAre("10.2.9.9"));
  locate_from("<ADSite/><IPAddresses/>");
  EXPECT_THAT(shown().addresses(), ElementsAre("10.2.9.9"));
  locate_from("<ADSite Name=\"" + std::string(1000, 'x') + "\"/><IPAddresses/>");
  EXPECT_LE(shown().ad_site().size(), 256u);
  EXPECT_THAT(list_clients(*site_, "", 10)->clients(0).addresses(), ElementsAre("10.2.9.9"));

  site_->activity->flush(*store_);
  start({});
  EXPECT_THAT(shown().addresses(), ElementsAre("10.2.9.9")) << "kept";

  v1::Msg stranger = header("MP_LocationManager");
  stranger.set_source_host("PC-OF-NOBODY");
  send(stranger,
       {"<ContentLocationRequest SchemaVersion=\"1.00\"><Package ID=\"LON00001\" Version=\"1\"/><AssignedSite "
        "SiteCode=\"LON\"/><ClientLocationInfo><ADSite Name=\"X\"/></ClientLocationInfo>"
        "</ContentLocationRequest>"});
  site_->activity->flush(*store_);
  EXPECT_EQ(all(store::kClientActivity).size(), 1u);
}

TEST_F(Boundary, ThatCannotBeAreRefusedAndChangeNothing) {
  const auto refused = [&](const std::string& name, const std::string& subnet, const std::string& ad_site) {
    v1::Boundary boundary;
    boundary.set_name(name);
    boundary.set_subnet(subnet);
    boundary.set_ad_site(ad_site);
    return create_boundary(*site_, boundary).status();
  };
  EXPECT_EQ(refused("Office", "10.9.0.0/16", "").code(), Code::kAlreadyExists);
  EXPECT_EQ(refused("", "10.9.0.0/16", "").field(), "name");
  EXPECT_EQ(refused("X", "", "").field(), "subnet");
  EXPECT_EQ(refused("X", "10.9.0.0/16", "Y").field(), "subnet");
  EXPECT_EQ(refused("X", "10.9.0.0/99", "").field(), "subnet");
  EXPECT_EQ(refused("X", "", "lon-site").field(), "adSite");
  const Status overlap = refused("X", "192.168.0.0/16", "");
  EXPECT_EQ(overlap.code(), Code::kInvalidArgument);
  EXPECT_THAT(overlap.message(), ::testing::AllOf(HasSubstr("'X'"), HasSubstr("'Office'")));
  EXPECT_EQ(delete_boundary(*site_, "Nowhere").code(), Code::kNotFound);
  EXPECT_EQ(list_boundaries(*site_)->boundaries_size(), 4);
  EXPECT_EQ(delete_boundary(*site_, "office"), ok_status());
  EXPECT_EQ(locality(at("192.168.1.54")), "FALLBACK");
}

}  // namespace
}  // namespace smslab::mp
