// The catalogue of status messages: what each ID means and says, and which client event has which ID.
//
//   const v1::StatusRow* row = status_row(2330);
//   std::string text = format_status(row->text(), {"LON00001", nal});
//
// One data file, mp/status_messages.yaml, compiled in and read once (facts: semantics 5.2, 7.6); its place in an API
// reply is the same message. Constant; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mp/profile.h"
#include "proto/schema/status.pb.h"

namespace smslab::mp {

extern const std::string_view kStatusMessagesYaml;

const v1::StatusCatalogue& status_catalogue();
const v1::StatusRow* status_row(uint32_t id);                        // nullptr: not in the catalogue
const v1::StatusEvent* status_event(std::string_view event_class);   // nullptr: a class that is not known
const v1::StatusComponent* status_component(std::string_view name);  // any letter case; nullptr: not known

// The numeric ID of a client's event class, 0 when none is known.
uint32_t status_id_of_event(std::string_view event_class, const Profile& profile);
// The insertion strings of a client's event: %1 advert ID, %4 package ID, %5 program; the class's own besides. Of a
// class that is not known %2 is the package version.
std::vector<std::string> strings_of_event(std::string_view event_class,
                                          const std::map<std::string, std::string>& properties);
// Fills %1 to %10; a string that is not there is empty.
std::string format_status(std::string_view text, const std::vector<std::string>& strings);

}  // namespace smslab::mp
