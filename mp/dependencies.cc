#include "mp/dependencies.h"

#include <algorithm>
#include <vector>

#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr std::string_view kSeparator = ";;";

std::string text_of(const ProgramRef& ref) { return ref.package + std::string(kSeparator) + ref.program; }

bool same(const ProgramRef& a, const ProgramRef& b) { return a.package == b.package && iequals(a.program, b.program); }

// Follows one program's chain to its end.
Status check_chain(const store::ReadTxn& txn, const v1::Package& package, const v1::Program& program,
                   const std::string& field) {
  std::vector<ProgramRef> path{{package.id(), program.name()}};
  ASSIGN_OR_RETURN(std::optional<ProgramRef> next, first_of(package.id(), program, field));
  while (next) {
    const bool again = std::ranges::any_of(path, [&](const ProgramRef& ref) { return same(ref, *next); });
    path.push_back(*next);
    if (again) {
      std::string circle;
      for (const ProgramRef& ref : path) circle += (circle.empty() ? "" : " -> ") + text_of(ref);
      return invalid_argument("programs would wait for each other: " + circle, field);
    }
    v1::Package other = package;
    if (next->package != package.id()) {
      auto found = store::kPackages.get(txn, {next->package});
      if (found.status().code() == Code::kNotFound) return not_found("there is no package " + next->package, field);
      if (!found.ok()) return found.status();
      other = *std::move(found);
    }
    const auto at =
        std::ranges::find_if(other.programs(), [&](const auto& each) { return iequals(each.name(), next->program); });
    if (at == other.programs().end()) {
      return not_found("package " + next->package + " has no program '" + next->program + "'", field);
    }
    ASSIGN_OR_RETURN(next, first_of(other.id(), *at, field));
  }
  return ok_status();
}
}  // namespace

Result<std::optional<ProgramRef>> first_of(const std::string& package, const v1::Program& program,
                                           const std::string& field) {
  const std::string& text = program.run_first();
  if (text.empty()) return std::optional<ProgramRef>();
  const size_t at = text.find(kSeparator);
  if (at == std::string::npos || at + kSeparator.size() == text.size()) {
    return invalid_argument("'" + text + "' is neither PACKAGE;;PROGRAM nor ;;PROGRAM", field);
  }
  ProgramRef ref{.package = package, .program = text.substr(at + kSeparator.size())};
  if (at > 0) {
    ASSIGN_OR_RETURN(ref.package, parse_package_id(text.substr(0, at), field));
  }
  return std::optional(std::move(ref));
}

Status check_dependencies(const store::ReadTxn& txn, const v1::Package& package, const std::string& place) {
  const std::string field = place.empty() ? "runFirst" : place + ".runFirst";
  for (const auto& program : package.programs()) RETURN_IF_ERROR(check_chain(txn, package, program, field));
  return ok_status();
}

Result<std::string> dependent_of(const store::ReadTxn& txn, const std::string& package, const std::string& program) {
  std::string found;
  RETURN_IF_ERROR(store::kPackages.each(txn, {}, [&](const store::Key&, const v1::Package& each) {
    if (program.empty() && each.id() == package) return true;
    for (const auto& candidate : each.programs()) {
      const auto first = first_of(each.id(), candidate, "runFirst");
      if (!first.ok() || !*first || (*first)->package != package) continue;
      if (!program.empty() && !iequals((*first)->program, program)) continue;
      found = text_of({each.id(), candidate.name()});
      return false;
    }
    return true;
  }));
  return found;
}

std::vector<ChainLink> program_chain(const std::string& package, const std::string& program,
                                     const PackageLookup& lookup) {
  constexpr size_t kMost = 100;  // ends a circle, which nothing stored has
  std::vector<ChainLink> chain;
  std::optional<ProgramRef> next(ProgramRef{package, program});
  while (next && chain.size() < kMost) {
    ChainLink link{.package = lookup(next->package)};
    if (link.package == nullptr) break;
    const auto& programs = link.package->programs();
    const auto at =
        std::ranges::find_if(programs, [&](const auto& each) { return iequals(each.name(), next->program); });
    if (at == programs.end()) break;
    link.program = &*at;
    chain.push_back(link);
    const auto first = first_of(link.package->id(), *at, "runFirst");
    next = first.ok() ? *first : std::nullopt;
  }
  return chain;
}

}  // namespace smslab::mp
