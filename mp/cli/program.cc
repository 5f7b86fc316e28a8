#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
struct Wanted {
  std::string package;
  v1::Program program;
};
std::string programs_path(const Wanted& wanted) {
  return "/api/v1/packages/" + percent_encode_component(wanted.package) + "/programs";
}
std::string program_path(const Wanted& wanted) {
  return programs_path(wanted) + "/" + percent_encode_component(wanted.program.name());
}

Status list_programs(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::ProgramList list;
  RETURN_IF_ERROR(lab.call("GET", programs_path(wanted), nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& p : list.programs()) rows.push_back({p.name(), p.command_line()});
  print_table({"PROGRAM", "COMMAND"}, rows);
  return ok_status();
}
}  // namespace

void add_program(CLI::App& app, Cli& cli) {
  CLI::App* program = app.add_subcommand("program", "Programs of a package: create, set, list, delete");
  program->require_subcommand(1)->fallthrough();
  auto wanted = std::make_shared<Wanted>();
  const auto with_package = [wanted](CLI::App* verb) {
    verb->add_option("ID", wanted->package, "package ID, as LON00001")->required();
    return verb;
  };
  const auto text = [wanted](CLI::App* verb, const std::string& option, std::string* target,
                             const std::string& description) { return verb->add_option(option, *target, description); };

  CLI::App* create =
      with_package(add_verb(*program, cli, "create", "Add a program to a package", [&cli, wanted]() -> Status {
        ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
        RETURN_IF_ERROR(lab.call("POST", programs_path(*wanted), &wanted->program, nullptr));
        return ok_status();
      }));
  CLI::App* set = with_package(add_verb(*program, cli, "set", "Change a program", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
    v1::Program changed;
    RETURN_IF_ERROR(lab.call("PATCH", program_path(*wanted), &wanted->program, &changed));
    if (cli.json) print_json(changed);
    return ok_status();
  }));
  v1::Program& fields = wanted->program;
  text(create, "--command", fields.mutable_command_line(), "command line")->required();
  text(set, "--command", fields.mutable_command_line(), "command line");
  for (CLI::App* verb : {create, set}) {
    text(verb, "--name", fields.mutable_name(), "the program's name")->required();
    text(verb, "--working-directory", fields.mutable_working_directory(), "default: the package folder on the DP");
    text(verb, "--comment", fields.mutable_comment(), "for people");
    text(verb, "--run-first", fields.mutable_run_first(), "PACKAGE;;PROGRAM (or ;;PROGRAM) runs before it");
    text(verb, "--disk-space", fields.mutable_disk_space(), "as '120 MB': shown, not enforced");
    verb->add_flag_callback(
        "--run-first-always", [&fields] { fields.set_run_first_always(true); },
        "before every run, not only before the first");
    verb->add_flag_callback(
        "--disabled", [&fields] { fields.set_disabled(true); }, "no client runs it");
  }
  set->add_flag_callback(
      "--enabled", [&fields] { fields.set_disabled(false); }, "clients run it again");

  with_package(add_verb(*program, cli, "list", "The programs of a package",
                        [&cli, wanted] { return list_programs(cli, *wanted); }));

  CLI::App* remove = with_package(add_verb(*program, cli, "delete", "Delete a program", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
    return lab.call("DELETE", program_path(*wanted), nullptr, nullptr);
  }));
  text(remove, "--name", wanted->program.mutable_name(), "the program's name")->required();
}

}  // namespace smslab::cli
