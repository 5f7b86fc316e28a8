// Status and Result<T>: how a function says that the world refused.
//
// Peers, disks, users and libraries give a Status; a broken invariant aborts. Exceptions do not cross a room's wall.
//
//   Result<v1::Package> package = packages.get(id);
//   if (!package.ok()) return package.status();
//   ASSIGN_OR_RETURN(auto manifest, load_manifest(*package));
//   RETURN_IF_ERROR(manifest.verify());
//
// A Code is also the API's error code (code_name) and has one HTTP status (http_status). `field` names the input that
// is at fault, in the spelling of its source ("match.dp", "--source"); empty when no single input is.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace smslab {

enum class Code {
  kOk,
  kInvalidArgument,     // the request is wrong in itself; repeating it cannot help
  kNotFound,            // what it names does not exist
  kAlreadyExists,       // what it would create exists
  kFailedPrecondition,  // the site is not in a state that allows it
  kUnauthenticated,     // no valid token or signature
  kTooLarge,            // beyond a limit of ours
  kNoSpace,             // the disk is full
  kUnavailable,         // a peer or a disk does not answer; a later try may succeed
  kAborted,             // lost a race with another change; try again
  kDataLoss,            // stored or received bytes are not what their digest says
  kInternal,            // our own fault
};

std::string_view code_name(Code code);  // "INVALID_ARGUMENT", ...
int http_status(Code code);             // 400, 404, 409, ...

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message, std::string field = {})
      : code_(code), message_(std::move(message)), field_(std::move(field)) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& field() const { return field_; }
  std::string to_string() const;  // "NOT_FOUND: no package LON00001 (field id)"

  // The same error, with where it happened in front of its message.
  Status prefixed(std::string_view where) const;

  friend bool operator==(const Status&, const Status&) = default;

 private:
  Code code_ = Code::kOk;
  std::string message_;
  std::string field_;
};

inline Status ok_status() { return {}; }
Status invalid_argument(std::string message, std::string field = {});
Status not_found(std::string message, std::string field = {});
Status already_exists(std::string message, std::string field = {});
Status failed_precondition(std::string message, std::string field = {});
Status internal_error(std::string message);
// What errno means: ENOENT kNotFound, EEXIST kAlreadyExists, ENOSPC and EDQUOT kNoSpace, EINVAL and ENAMETOOLONG
// kInvalidArgument, the rest kUnavailable.
Status from_errno(int error, std::string_view what);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    assert(!status_.ok() && "a Result without a value needs an error");
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& operator*() & { return value_.value(); }
  const T& operator*() const& { return value_.value(); }
  T&& operator*() && { return std::move(value_).value(); }
  T* operator->() { return &value_.value(); }
  const T* operator->() const { return &value_.value(); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace smslab

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in them.
#define RETURN_IF_ERROR(expr)                                           \
  do {                                                                  \
    if (::smslab::Status smslab_status = (expr); !smslab_status.ok()) { \
      return smslab_status;                                             \
    }                                                                   \
  } while (false)

#define SMSLAB_CONCAT_(a, b) a##b
#define SMSLAB_CONCAT(a, b) SMSLAB_CONCAT_(a, b)
#define ASSIGN_OR_RETURN(declaration, expr) ASSIGN_OR_RETURN_(SMSLAB_CONCAT(result_, __LINE__), declaration, expr)
#define ASSIGN_OR_RETURN_(result, declaration, expr) \
  auto result = (expr);                              \
  if (!result.ok()) return result.status();          \
  declaration = *std::move(result)
// NOLINTEND(bugprone-macro-parentheses)
