#include "dp/identity.h"

namespace smslab::dp {
namespace {
const store::Key kKey = {"identity"};
}  // namespace

Result<v1::DpIdentity> identity_of(const store::ReadTxn& txn) {
  auto identity = store::kDpIdentity.get(txn, kKey);
  if (identity.status().code() == Code::kNotFound) return v1::DpIdentity();
  return identity;
}

Status claim_folder(store::Store& store, const std::string& name, const std::string& site) {
  return store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::DpIdentity identity, identity_of(txn));
    if (!identity.name().empty() && identity.name() != name) {
      return failed_precondition("the folder holds the content of distribution point " + identity.name() + ", not of " +
                                     name + "; use its name or another folder",
                                 "--name");
    }
    if (!identity.site().empty() && !site.empty() && identity.site() != site) {
      return failed_precondition(
          "the folder holds the content of site " + identity.site() + ", not of " + site + "; use another folder",
          "--data");
    }
    const std::string before = identity.SerializeAsString();
    identity.set_name(name);
    if (!site.empty()) identity.set_site(site);
    if (identity.SerializeAsString() == before) return ok_status();
    return store::kDpIdentity.put(txn, kKey, identity);
  });
}

}  // namespace smslab::dp
