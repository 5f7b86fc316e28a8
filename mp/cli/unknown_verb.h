// A verb that there is not, named: CLI11 says of it that a subcommand is required.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace smslab::cli {

// Of a command line that could not be parsed. True when a verb was at fault, and one line on standard error says so.
bool tell_unknown_verb(const CLI::App& app, const std::vector<std::string>& arguments);

}  // namespace smslab::cli
