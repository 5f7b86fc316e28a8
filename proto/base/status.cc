#include "proto/base/status.h"

#include <cerrno>
#include <cstring>

namespace smslab {
namespace {
struct CodeRow {
  Code code;
  std::string_view name;
  int http;
};
constexpr CodeRow kCodes[] = {
    {Code::kOk, "OK", 200},
    {Code::kInvalidArgument, "INVALID_ARGUMENT", 400},
    {Code::kNotFound, "NOT_FOUND", 404},
    {Code::kAlreadyExists, "ALREADY_EXISTS", 409},
    {Code::kFailedPrecondition, "FAILED_PRECONDITION", 409},
    {Code::kUnauthenticated, "UNAUTHENTICATED", 401},
    {Code::kTooLarge, "TOO_LARGE", 413},
    {Code::kNoSpace, "NO_SPACE", 507},
    {Code::kUnavailable, "UNAVAILABLE", 503},
    {Code::kAborted, "ABORTED", 409},
    {Code::kDataLoss, "DATA_LOSS", 500},
    {Code::kInternal, "INTERNAL", 500},
};
const CodeRow& row(Code code) { return kCodes[static_cast<size_t>(code)]; }
}  // namespace

std::string_view code_name(Code code) { return row(code).name; }
int http_status(Code code) { return row(code).http; }

std::string Status::to_string() const {
  std::string text{code_name(code_)};
  if (!message_.empty()) text += ": " + message_;
  if (!field_.empty()) text += " (field " + field_ + ")";
  return text;
}

Status Status::prefixed(std::string_view where) const { return {code_, std::string(where) + ": " + message_, field_}; }

Status invalid_argument(std::string message, std::string field) {
  return {Code::kInvalidArgument, std::move(message), std::move(field)};
}
Status not_found(std::string message, std::string field) {
  return {Code::kNotFound, std::move(message), std::move(field)};
}
Status already_exists(std::string message, std::string field) {
  return {Code::kAlreadyExists, std::move(message), std::move(field)};
}
Status failed_precondition(std::string message, std::string field) {
  return {Code::kFailedPrecondition, std::move(message), std::move(field)};
}
Status internal_error(std::string message) { return {Code::kInternal, std::move(message)}; }

Status from_errno(int error, std::string_view what) {
  Code code = Code::kUnavailable;
  switch (error) {
    case ENOENT: code = Code::kNotFound; break;
    case EEXIST: code = Code::kAlreadyExists; break;
    case ENOSPC:
    case EDQUOT: code = Code::kNoSpace; break;
    case EACCES:
    case EPERM: code = Code::kFailedPrecondition; break;
    case EINVAL:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG: code = Code::kInvalidArgument; break;
    default: break;
  }
  char buffer[256];
  return {code, std::string(what) + ": " + ::strerror_r(error, buffer, sizeof buffer)};
}

}  // namespace smslab
