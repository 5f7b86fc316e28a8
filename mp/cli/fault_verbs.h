// `smslab fault plan` and `smslab fault preset`, and what they share with `smslab fault`.
#pragma once

#include "mp/cli/verbs.h"
#include "proto/schema/fault.pb.h"

namespace smslab::cli {

void add_fault_plan(CLI::App& fault, Cli& cli);
void add_fault_preset(CLI::App& fault, Cli& cli);

std::string target_of(const v1::FaultMatch& match);  // "LON-DCSMS-01 LON00001.1 adminpak.msi": whatever of it is set
std::string effect_of(const v1::FaultRule& rule);
// One rule with what it foretells.
void print_rule(const v1::FaultRule& rule);

}  // namespace smslab::cli
