#include "store/fsck.h"

#include "store/check.h"
#include "store/store.h"

namespace smslab::store {

Result<v1::FsckReply> fsck(Env& env, const std::string& folder, const std::string& lab) {
  RETURN_IF_ERROR(check_index_is_there(env, folder));
  // Before the lock, which would leave a file in a folder that is no store.
  if (!posix_env().info(folder + "/index/data.mdb").ok()) return not_found("there is no smslab store in " + folder);
  ASSIGN_OR_RETURN(const auto lock, env.lock_folder(folder));
  ASSIGN_OR_RETURN(const auto index, Index::open(folder + "/index", lab, Index::Mode::kReadOnly));
  const Blobs blobs(env, *index, folder);
  Check check(env, *index, blobs, Check::Mode::kAtRest);
  RETURN_IF_ERROR(check.run([&](const std::function<void(const ReadTxn&)>& look) {
    look(index->read());
    return ok_status();
  }));
  return check.report();
}

Result<v1::FsckReply> fsck(Store& store) {
  Check check(store.env(), store.index(), store.blobs(), Check::Mode::kServed);
  RETURN_IF_ERROR(check.run([&](const std::function<void(const ReadTxn&)>& look) {
    return store.commit([&](WriteTxn& txn) {
      look(txn);
      return ok_status();
    });
  }));
  return check.report();
}

}  // namespace smslab::store
