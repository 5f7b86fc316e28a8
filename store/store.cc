#include "store/store.h"

namespace smslab::store {

Result<std::unique_ptr<Store>> Store::open(Env& env, const std::string& folder, const std::string& lab) {
  auto store = std::unique_ptr<Store>(new Store(env, folder));
  RETURN_IF_ERROR(env.make_folders(folder));
  ASSIGN_OR_RETURN(store->lock_, env.lock_folder(folder));
  ASSIGN_OR_RETURN(store->index_, Index::open(folder + "/index", lab));
  store->blobs_ = std::make_unique<Blobs>(env, *store->index_, folder);
  const auto swept = store->index_->write({[&](WriteTxn& txn) { return store->blobs_->sweep(txn); }});
  RETURN_IF_ERROR(swept.front());
  store->committer_ = std::make_unique<Committer>(*store->index_);
  return store;
}

Store::~Store() = default;

}  // namespace smslab::store
