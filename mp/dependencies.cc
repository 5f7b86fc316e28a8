#include "mp/dependencies.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "proto/base/ids.h"
#include "proto/base/needs.h"
#include "proto/base/text.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr std::string_view kSeparator = ";;";

std::string text_of(const ProgramRef& ref) { return ref.package + std::string(kSeparator) + ref.program; }

// What each of a package's programs runs before itself, and so on to the end of every chain.
class Chains {
 public:
  Chains(const store::ReadTxn& txn, const v1::Package& package, std::string field)
      : txn_(txn),
        package_(package),
        field_(std::move(field)),
        // Nothing that is stored leads to a package that is not.
        within_(!store::kPackages.has(txn, {package.id()})) {}

  Status check() {
    for (const auto& program : package_.programs()) number({package_.id(), program.name()});
    const size_t own = refs_.size();
    const NeedsOrder found = order_by_needs(own, [&](size_t i) {
      const auto first = status_.ok() ? first_of_number(i) : std::optional<ProgramRef>();
      return first ? std::vector<size_t>{number(*first)} : std::vector<size_t>();
    });
    RETURN_IF_ERROR(status_);
    if (found.circles.empty()) return ok_status();
    std::vector<std::string> way;
    for (const size_t i : found.circles.front()) way.push_back(text_of(refs_[i]));
    way.push_back(way.front());
    return invalid_argument("programs would wait for each other: " + shortened(way, " -> "), field_);
  }

 private:
  size_t number(const ProgramRef& ref) {
    const auto [at, fresh] = numbers_.emplace(ascii_upper(text_of(ref)), refs_.size());
    if (fresh) refs_.push_back(ref);
    return at->second;
  }

  std::optional<ProgramRef> first_of_number(size_t i) {
    auto first = read(refs_[i]);
    if (!first.ok()) status_ = first.status();
    return first.ok() ? *first : std::nullopt;
  }

  Result<std::optional<ProgramRef>> read(const ProgramRef& ref) const {
    const bool own = ref.package == package_.id();
    v1::Package other;
    if (!own) {
      auto stored = store::kPackages.get(txn_, {ref.package});
      if (stored.status().code() == Code::kNotFound) return not_found("there is no package " + ref.package, field_);
      if (!stored.ok()) return stored.status();
      other = *std::move(stored);
    }
    const auto& programs = (own ? package_ : other).programs();
    const auto at = std::ranges::find_if(programs, [&](const auto& each) { return iequals(each.name(), ref.program); });
    if (at == programs.end()) {
      return not_found("package " + ref.package + " has no program '" + ref.program + "'", field_);
    }
    if (!own && within_) return std::optional<ProgramRef>();
    return first_of(ref.package, *at, field_);
  }

  const store::ReadTxn& txn_;
  const v1::Package& package_;
  const std::string field_;
  const bool within_;
  std::vector<ProgramRef> refs_;
  std::map<std::string, size_t> numbers_;  // of refs_, in upper case
  Status status_;
};
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
  return Chains(txn, package, field).check();
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
