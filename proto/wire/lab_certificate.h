// The certificate that a lab's https shows unless it is given another: for localhost, 127.0.0.1 to 127.0.0.8, ::1 and
// *.smslab.test, signed by the lab's own CA, valid from 2000 to 2099 whatever the lab's clock says. Fixed and
// published, so it protects nothing; clients are told to trust lab_ca().
#pragma once

#include <string_view>

#include "proto/wire/tls.h"

namespace smslab::wire {

TlsIdentity lab_identity();

// The same but for one thing that is wrong with it. What is about time is so by any clock from 2001 to 2098.
enum class Flaw { kExpired, kNotYetValid, kWrongHost, kUnknownCa, kBadChain };
constexpr size_t kFlaws = 5;
TlsIdentity flawed_identity(Flaw flaw);

std::string_view lab_ca();  // PEM

}  // namespace smslab::wire
