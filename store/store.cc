#include "store/store.h"

#include "store/index_file.h"

namespace smslab::store {

Status check_index_is_there(Env& env, const std::string& folder) {
  const std::string index = folder + "/index/data.mdb", blobs = folder + "/blobs";
  const auto info = posix_env().info(index);  // LMDB works on real files
  if (info.ok() && info->size > 0) return ok_status();
  const auto contents = env.list(blobs);
  if (!contents.ok() || contents->empty()) return ok_status();
  return {Code::kDataLoss, index + " is " + (info.ok() ? "empty" : "gone") + ", and " + blobs +
                               " holds contents: " + std::string(kWithoutItsIndex)};
}

Result<std::unique_ptr<Store>> Store::open(Env& env, const std::string& folder, const std::string& lab) {
  auto store = std::unique_ptr<Store>(new Store(env, folder));
  RETURN_IF_ERROR(env.make_folders(folder));
  ASSIGN_OR_RETURN(store->lock_, env.lock_folder(folder));
  RETURN_IF_ERROR(check_index_is_there(env, folder));
  ASSIGN_OR_RETURN(store->index_, Index::open(folder + "/index", lab));
  store->blobs_ = std::make_unique<Blobs>(env, *store->index_, folder);
  const auto swept = store->index_->write({[&](WriteTxn& txn) { return store->blobs_->sweep(txn); }});
  RETURN_IF_ERROR(swept.front());
  store->committer_ = std::make_unique<Committer>(*store->index_);
  return store;
}

Store::~Store() = default;

}  // namespace smslab::store
