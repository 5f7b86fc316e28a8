#include "store/fsck.h"
namespace smslab::store {
Result<v1::FsckReply> fsck(Env&, const std::string&, const std::string&) { return internal_error("not there yet"); }
Result<v1::FsckReply> fsck(Store&) { return internal_error("not there yet"); }
}  // namespace smslab::store
