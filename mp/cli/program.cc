#include <optional>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
struct Wanted {
  std::string package;
  v1::Program program;
  std::optional<uint32_t> duration;
  std::optional<bool> user_context, run_first_always, disabled;
};

// The program as a request: only what was given is present.
v1::Program request_of(const Wanted& wanted) {
  v1::Program program = wanted.program;
  if (wanted.duration) program.set_duration_minutes(*wanted.duration);
  if (wanted.user_context) program.set_user_context(*wanted.user_context);
  if (wanted.run_first_always) program.set_run_first_always(*wanted.run_first_always);
  if (wanted.disabled) program.set_disabled(*wanted.disabled);
  return program;
}

std::string programs_path(const Wanted& wanted) {
  return "/api/v1/packages/" + percent_encode_component(wanted.package) + "/programs";
}
std::string program_path(const Wanted& wanted) {
  return programs_path(wanted) + "/" + percent_encode_component(wanted.program.name());
}

Status list_programs(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
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

Status show_program(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::Program program;
  RETURN_IF_ERROR(lab.call("GET", program_path(wanted), nullptr, &program));
  if (cli.json) {
    print_json(program);
    return ok_status();
  }
  const uint32_t minutes = program.duration_minutes();
  print_fields({{"program", program.name()},
                {"command", program.command_line()},
                {"working directory", program.working_directory()},
                {"comment", program.comment()},
                {"duration", minutes == 0 ? "unknown" : std::to_string(minutes) + " minutes"},
                {"rights", program.user_context() ? "the user's" : "the system's"},
                {"runs first", program.run_first() + (program.run_first_always() ? ", before every run" : "")},
                {"disk space", program.disk_space()},
                {"state", program.disabled() ? "disabled" : ""}});
  return ok_status();
}
}  // namespace

void add_program(CLI::App& app, Cli& cli) {
  CLI::App* program = app.add_subcommand("program", "Programs of a package: create, list, show, set, delete");
  program->require_subcommand(1)->fallthrough();
  auto wanted = std::make_shared<Wanted>();
  const auto with_package = [wanted](CLI::App* verb) {
    verb->add_option("ID", wanted->package, "package ID, as LON00001")->required();
    return verb;
  };
  const auto text = [wanted](CLI::App* verb, const std::string& option, std::string* target,
                             const std::string& description) { return verb->add_option(option, *target, description); };
  // Present only when it was given.
  const auto flag = [](CLI::App* verb, const std::string& names, std::optional<bool>* target,
                       const std::string& description) {
    verb->add_flag_function(
        names, [target](int64_t times) { *target = times > 0; }, description);
  };
  // Gives the option of the command line.
  const auto with_data = [wanted, text, flag](CLI::App* verb) {
    v1::Program& data = wanted->program;
    text(verb, "--name", data.mutable_name(), "the program's name")->required();
    text(verb, "--working-directory", data.mutable_working_directory(), "default: the package folder on the DP");
    text(verb, "--comment", data.mutable_comment(), "for people");
    text(verb, "--run-first", data.mutable_run_first(),
         "program that this one depends on: PACKAGE;;PROGRAM, or ;;PROGRAM; 'none' takes it away");
    text(verb, "--disk-space", data.mutable_disk_space(), "as \"120 MB\": shown, never enforced");
    verb->add_option("--duration", wanted->duration, "longest run time in minutes, 0: unknown");
    flag(verb, "--user-context,!--no-user-context", &wanted->user_context,
         "runs with the user's rights, only when one is logged on");
    flag(verb, "--run-first-always,!--no-run-first-always", &wanted->run_first_always,
         "the program that it depends on runs before every run");
    flag(verb, "--disabled,!--enabled", &wanted->disabled, "no client runs it");
    return text(verb, "--command", data.mutable_command_line(), "command line");
  };

  CLI::App* create =
      with_package(add_verb(*program, cli, "create", "Add a program to a package", [&cli, wanted]() -> Status {
        ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
        const v1::Program request = request_of(*wanted);
        return lab.call("POST", programs_path(*wanted), &request, nullptr);
      }));
  with_data(create)->required();

  CLI::App* set = with_package(add_verb(*program, cli, "set", "Change a program", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    const v1::Program change = request_of(*wanted);
    return lab.call("PATCH", program_path(*wanted), &change, nullptr);
  }));
  with_data(set);

  with_package(add_verb(*program, cli, "list", "The programs of a package",
                        [&cli, wanted] { return list_programs(cli, *wanted); }));

  CLI::App* show = with_package(
      add_verb(*program, cli, "show", "One program", [&cli, wanted] { return show_program(cli, *wanted); }));
  text(show, "--name", wanted->program.mutable_name(), "the program's name")->required();

  CLI::App* remove = with_package(add_verb(*program, cli, "delete", "Delete a program", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    return lab.call("DELETE", program_path(*wanted), nullptr, nullptr);
  }));
  text(remove, "--name", wanted->program.mutable_name(), "the program's name")->required();
}

}  // namespace smslab::cli
