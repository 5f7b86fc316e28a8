// Who may reach the control plane of a lab: this machine alone, or whoever has a token.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "proto/base/env.h"
#include "proto/base/status.h"
#include "proto/base/uri.h"

namespace smslab::host {

struct ControlAccess {
  std::string token_file;
  std::vector<std::string> names;
};
void add_control_access_options(CLI::App& verb, ControlAccess* access);

// The token that requests must bring; "" when none is asked for. kInvalidArgument, naming the option, when `at` is
// for others than this machine and there is none.
Result<std::string> control_token(Env& env, const ControlAccess& access, const HostPort& at);

// The text of a token file without the blanks around it; kInvalidArgument, naming `field`, for what no header field can
// carry. Nothing of it is in the message.
Result<std::string> read_control_token(Env& env, const std::string& path, const std::string& field);

}  // namespace smslab::host
