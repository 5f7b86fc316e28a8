// FaultKinds: the faults that the soak puts on its packages, what rule each is, and what it lets a client get.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "proto/schema/fault.pb.h"
#include "tests/e2e/soak/content.h"
#include "tests/e2e/soak/truth.h"
#include "tests/support/http_probe.h"

namespace smslab::test::soak {

struct FaultKind {
  Fault::Kind kind;
  Fault (*make)(const File& file, std::mt19937_64& random);  // without its DP
};
const std::vector<FaultKind>& fault_kinds();

v1::FaultRule rule_of(const Fault& fault, const std::string& package);

// A reply to GET of the whole file, and what came behind the head of one that did not come whole.
struct Got {
  HttpProbe::Reply reply;
  std::string rest;
};
// Whether it is what the fault makes of one of these labels, to the byte.
bool explains(const Fault& fault, const std::string& package, const Got& got, uint64_t least, uint64_t most);

}  // namespace smslab::test::soak
