// Old versions: what a package was before, as the site still keeps it (the current version and five before it), for
// faults that make a distribution point say so.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proto/fault/pretence.h"
#include "store/store.h"

namespace smslab::mp {

// kNotFound when the site has no such version, or no more. `store` must outlive what it gives. Any thread; costs a read
// of the index.
Result<std::shared_ptr<const fault::PackageVersion>> old_version(store::Store& store, const std::string& package,
                                                                 uint32_t version);

}  // namespace smslab::mp
