// The lab's keys: fixed and published, so that transcripts repeat. They protect nothing; the README says so.
#pragma once

#include <string>

#include "proto/base/status.h"
#include "proto/ccm/signature.h"

namespace smslab::mp {

struct LabKeys {
  ccm::SigningKey mp;            // signing certificate of the MP: MPCERT
  ccm::SigningKey site_server;   // subject CN "Site Server": SITESIGNCERT
  ccm::SigningKey trusted_root;  // its public key is the trusted root key: MPTRK
};

// Of every lab in the process. Read by the first call, not by the start, which they would take a third of.
const LabKeys& lab_keys();

}  // namespace smslab::mp
