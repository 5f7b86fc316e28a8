#include "proto/client/events.h"

#include <algorithm>

#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"

namespace smslab::client {
namespace {
constexpr std::string_view kCodePage = "437";
constexpr std::string_view kLocale = "1033";

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string property_of(const Event& event, std::string_view name) {
  for (const auto& [key, value] : event.properties) {
    if (key == name) return value;
  }
  return {};
}
}  // namespace

Event package_event(std::string_view class_name, std::string_view package, std::string_view version) {
  return {std::string(class_name),
          {{"PackageId", std::string(package)},
           {"PackageName", std::string(package)},
           {"PackageVersion", std::string(version)}}};
}

Event advert_event(std::string_view class_name, std::string_view advert, std::string_view package,
                   std::string_view program) {
  return {std::string(class_name),
          {{"AdvertisementId", std::string(advert)},
           {"PackageName", std::string(package)},
           {"ProgramName", std::string(program)}}};
}

std::string event_text(const Host& host, const Event& event, LabTime time, uint32_t thread) {
  std::vector<std::pair<std::string, std::string>> lines = {
      {"ClientID", quoted(host.smsid)},   {"DateTime", quoted(format_cim(time))},
      {"MachineName", quoted(host.name)}, {"ProcessID", std::to_string(host.process_id())},
      {"SiteCode", quoted(host.site)},    {"ThreadID", std::to_string(thread)},
  };
  for (const auto& [name, value] : event.properties) lines.emplace_back(name, quoted(value));
  std::sort(lines.begin(), lines.end(),
            [](const auto& a, const auto& b) { return ascii_lower(a.first) < ascii_lower(b.first); });
  std::string text = "instance of " + event.class_name + "\r\n{\r\n";
  for (const auto& [name, value] : lines) text += "\t" + name + " = " + value + ";\r\n";
  return text + "};";
}

void log_event(const Host& host, Component component, const Event& event, LabTime now) {
  host.log(component).info("Raising event:\r\n[SMS_CodePage(" + std::string(kCodePage) + "), SMS_LocaleID(" +
                           std::string(kLocale) + ")]\r\n" + event_text(host, event, now, host.thread_id(component)));
}

Events::Events(Host& host, MpSession& session, v1::ClientRun* report)
    : host_(host), session_(session), report_(report) {}

void Events::raise(Component component, const Event& event) {
  const LabTime now = host_.clock.now();
  const uint32_t thread = host_.thread_id(component);
  log_event(host_, component, event, now);

  v1::Status message;
  message.set_schema_version("1.00");
  message.set_code_page(std::string(kCodePage));
  message.set_locale_id(std::string(kLocale));
  const auto add = [&](std::string_view name, std::string value) {
    v1::NameText* property = message.add_properties();
    property->set_name(std::string(name));
    property->set_text(std::move(value));
  };
  for (const auto& [name, value] : event.properties) add(name, value);
  add("MachineName", host_.name);
  add("SiteCode", host_.site);
  add("TopLevelSiteCode", host_.site);
  add("Win32ErrorCode", "0");
  add("ClientID", host_.smsid);
  add("DateTime", format_cim(now));
  add("ProcessId", std::to_string(host_.process_id()));
  add("ThreadId", std::to_string(thread));
  message.set_type(event.class_name);
  const Status sent = session_.tell("StatusReceiver", {codec::to_xml(message)}, Signing::kClientAuth);

  v1::SentMessage* entry = report_->add_messages();
  entry->set_event(event.class_name);
  entry->set_advert(property_of(event, "AdvertisementId"));
  entry->set_package(property_of(event, "PackageName"));
  entry->set_delivered(sent.ok());
}

}  // namespace smslab::client
