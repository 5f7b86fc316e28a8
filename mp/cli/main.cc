// The `smslab` command. Wiring only: each verb is in its own file (verbs.h).
#include "mp/cli/unknown_verb.h"
#include "mp/cli/verbs.h"
#include "proto/base/command.h"

int main(int argc, char** argv) {
  using smslab::cli::Cli;
  Cli cli;
  CLI::App app("smslab: a lab stand-in for an SMS 2003 site", "smslab");
  app.require_subcommand(1);
  app.set_version_flag("--version", SMSLAB_VERSION);
  app.add_option("--control", cli.finder.control, "URL of the lab's control plane");
  app.add_option("--data", cli.finder.data, "the lab's data folder");
  app.add_option("--lab", cli.finder.lab, "one of the labs beside the default one, by name");
  app.add_option("--token-file", cli.finder.token_file,
                 "file with the token of the lab's control plane, where it has one (else $SMSLAB_TOKEN is the token)");
  app.add_flag("--json", cli.json, "print the API's JSON");

  smslab::cli::add_serve(app, cli);
  smslab::cli::add_lab(app, cli);
  smslab::cli::add_wait(app, cli);
  smslab::cli::add_package(app, cli);
  smslab::cli::add_program(app, cli);
  smslab::cli::add_collection(app, cli);
  smslab::cli::add_advert(app, cli);
  smslab::cli::add_dp(app, cli);
  smslab::cli::add_boundary(app, cli);
  smslab::cli::add_client(app, cli);
  smslab::cli::add_site(app, cli);
  smslab::cli::add_status(app, cli);
  smslab::cli::add_fault(app, cli);
  smslab::cli::add_journal(app, cli);
  smslab::cli::add_clock(app, cli);
  smslab::cli::add_scenario(app, cli);
  smslab::cli::add_reset(app, cli);
  smslab::cli::add_fsck(app, cli);
  smslab::cli::add_version(app, cli);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0 && smslab::cli::tell_unknown_verb(app, {argv + 1, argv + argc})) return 2;
    return app.exit(e) == 0 ? 0 : 2;  // 0: --help and --version
  }
  return smslab::run_command("smslab", cli.action);
}
