// Dependencies: the program that another one runs first (facts: semantics 2.3 DependentProgram).
//
//   ASSIGN_OR_RETURN(const auto first, first_of("LON00001", program, "runFirst"));   // what it runs before itself
//
// Program.run_first is "LON00002;;Setup", or ";;Setup" for one of the same package. A program that it names and that is
// not there, and a circle, are refused when they would arise; so nothing that is stored has either.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/base/status.h"
#include "proto/schema/site.pb.h"
#include "store/index.h"

namespace smslab::mp {

struct ProgramRef {
  std::string package;  // ID
  std::string program;
};

// nullopt: it depends on nothing. kInvalidArgument of `field` when the text is neither form.
Result<std::optional<ProgramRef>> first_of(const std::string& package, const v1::Program& program,
                                           const std::string& field);

// Each program of `package`, as it is about to be stored, depends on programs that are there and not on itself.
// `place` is where its programs stand in the request ("" when the request is a program).
Status check_dependencies(const store::ReadTxn& txn, const v1::Package& package, const std::string& place);

// A program, "LON00002;;Setup", that runs this one first; "" when there is none. Programs of `package` itself count
// unless `program` is empty, which asks for any program of it.
Result<std::string> dependent_of(const store::ReadTxn& txn, const std::string& package, const std::string& program);

using PackageLookup = std::function<std::shared_ptr<const v1::Package>(const std::string& id)>;  // nullptr: none
struct ChainLink {
  std::shared_ptr<const v1::Package> package;
  const v1::Program* program = nullptr;  // of `package`
};
// A program and, after it, those that run before it, the nearest first. Empty when the program itself is gone.
std::vector<ChainLink> program_chain(const std::string& package, const std::string& program,
                                     const PackageLookup& lookup);

}  // namespace smslab::mp
