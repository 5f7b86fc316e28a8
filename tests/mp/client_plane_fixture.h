// A site in a temporary folder with the seeds' objects, and its client plane without sockets.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mp/client_plane.h"
#include "mp/clients_index.h"
#include "mp/collections.h"
#include "mp/keys.h"
#include "mp/site_record.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/ccm/envelope.h"
#include "proto/ccm/signature.h"
#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"
#include "proto/schema/timestamp.h"
#include "proto/wire/router.h"
#include "store/store.h"
#include "store/tables.h"
#include "tests/support/golden.h"
#include "tests/support/recorded.h"
#include "tests/support/reply.h"
#include "tests/support/status.h"

namespace smslab::mp {

inline constexpr const char* kRecordedSmsid = "GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52";
inline constexpr const char* kPolicyId = "LON20000-LON00001-4A48FD56";
inline constexpr const char* kMpUrl = "http://127.0.0.1:18092";

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}
// One bit of the hex digit behind `mark` turned.
inline std::string bit_flipped_after(std::string text, std::string_view mark) {
  const size_t at = text.find(mark) + mark.size();
  text[at] = text[at] == '0' ? '1' : text[at] == '1' ? '0' : text[at] == 'A' ? 'B' : text[at] == 'B' ? 'A' : '2';
  return text;
}
inline void flip_hook_property(v1::Msg* header, std::string_view name) {
  for (auto& property : *header->mutable_hooks()->mutable_hook2(0)->mutable_properties()) {
    if (property.name() == name) property.set_text(bit_flipped_after(property.text(), ""));
  }
}

class CapturedLog : public LogSink {
 public:
  void write(std::string_view record) override { lines.emplace_back(record); }
  std::vector<std::string> lines;
};

