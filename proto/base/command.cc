#include "proto/base/command.h"

#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <system_error>

namespace smslab {
namespace {
// Of the output; 0: it was all taken.
int flush_error() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return 0;
  return errno != 0 ? errno : EIO;
}
}  // namespace

int run_command(const std::string& program, const std::function<Status()>& action) {
  ::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of the write
  Status status;
  int lost = 0;
  try {
    status = action();
  } catch (const std::system_error& error) {  // what fmt throws when it cannot print
    lost = error.code().value();
  } catch (const std::exception& error) {
    status = internal_error(error.what());
  }
  if (lost == 0) lost = flush_error();
  if (lost != 0 && lost != EPIPE && status.ok()) status = from_errno(lost, "standard output");
  if (!status.ok()) {
    const std::string field = status.field().empty() ? "" : " [" + status.field() + "]";
    std::fputs((program + ": " + status.message() + field + "\n").c_str(), stderr);
  }
  return status.ok() && lost == 0 ? 0 : 1;
}

}  // namespace smslab
