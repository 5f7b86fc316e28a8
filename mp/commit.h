// commit_result: a change that gives something back.
//
//   return commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::Package> { ...; return package; });
//
// Waits for the commit: on threads that may block. A change may run twice (store/committer.h); the last run counts.
#pragma once

#include <utility>

#include "mp/site.h"

namespace smslab::mp {

template <class Change>
auto commit_result(Site& site, Change change) -> decltype(change(std::declval<store::WriteTxn&>())) {
  using Changed = decltype(change(std::declval<store::WriteTxn&>()));
  Changed outcome = internal_error("the change did not run");
  Status committed = site.store.commit([&](store::WriteTxn& txn) {
    outcome = change(txn);
    return outcome.status();
  });
  if (!committed.ok()) return committed;
  return outcome;
}

}  // namespace smslab::mp
