// Events: what the client says about itself: a "Raising event:" record in a log and a status message to the MP.
//
//   events.raise(Component::kCas, package_event("SoftDistDownloadStartedEvent", "LON00001", "1"));
//
// Properties, by name (the MP reads them by name, any letter case, any order; facts: semantics 7.6, protocol 4.4):
//   every event          ClientID, DateTime, MachineName, SiteCode; ProcessID and ThreadID in the log, ProcessId and
//                        ThreadId on the wire; on the wire also TopLevelSiteCode and Win32ErrorCode
//   package events       PackageId, PackageName (the ID again), PackageVersion
//   advert events        AdvertisementId, PackageName (the package ID), ProgramName
//   program started      CommandLine, WorkingDirectory, UserContext
//   program ended        ExitCode without a status MIF, MIFDescription with one (names assumed)
// A message that cannot be delivered does not stop the client; it stands in the report as not delivered. One thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/client/host.h"
#include "proto/client/mp_session.h"
#include "proto/schema/client_run.pb.h"

namespace smslab::client {

struct Event {
  std::string class_name;
  std::vector<std::pair<std::string, std::string>> properties;  // without the common ones
};

Event package_event(std::string_view class_name, std::string_view package, std::string_view version);
Event advert_event(std::string_view class_name, std::string_view advert, std::string_view package,
                   std::string_view program);

class Events {
 public:
  // `report` gets one SentMessage an event; it outlives this object.
  Events(Host& host, MpSession& session, v1::ClientRun* report);

  void raise(Component component, const Event& event);

 private:
  Host& host_;
  MpSession& session_;
  v1::ClientRun* const report_;
};

// Into the component's log alone: what the policy agent says of itself goes no further.
void log_event(const Host& host, Component component, const Event& event, LabTime now);

// The record's text from "instance of" on: one property a line, alphabetical, MOF (semantics 7.6).
std::string event_text(const Host& host, const Event& event, LabTime time, uint32_t thread);

}  // namespace smslab::client
