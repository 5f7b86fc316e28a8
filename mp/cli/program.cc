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
  CLI::App* program = app.add_subcommand("program", "Programs of a package: create, list, delete");
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
  text(create, "--name", wanted->program.mutable_name(), "the program's name")->required();
  text(create, "--command", wanted->program.mutable_command_line(), "command line")->required();
  text(create, "--working-directory", wanted->program.mutable_working_directory(),
       "default: the package folder on the DP");
  text(create, "--comment", wanted->program.mutable_comment(), "for people");

  with_package(add_verb(*program, cli, "list", "The programs of a package",
                        [&cli, wanted] { return list_programs(cli, *wanted); }));

  CLI::App* remove = with_package(add_verb(*program, cli, "delete", "Delete a program", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
    return lab.call("DELETE", program_path(*wanted), nullptr, nullptr);
  }));
  text(remove, "--name", wanted->program.mutable_name(), "the program's name")->required();
}

}  // namespace smslab::cli
