// FakeSite: an MP and its DPs in a few lines, for tests of the client: what it serves are public members that a test
// sets between runs, and what clients sent is kept.
//
//   FakeSite site;
//   site.dps["C"].files["adminpak.msi"] = "bytes";
//   site.assign({.advert = "LON20000"});
//   ... run the client against site.url() ...
//   EXPECT_EQ(site.status_types(), ...);
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/ccm/envelope.h"
#include "proto/dav/propfind.h"
#include "proto/schema/client_messages.pb.h"
#include "tests/client/fake_server.h"

namespace smslab::testing {

struct FakeAdvert {
  std::string advert = "LON20000", package = "LON00001", version = "1", program = "Per-system unattended";
  std::string hash = {};  // default: that of DP C's files
  std::string size_kb = "12";
  std::string option = "Download", rerun = "RerunIfFail";
  std::string active = "20261121190000.000000+***", expires = {}, scheduled = "20261121190000.000000+***";
  std::string command_line = "msiexec.exe /q ALLUSERS=2 /m MSIUNQ1A /i \"adminpak.msi\"";
  bool mandatory = true;
  std::string policy_version = "1.00";
  std::string trigger = "OneShot;MaxRandomDelay=0";
  std::string first = {};  // a program of the same package that must run before
  bool dependent = false;  // this one is there for another
};

// One distribution point: the virtual directory SMS_DP_SMSPKG<letter>$ of the fake server.
struct FakeDp {
  std::map<std::string, std::string> files;  // relative path -> bytes
  std::vector<std::string> folders;
  std::vector<dav::Item> extra_items;  // listed as well, as they are
  // Instead of the right reply, when it gives one.
  std::function<std::optional<FakeReply>(const FakeRequest&, const std::string& path)> disturb;
};

class FakeSite {
 public:
  FakeSite();

  std::string url() const { return server_.url(); }
  void assign(const FakeAdvert& advert);  // replaces the policy of the same advert
  void withdraw_all();
  std::string hash() const;  // SHA-1 tree hash of DP C's files

  std::map<std::string, FakeDp> dps;  // by drive letter, in the order of locations
  std::string smsid = "GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52";
  bool registration = true;  // else an SMS 2003 MP: an empty reply
  int registration_status = 0;
  int confirmation_status = 0;
  bool settings = true;  // the client agent policy is assigned
  bool locations = true;
  bool mof = false;                        // policy as WMI-MOF
  bool empty_assignments = false;          // "nothing new", whatever the cookie
  std::optional<std::string> policy_hash;  // instead of the right one
  std::optional<std::string> policy_body;  // instead of the adverts' bodies, as bytes

  // What came.
  std::vector<ccm::Envelope> messages_to(std::string_view endpoint) const;
  std::vector<std::string> status_types() const;
  std::vector<v1::Status> statuses() const;
  // "GET adminpak.msi bytes=0-9": requests to DPs, in order.
  std::vector<std::string> dp_requests;
  std::vector<FakeRequest> requests;
  void forget();

 private:
  FakeReply answer(const FakeRequest& request);
  FakeReply answer_message(const FakeRequest& request);
  FakeReply answer_dp(const FakeRequest& request);
  FakeReply answer_policy(const FakeRequest& request);
  std::string reply_to(const ccm::Envelope& message);
  std::string assignments(const v1::RequestAssignments& request);

  struct Assigned {
    std::string id, version, body;
  };
  std::map<std::string, Assigned> assigned_;  // by advert
  uint64_t changes_ = 0;
  std::vector<ccm::Envelope> messages_;
  mutable Mutex mu_;  // one request at a time; a test touches members only between runs
  FakeServer server_;
};

dav::Item listed(std::string href, bool folder, uint64_t size = 0);
std::string policy_bytes(const std::string& xml);  // UTF-16LE with BOM

}  // namespace smslab::testing