class ClientPlane : public ::testing::Test {
 protected:
  ClientPlane() {
    std::string pattern = (std::filesystem::temp_directory_path() / "smslab-mp.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    dps_.add({.name = "LON-DCSMS-01", .url = "http://127.0.0.1:18091", .control_url = {}, .token = {}});
    start({});
  }
  ~ClientPlane() override {
    site_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Anew on the same folder; the first time with the objects of seed A.
  void start(SiteOptions options, const std::string& profile = "2007") {
    site_.reset();
    store_.reset();
    store_ = std::move(*store::Store::open(posix_env(), folder_));
    site_ = std::make_unique<Site>(Site{.options = std::move(options),
                                        .profile = **profile_for(profile),
                                        .store = *store_,
                                        .clock = clock_,
                                        .random = Random(1),
                                        .log = Log(log_, LogForm::kConsole, clock_, "mp")});
    router_ = wire::Router();
    mount_client_plane(router_, *site_, dps_, [] { return std::string(kMpUrl); });
    if (!store::kPackages.has(store_->read(), {"LON00001"})) put_seed();
  }
  void start_strict() {
    SiteOptions options;
    options.strict = true;
    start(options);
  }

  static v1::Package seed_package() {
    v1::Package package;
    package.set_id("LON00001");
    package.set_name("Windows Server 2003 Administration Tools Pack");
    package.set_manufacturer("Microsoft");
    package.set_language("English");
    package.set_source("/sources/adminpak");
    package.set_source_version(1);
    package.set_size(13'225'473);
    package.mutable_hash()->set_md5("534EFA4FA135E5100AF357C12E80B4BB");
    package.mutable_hash()->set_sha1("198C1076CC899469B89A3FA0211FB48A3D7D98B1");
    package.mutable_hash()->set_sha256("A1EB09857B4CA4471A8C23F31F9B85E896E5EB2AB1A09837DC018B51547620BB");
    v1::Program* program = package.add_programs();
    program->set_name("Per-system unattended");
    program->set_command_line("\"C:\\WINDOWS\\system32\\msiexec.exe\" /q ALLUSERS=2 /m MSIUNQ1A /i \"adminpak.msi\"");
    v1::PackageDp* dp = package.add_dps();
    dp->set_dp("LON-DCSMS-01");
    dp->set_state(v1::PackageDp::INSTALLED);
    dp->set_version(1);
    return package;
  }
  v1::Advert seed_advert() const {
    v1::Advert advert;
    advert.set_id("LON20000");
    advert.set_package("LON00001");
    advert.set_program("Per-system unattended");
    advert.set_collection("Admin Systems");
    *advert.mutable_start() = to_timestamp(clock_.now());
    *advert.mutable_mandatory() = to_timestamp(clock_.now());
    advert.set_download(true);
    advert.set_policy_version(1);
    return advert;
  }

  void put_seed() {
    v1::Collection collection;
    collection.set_name("Admin Systems");
    collection.add_members("WRK-LON-001");
    commit([&](store::WriteTxn& txn) {
      RETURN_IF_ERROR(store::kPackages.put(txn, {"LON00001"}, seed_package()));
      RETURN_IF_ERROR(store::kCollections.put(txn, {collection_key("Admin Systems")}, collection));
      RETURN_IF_ERROR(store::kAdverts.put(txn, {"LON20000"}, seed_advert()));
      return policy_changed(txn, *site_);
    });
  }
  // As `client create WRK-LON-001 --smsid ... --certificate client.pem` does.
  void declare_recorded_client() {
    v1::Client client;
    client.set_name("WRK-LON-001");
    client.set_smsid(kRecordedSmsid);
    client.set_certificate(*ccm::certificate_hex(testing::test_data("wire/client.pem")));
    client.set_public_key(*ccm::public_key_of_certificate(client.certificate()));
    commit([&](store::WriteTxn& txn) { return put_client(txn, *site_, client); });
  }
  void commit(const store::Index::Change& change) { ASSERT_EQ(store_->commit(change), ok_status()); }

  // The same to what policy is made of.
  void change_policy(const store::Index::Change& change) {
    commit([&](store::WriteTxn& txn) {
      RETURN_IF_ERROR(change(txn));
      RETURN_IF_ERROR(members_changed(txn));
      return policy_changed(txn, *site_);
    });
  }

  // ---- asking
  wire::Reply ask(wire::Request request) {
    request.peer = {.host = "127.0.0.1", .port = 50000};
    auto reply = router_.route(request);
    if (!reply.ok()) {
      wire::Reply bare;
      bare.status = http_status(reply.status().code());
      return bare;
    }
    if (reply->after) {
      EXPECT_EQ(reply->after->wait(), ok_status());
    }
    return *std::move(reply);
  }
  wire::Reply get(const std::string& target, const std::string& method = "GET", const wire::Fields& fields = {}) {
    wire::Request request;
    request.method = method;
    request.target = target;
    request.path = target.substr(0, target.find('?'));
    request.has_query = target.find('?') != std::string::npos;
    if (request.has_query) request.query = target.substr(target.find('?') + 1);
    request.fields = fields;
    return ask(std::move(request));
  }
  wire::Reply post(const ccm::Multipart& body, const std::string& path = "/ccm_system/request") {
    wire::Request request;
    request.method = "CCM_POST";
    request.target = request.path = path;
    request.fields = {{"content-type", body.content_type}};
    request.body = body.body;
    return ask(std::move(request));
  }
  // A recorded request, as it was.
  wire::Reply replay(const std::string& name) {
    const auto recorded = testing::recorded("requests/" + name);
    const auto words = split(recorded.start_line, ' ');
    if (words[0] == "GET") return get(std::string(words[1]));
    return post({.content_type = recorded.field("Content-Type"), .body = recorded.body}, std::string(words[1]));
  }
  static ccm::Envelope envelope(const std::string& name) {
    const auto recorded = testing::recorded("requests/" + name);
    return *ccm::read_request(recorded.field("Content-Type"), recorded.body);
  }
  // A message like the recorded one, with other documents; unsigned unless the header stays true.
  wire::Reply send(v1::Msg header, const std::vector<std::string>& documents) {
    const std::string payload = ccm::encode_payload(documents, true, &header);
    return post(ccm::write_request(header, payload));
  }
  static v1::Msg header(const std::string& endpoint, const std::string& reply_mode = "Sync") {
    v1::Msg out;
    out.set_schema_version("1.1");
    out.set_id("{00000000-0000-0000-0000-00000000000A}");
    out.set_source_host("WRK-LON-001");
    out.set_reply_mode(reply_mode);
    out.set_target_endpoint(endpoint);
    return out;
  }

  static std::string bytes(const wire::Reply& reply) { return *reply.body.read_all(); }
  static std::string field(const wire::Reply& reply, std::string_view name) {
    const wire::Fields fields = test::all_fields(reply);
    const std::string* value = wire::find_field(fields, name);
    return value == nullptr ? std::string() : *value;
  }
  // The XML of a CCM reply; "" for an empty 200.
  static std::string xml(const wire::Reply& reply) {
    EXPECT_EQ(reply.status, 200);
    const auto out = ccm::read_reply(field(reply, "Content-Type"), bytes(reply));
    EXPECT_TRUE(out.ok()) << out.status().to_string();
    return out.ok() ? *out : std::string();
  }
  template <class M>
  static M parse(const std::string& text) {
    M out;
    EXPECT_EQ(codec::from_xml(text, &out), ok_status()) << text;
    return out;
  }
  static std::string recorded_reply_xml(const std::string& name) {
    const auto recorded = testing::recorded("replies/" + name);
    return *ccm::read_reply(recorded.field("Content-Type"), recorded.body);
  }

  // ---- the state
  template <class Record>
  std::vector<Record> all(const store::Table<Record>& table) const {
    std::vector<Record> out;
    EXPECT_EQ(table.each(store_->read(), {},
                         [&](const store::Key&, const Record& record) {
                           out.push_back(record);
                           return true;
                         }),
              ok_status());
    return out;
  }
  void expect_still_serves() { EXPECT_NE(xml(replay("06-site-information")), ""); }

  std::string folder_;
  LabClock clock_{system_time_source(), LabClock::Frozen{*parse_rfc3339("2026-11-21T20:00:00Z")}};
  const LabKeys& keys_ = lab_keys();
  const std::shared_ptr<CapturedLog> log_ = std::make_shared<CapturedLog>();
  DpDirectory dps_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Site> site_;
  wire::Router router_;
};

}  // namespace smslab::mp
