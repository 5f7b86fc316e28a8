#include <fmt/format.h>

#include "mp/cli/fault_verbs.h"
#include "mp/cli/print.h"
#include "mp/fault_presets.h"
#include "proto/base/uri.h"
#include "proto/schema/preset.pb.h"

namespace smslab::cli {
namespace {
std::string how(const v1::FaultPreset& preset) {
  switch (preset.kind()) {
    case v1::FaultPreset::SERVER: {
      std::string needs;
      for (const auto& one : preset.needs()) needs += " --" + one;
      return "fault preset add " + preset.name() + needs;
    }
    case v1::FaultPreset::CLIENT: return "smslab-client run " + preset.client_switch();
    default: return "not reproduced: " + preset.reason();
  }
}

Status list_presets(const Cli& cli) {
  const v1::FaultPresetList list = mp::list_presets();  // the same in every lab
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& preset : list.presets()) {
    rows.push_back({std::to_string(preset.row()), preset.name(), preset.trigger(), how(preset)});
  }
  print_table({"ROW", "NAME", "INCIDENT", "HOW"}, rows);
  return ok_status();
}

Status add_preset(const Cli& cli, const std::string& name, const v1::FaultMatch& parameters) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::FaultList added;
  const Status done = lab.call("POST", "/api/v1/fault-presets/" + percent_encode_component(name), &parameters, &added);
  if (parameters.GetDescriptor()->FindFieldByName(done.field()) != nullptr) {
    return {done.code(), done.message(), "--" + done.field()};
  }
  RETURN_IF_ERROR(done);
  if (cli.json) {
    print_json(added);
    return ok_status();
  }
  for (const auto& rule : added.faults()) print_rule(rule);
  return ok_status();
}
}  // namespace

void add_fault_preset(CLI::App& fault, Cli& cli) {
  CLI::App* preset = fault.add_subcommand("preset", "Incidents of real sites, by name: list, add");
  preset->require_subcommand(1)->fallthrough();
  add_verb(*preset, cli, "list", "All incidents, and how each is brought about", [&cli] { return list_presets(cli); });
  auto name = std::make_shared<std::string>();
  auto parameters = std::make_shared<v1::FaultMatch>();
  CLI::App* verb = add_verb(*preset, cli, "add", "Add the faults of an incident; prints what clients will see",
                            [&cli, name, parameters] { return add_preset(cli, *name, *parameters); });
  verb->add_option("NAME", *name, "of `fault preset list`")->required();
  const auto option = [&](const std::string& flag, const std::string& what, std::string* into) {
    verb->add_option(flag, *into, what);
  };
  option("--dp", "distribution point", parameters->mutable_dp());
  option("--package", "package", parameters->mutable_package());
  option("--file", "file of the package", parameters->mutable_file());
  option("--client", "the client that meets it; all when absent", parameters->mutable_client());
  option("--address", "its address, where it has to be told from others", parameters->mutable_address());
}

}  // namespace smslab::cli
