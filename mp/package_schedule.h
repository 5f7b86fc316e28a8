// Updates of a package by themselves (facts: semantics 2.2 RefreshSchedule, 3.2 row 6).
//
//   RETURN_IF_ERROR(set_schedule(&package, {"every 1d from 2026-11-21T20:00:00Z"}));   // kept as tokens
//   note_next_update(&package, now);                                                  // package.next_update
//
// The distribution manager carries them out, in lab time. Of occurrences that have passed together (the clock was
// moved, the lab was down) one update is made.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "mp/site.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

// Tokens or words (schedule.h), 15 at most; the one text "none" takes the schedule away. kInvalidArgument naming
// `schedule`, and the package as it was.
Status set_schedule(v1::Package* package, const google::protobuf::RepeatedPtrField<std::string>& texts);
// Only a `direct` package may have one.
Status check_schedule_allowed(const v1::Package& package);
// The first occurrence after `now`; none without a schedule.
void note_next_update(v1::Package* package, LabTime now);
// After one that failed: at the interval of retries, or at the next occurrence when that is sooner.
Status postpone_update(Site& site, const std::string& package);

}  // namespace smslab::mp
