// Advertisements: a program of a package, offered to a collection (facts: semantics 2.5, 3.2 rows 12 and 13).
//
//   ASSIGN_OR_RETURN(v1::Advert a, create_advert(site, request));
//
// Each change is a change of policy, committed with its message (30006 to 30008); package, program and collection are
// fixed once it exists.
#pragma once

#include <string>

#include "mp/site.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

// Without an ID it gets the site's first free one from 20000 on; without a start, now. What it names and is not there
// is kNotFound, naming the field.
Result<v1::Advert> create_advert(Site& site, const v1::Advert& request);
// What `change` has (name, start, expires, mandatory, schedule, download, rerun) replaces what is there. A schedule of
// the one word "none" takes all tokens away, the time 1970-01-01T00:00:00Z takes that time away; the start is then now.
Result<v1::Advert> set_advert(Site& site, const std::string& id, const v1::Advert& change);
// With what its clients have reported for it; their messages stay.
Status delete_advert(Site& site, const std::string& id);
// With its summary, and the state of each client that it goes to or that has reported.
Result<v1::Advert> show_advert(const Site& site, const std::string& id);
Result<v1::AdvertList> list_adverts(const Site& site);  // with summaries

// ---- parts of changes
// create_advert as a part of a larger change.
Result<v1::Advert> record_advert(store::WriteTxn& txn, const Site& site, const v1::Advert& request);
Status delete_adverts_of(store::WriteTxn& txn, const Site& site, const std::string& package);
// `now` is about to replace `before`: adverts whose policies would say something else rise in version.
Status raise_adverts_of(store::WriteTxn& txn, const Site& site, const v1::Package& before, const v1::Package& now);
Status raise_all_adverts(store::WriteTxn& txn, const Site& site);
// One advert that needs it, "" when there is none.
Result<std::string> advert_of_program(const store::ReadTxn& txn, const std::string& package,
                                      const std::string& program);
Result<std::string> advert_of_collection(const store::ReadTxn& txn, const std::string& collection);

}  // namespace smslab::mp
