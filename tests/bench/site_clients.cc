#include "tests/bench/site_clients.h"

#include <algorithm>

#include "mp/clients_index.h"
#include "proto/base/text.h"
#include "proto/ccm/envelope.h"

namespace smslab::bench {

std::string name_of(int n) { return fmt::format("WRK-{:06}", n); }
std::string smsid_of(int n) { return fmt::format("GUID:{:08X}-0000-4000-8000-000000000000", n); }

void put_clients(store::Store& store, const mp::Site& site, int clients) {
  constexpr int kClientsAtOnce = 2000;
  for (int first = 0; first < clients; first += kClientsAtOnce) {
    must(store.commit([&](store::WriteTxn& txn) -> Status {
      for (int n = first; n < std::min(first + kClientsAtOnce, clients); n++) {
        v1::Client client;
        client.set_name(name_of(n));
        client.set_smsid(smsid_of(n));
        client.set_fqdn(ascii_lower(name_of(n)) + ".contoso.com");
        client.set_client_version("4.00.6487.2000");
        client.set_certificate(std::string(1600, 'A'));  // as large as a real one
        client.set_public_key(fmt::format("0602000000A4000052534131{:0540}", n));
        client.set_registered(true);
        RETURN_IF_ERROR(mp::put_client(txn, site, client));
      }
      return ok_status();
    }));
  }
}

v1::Msg header(int n, const std::string& endpoint, bool wants_reply) {
  v1::Msg out;
  out.set_schema_version("1.1");
  out.set_id("{00000000-0000-0000-0000-00000000000A}");
  out.set_source_host(name_of(n));
  out.set_source_id(smsid_of(n));
  out.set_reply_mode(wants_reply ? "Sync" : "Async");
  out.set_target_endpoint(endpoint);
  return out;
}

wire::Request request_of(v1::Msg message, const std::string& document) {
  const std::string payload = ccm::encode_payload({document}, true, &message);
  const ccm::Multipart body = ccm::write_request(message, payload);
  wire::Request request;
  request.method = "CCM_POST";
  request.target = request.path = "/ccm_system/request";
  request.fields = {{"content-type", body.content_type}};
  request.body = body.body;
  request.peer = {.host = "127.0.0.1", .port = 50000};
  return request;
}

wire::Request policy_request(int n) {
  return request_of(header(n, "MP_PolicyManager", true),
                    "<RequestAssignments SchemaVersion=\"1.00\" RequestType=\"Always\"><Identification><Machine>"
                    "<ClientID>" +
                        smsid_of(n) +
                        "</ClientID></Machine></Identification><PolicySource>SMS:LON</PolicySource><Resource "
                        "ResourceType=\"Machine\"/><ServerCookie/></RequestAssignments>");
}

}  // namespace smslab::bench
