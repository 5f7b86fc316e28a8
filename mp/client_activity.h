// ClientActivity: when clients last asked for policy and fetched a policy body, and where they last said that they are,
// without a write for each request.
//
//   site.activity->policy_asked(site.store, "WRK-LON-001", "127.0.0.2", site.clock.now());
//   const auto recent = site.activity->recent();             // before the transaction that it completes
//   recent.add_to(txn, &client);
//
// Kept in memory and written by the committer in passing: at once when nothing was written for ten seconds, together
// with all that came since when a thousand clients are waiting, and at stop(). Nobody waits for it; a crash loses what
// was still waiting, and nothing else. A body request carries no identity: it counts for the client that
// alone has asked for policy from its address; behind a shared address nobody knows. Thread-safe.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/mutex.h"
#include "proto/schema/site.pb.h"
#include "store/store.h"

namespace smslab::mp {

class ClientActivity : public std::enable_shared_from_this<ClientActivity> {
  using All = std::unordered_map<std::string, v1::ClientActivity>;  // by client; what is not set was not said

 public:
  void policy_asked(store::Store& store, const std::string& client, const std::string& address, const Clock& clock);
  // `place`: ad_site and addresses (place_said); what is empty leaves what was known.
  void located(store::Store& store, const std::string& client, const v1::ClientActivity& place, const Clock& clock);
  // As a part of a change, durable with it.
  Status record_place(store::WriteTxn& txn, const std::string& client, const v1::ClientActivity& place);
  void body_fetched(store::Store& store, const std::string& address, const Clock& clock);
  // The client that alone has asked for policy from this address since the start; empty: nobody, or several.
  std::string client_at(const std::string& address) const;
  // An address where this client has asked for policy as others have, when it has none of its own; empty: there is
  // none.
  std::string shared_address(const std::string& client) const;
  // What is in memory and may not be stored yet. A transaction opened after it sees all the rest.
  class Recent {
   public:
    // Sets last_policy, last_policy_body, ad_site and addresses, and raises last_seen to the times.
    void add_to(const store::ReadTxn& txn, v1::Client* client) const;

   private:
    friend class ClientActivity;
    All all_;
  };
  Recent recent() const;
  void forget(store::WriteTxn& txn);  // as a part of a change: everything, and what waits is not written
  // Writes what waits and waits for that. Before the store goes.
  void flush(store::Store& store);

 private:
  struct Address {
    std::string client;            // the first
    std::set<std::string> others;  // and those since
    bool shared() const { return !others.empty(); }
  };

  void note(store::Store& store, const std::string& client, const v1::ClientActivity& news, const Clock& clock);
  CompletionPtr write(store::Store& store);
  Status put_all(store::WriteTxn& txn);

  mutable Mutex mu_;
  All waiting_ GUARDED_BY(mu_);
  All leaving_ GUARDED_BY(mu_);  // in a change that is not durable yet
  bool under_way_ GUARDED_BY(mu_) = false;
  SteadyTime last_write_ GUARDED_BY(mu_) = {};
  std::unordered_map<std::string, Address> addresses_ GUARDED_BY(mu_);
};

// Trimmed and shortened to what a record may hold; nothing at all when the client says nothing.
v1::ClientActivity place_said(std::string_view ad_site, const std::vector<std::string>& addresses);

}  // namespace smslab::mp
