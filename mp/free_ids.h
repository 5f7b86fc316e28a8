// The IDs that the site gives: its code and five hex digits, the first that is free (facts: semantics 2.1, counter M).
//
//   ASSIGN_OR_RETURN(const std::string id, take_free_id(txn, site, IdOf::kAdvert, taken));
//   RETURN_IF_ERROR(give_back_id(txn, site, IdOf::kAdvert, advert.id()));          // with the record that had it
//
// The site remembers below which number none is free, so that each call is quick however many there are. Parts of
// changes.
#pragma once

#include <functional>
#include <string>

#include "mp/site.h"
#include "store/index.h"

namespace smslab::mp {

enum class IdOf { kCollection, kAdvert };

// `taken` says whether an ID is in use; the one that is given must be, once the change is committed.
// kFailedPrecondition when there is none left.
Result<std::string> take_free_id(store::WriteTxn& txn, const Site& site, IdOf what,
                                 const std::function<bool(const std::string&)>& taken);
Status give_back_id(store::WriteTxn& txn, const Site& site, IdOf what, const std::string& id);

}  // namespace smslab::mp
