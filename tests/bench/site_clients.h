// The clients of the programs that measure a site without sockets: their records, and what they send.
//
//   put_clients(store, site, 100'000);                     // WRK-000000 and on, all registered
//   auto reply = must(router.route(policy_request(7)));    // of the eighth
//
// Programs of their own, which end when something fails.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "mp/site.h"
#include "proto/base/status.h"
#include "proto/schema/client_messages.pb.h"
#include "proto/wire/handler.h"
#include "store/store.h"

namespace smslab::bench {

inline void must(const Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "{}\n", status.to_string());
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  must(result.status());
  return *std::move(result);
}

std::string name_of(int n);
std::string smsid_of(int n);
void put_clients(store::Store& store, const mp::Site& site, int clients);

// A message of the n-th client, and the request that carries it.
v1::Msg header(int n, const std::string& endpoint, bool wants_reply);
wire::Request request_of(v1::Msg message, const std::string& document);

wire::Request policy_request(int n);

}  // namespace smslab::bench
