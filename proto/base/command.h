// The end of a command: what it failed with, and whether its output was taken.
//
//   return run_command("smslab", [&] { return list_packages(cli); });
#pragma once

#include <functional>
#include <string>

#include "proto/base/status.h"

namespace smslab {

// Runs it and flushes standard output. Gives the exit status: 0 done, 1 failed, with one line on standard error,
// "smslab: MESSAGE [FIELD]". Whoever closes the pipe that the output goes to has read enough: 1, without a word.
int run_command(const std::string& program, const std::function<Status()>& action);

}  // namespace smslab
