// The verbs of the `smslab` command: one file a noun, each adding its sub-commands.
//
// Parsing only chooses what to do: a verb's callback puts a function into Cli::action, and main runs it. Everything
// that changes a running lab goes through the control API (lab.h). Exit status: 0 done, 1 refused or failed, 2 wrong
// usage.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "mp/cli/lab_client.h"
#include "proto/base/status.h"

namespace smslab::cli {

struct Cli {
  LabFinder finder;                // --control, --data, --lab
  bool json = false;               // --json
  std::function<Status()> action;  // what the command line asks for
};

void add_serve(CLI::App& app, Cli& cli);
void add_lab(CLI::App& app, Cli& cli);
void add_wait(CLI::App& app, Cli& cli);
void add_package(CLI::App& app, Cli& cli);
void add_program(CLI::App& app, Cli& cli);
void add_collection(CLI::App& app, Cli& cli);
void add_advert(CLI::App& app, Cli& cli);
void add_boundary(CLI::App& app, Cli& cli);
void add_dp(CLI::App& app, Cli& cli);
void add_client(CLI::App& app, Cli& cli);
void add_site(CLI::App& app, Cli& cli);
void add_status(CLI::App& app, Cli& cli);
void add_fault(CLI::App& app, Cli& cli);
void add_journal(CLI::App& app, Cli& cli);  // and transcript
void add_clock(CLI::App& app, Cli& cli);
void add_scenario(CLI::App& app, Cli& cli);
void add_reset(CLI::App& app, Cli& cli);
void add_fsck(CLI::App& app, Cli& cli);
void add_version(CLI::App& app, Cli& cli);

// A sub-command whose action is `run`.
template <class Run>
CLI::App* add_verb(CLI::App& parent, Cli& cli, const std::string& name, const std::string& description, Run run) {
  CLI::App* verb = parent.add_subcommand(name, description);
  verb->fallthrough();
  verb->callback([&cli, run] { cli.action = run; });
  return verb;
}

}  // namespace smslab::cli
