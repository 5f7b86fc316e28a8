// LocationServices: where things are: the management point of the client's site, and the content of a package.
//
//   RETURN_IF_ERROR(locations.find_management_point());
//   ASSIGN_OR_RETURN(auto found, locations.find_content("LON00001", "1", request));   // empty: no DP has it
//
// Writes LocationServices.log (facts: protocol 8.2). One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/client/host.h"
#include "proto/client/mp_session.h"

namespace smslab::client {

// One distribution point that has the content, in the MP's order.
struct ContentLocation {
  std::string url;       // content root over HTTP; empty when the record has none
  std::string smb_path;  // "\\LON-DCSMS-01\SMSPKGC$\LON00001\"; empty when the record has none
  std::string locality;  // LOCAL, REMOTE, FALLBACK
};

class LocationServices {
 public:
  LocationServices(Host& host, MpSession& session);

  // MPLIST of the site, the MP's certificate, site information (protocol 1, steps 1 and 2). kNotFound: the MP is not
  // one of this site.
  Status find_management_point();

  // `request` is the GUID that the logs know this request by.
  Result<std::vector<ContentLocation>> find_content(std::string_view package, std::string_view version,
                                                    std::string_view request);

 private:
  Host& host_;
  MpSession& session_;
};

}  // namespace smslab::client
