// Programs of a package (facts: semantics 2.3, 3.2 row 2). Names are unique in their package, in any letter case.
//
//   ASSIGN_OR_RETURN(v1::Program p, add_program(site, "LON00001", request));
//
// Each is one change with its messages: 30003, 30004 or 30005, then 2300, 2311, 2301.
#pragma once

#include <string>

#include "mp/site.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

Result<v1::Program> add_program(Site& site, const std::string& package, const v1::Program& request);
// What `change` has replaces what is there; the name stays. `run_first` is taken away by "none".
Result<v1::Program> set_program(Site& site, const std::string& package, const std::string& name,
                                const v1::Program& change);
// kFailedPrecondition while an advert offers it or another program runs it first.
Status delete_program(Site& site, const std::string& package, const std::string& name);
Result<v1::Program> show_program(const Site& site, const std::string& package, const std::string& name);
Result<v1::ProgramList> list_programs(const Site& site, const std::string& package);

// ---- parts of changes
// Checks and appends; `field` is the place of the program in the request ("" when it is the request).
Status append_program(v1::Package* package, const v1::Program& request, const std::string& field);
Result<v1::Program*> find_program(v1::Package* package, const std::string& name, const std::string& field);

}  // namespace smslab::mp
