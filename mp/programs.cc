#include "mp/programs.h"

#include <algorithm>
#include <functional>

#include "mp/adverts.h"
#include "mp/checks.h"
#include "mp/commit.h"
#include "mp/dependencies.h"
#include "mp/packages.h"
#include "proto/base/text.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr uint32_t kMaxMinutes = 1440 * 30;

std::string field_in(const std::string& place, std::string_view field) {
  return place.empty() ? std::string(field) : place + "." + std::string(field);
}

// "120 MB" (semantics 2.3 DiskSpaceReq).
Status check_disk_space(const std::string& text, const std::string& field) {
  if (text.empty()) return ok_status();
  const auto parts = split(text, ' ');
  const bool known =
      parts.size() == 2 && parse_u64(parts[0]) && (parts[1] == "KB" || parts[1] == "MB" || parts[1] == "GB");
  return known ? ok_status() : invalid_argument("'" + text + "' is no disk space, as 120 MB (or KB, GB)", field);
}

Status check_program(const v1::Program& program, const std::string& place) {
  RETURN_IF_ERROR(check_text(program.command_line(), field_in(place, "commandLine")));
  RETURN_IF_ERROR(check_text(program.working_directory(), field_in(place, "workingDirectory")));
  RETURN_IF_ERROR(check_text(program.comment(), field_in(place, "comment")));
  if (program.duration_minutes() > kMaxMinutes) {
    return invalid_argument("a program may run 30 days (43200 minutes) at most", field_in(place, "durationMinutes"));
  }
  RETURN_IF_ERROR(check_text(program.run_first(), field_in(place, "runFirst")));
  return check_disk_space(program.disk_space(), field_in(place, "diskSpace"));
}

// Commits the package as `act` leaves it, with the messages of a package thread. Gives what `act` gives.
Result<v1::Program> change_package(Site& site, const std::string& id,
                                   const std::function<Result<v1::Program>(store::WriteTxn&, v1::Package*)>& act) {
  return commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::Program> {
    ASSIGN_OR_RETURN(v1::Package package, get_usable_package(txn, id, "package"));
    ASSIGN_OR_RETURN(v1::Program program, act(txn, &package));
    RETURN_IF_ERROR(emit_pass(txn, site, &package));
    RETURN_IF_ERROR(store::kPackages.put(txn, {package.id()}, package));
    return program;
  });
}
}  // namespace

Status append_program(v1::Package* package, const v1::Program& request, const std::string& field) {
  RETURN_IF_ERROR(check_name(request.name(), field_in(field, "name")));
  if (request.command_line().empty()) {
    return invalid_argument("program '" + request.name() + "' has no command line", field_in(field, "commandLine"));
  }
  RETURN_IF_ERROR(check_program(request, field));
  if (find_program(package, request.name(), {}).ok()) {
    return already_exists("there are two programs '" + request.name() + "'", field_in(field, "name"));
  }
  v1::Program* program = package->add_programs();
  *program = request;
  program->set_duration_minutes(request.duration_minutes());  // present from now on, so that it is shown
  program->set_user_context(request.user_context());
  return ok_status();
}

Result<v1::Program*> find_program(v1::Package* package, const std::string& name, const std::string& field) {
  for (auto& program : *package->mutable_programs()) {
    if (iequals(program.name(), name)) return &program;
  }
  return not_found("package " + package->id() + " has no program '" + name + "'", field);
}

Result<v1::Program> add_program(Site& site, const std::string& package, const v1::Program& request) {
  return change_package(site, package, [&](store::WriteTxn& txn, v1::Package* record) -> Result<v1::Program> {
    RETURN_IF_ERROR(append_program(record, request, {}));
    RETURN_IF_ERROR(check_dependencies(txn, *record, {}));
    v1::Program added = *record->programs().rbegin();
    RETURN_IF_ERROR(emit(txn, site, audit_message(30003, site, *record, added.name())));
    return added;
  });
}

Result<v1::Program> set_program(Site& site, const std::string& package, const std::string& name,
                                const v1::Program& change) {
  if (!change.name().empty() && !iequals(change.name(), name)) {
    return invalid_argument("a program keeps its name; delete it and create another", "name");
  }
  RETURN_IF_ERROR(check_program(change, {}));
  v1::Program rest = change;
  rest.clear_name();
  if (rest.ByteSizeLong() == 0) return show_program(site, package, name);
  return change_package(site, package, [&](store::WriteTxn& txn, v1::Package* record) -> Result<v1::Program> {
    ASSIGN_OR_RETURN(v1::Program * program, find_program(record, name, "name"));
    if (!change.command_line().empty()) program->set_command_line(change.command_line());
    if (!change.working_directory().empty()) program->set_working_directory(change.working_directory());
    if (!change.comment().empty()) program->set_comment(change.comment());
    if (change.has_duration_minutes()) program->set_duration_minutes(change.duration_minutes());
    if (change.has_user_context()) program->set_user_context(change.user_context());
    if (!change.run_first().empty()) program->set_run_first(change.run_first() == "none" ? "" : change.run_first());
    if (change.has_run_first_always()) program->set_run_first_always(change.run_first_always());
    if (change.has_disabled()) program->set_disabled(change.disabled());
    if (!change.disk_space().empty()) program->set_disk_space(change.disk_space());
    RETURN_IF_ERROR(check_dependencies(txn, *record, {}));
    RETURN_IF_ERROR(package_policy_changed(txn, site, *record));
    RETURN_IF_ERROR(emit(txn, site, audit_message(30004, site, *record, program->name())));
    return *program;
  });
}

Status delete_program(Site& site, const std::string& package, const std::string& name) {
  const auto act = [&](store::WriteTxn& txn, v1::Package* record) -> Result<v1::Program> {
    ASSIGN_OR_RETURN(const v1::Program* found, find_program(record, name, "name"));
    const v1::Program program = *found;
    ASSIGN_OR_RETURN(const std::string advert, advert_of_program(txn, record->id(), program.name()));
    if (!advert.empty()) {
      return failed_precondition("advert " + advert + " offers program '" + program.name() + "'; delete it first",
                                 "name");
    }
    ASSIGN_OR_RETURN(const std::string dependent, dependent_of(txn, record->id(), program.name()));
    if (!dependent.empty()) {
      return failed_precondition(dependent + " runs program '" + program.name() + "' first; change it first", "name");
    }
    RETURN_IF_ERROR(emit(txn, site, audit_message(30005, site, *record, program.name())));
    auto& programs = *record->mutable_programs();
    programs.erase(std::find_if(programs.begin(), programs.end(), [&](const auto& each) { return &each == found; }));
    return program;
  };
  return change_package(site, package, act).status();
}

Result<v1::Program> show_program(const Site& site, const std::string& package, const std::string& name) {
  ASSIGN_OR_RETURN(v1::Package record, get_package(site.store.read(), package, "package"));
  ASSIGN_OR_RETURN(const v1::Program* program, find_program(&record, name, "name"));
  return *program;
}

Result<v1::ProgramList> list_programs(const Site& site, const std::string& package) {
  ASSIGN_OR_RETURN(const v1::Package record, get_package(site.store.read(), package, "package"));
  v1::ProgramList list;
  *list.mutable_programs() = record.programs();
  return list;
}

}  // namespace smslab::mp
