#include "mp/har.h"

#include "proto/base/time_text.h"
#include "proto/base/uri.h"
#include "proto/schema/timestamp.h"
#include "proto/wire/reply_head.h"

namespace smslab::mp {
namespace {
// Header bytes are counted with the blank line, as HAR wants them.
v1::HarEntry entry_of(const v1::JournalRecord& record) {
  v1::HarEntry entry;
  const LabTime began = from_timestamp(record.time());
  const LabTime ended = record.has_ended_at() ? from_timestamp(record.ended_at()) : began;
  const auto took = static_cast<double>((ended - began).count());
  entry.set_started_date_time(format_rfc3339(began));
  entry.set_time(took);
  entry.mutable_cache();
  entry.mutable_timings()->set_receive(took);
  entry.set_connection(record.address() + " " + std::to_string(record.connection()));

  const std::string host = record.dp().empty() ? v1::FaultMatch::Role_Name(record.role()) : record.dp();
  v1::HarRequest& request = *entry.mutable_request();
  request.set_method(record.method());
  request.set_url((record.tls() ? "https://" : "http://") + host + record.target());
  request.set_http_version("HTTP/1.1");
  request.set_head_bytes(-1);  // not known
  request.set_body_size(static_cast<double>(record.request_bytes()));

  v1::HarResponse& response = *entry.mutable_response();
  const uint64_t head = std::min(record.head_bytes(), record.sent_bytes());
  const auto body = static_cast<double>(record.sent_bytes() - head);
  response.set_status(record.status());
  response.set_status_text(record.status() == 0 ? ""
                                                : std::string(wire::reason_phrase(static_cast<int>(record.status()))));
  response.set_http_version("HTTP/1.1");
  response.set_head_bytes(static_cast<double>(head));
  response.set_body_size(body);
  response.mutable_content()->set_size(body);
  response.mutable_content()->set_mime_type("");

  std::string comment = v1::JournalRecord::Ended_Name(record.ended());
  const auto add = [&comment](std::string_view name, const std::string& value) {
    if (!value.empty()) comment.append(" ").append(name).append("=").append(value);
  };
  add("sequence", std::to_string(record.sequence()));
  add("client", record.client());
  add("route", record.route());
  add("sha256", record.sha256());
  for (const auto& rule : record.rules()) add("rule", rule);
  entry.set_comment(comment);
  return entry;
}
}  // namespace

v1::Har har_of(const v1::JournalList& list) {
  v1::Har har;
  v1::HarLog& log = *har.mutable_log();
  log.set_version("1.2");
  log.mutable_creator()->set_name("smslab");
  log.mutable_creator()->set_version("1");
  for (const auto& record : list.records()) *log.add_entries() = entry_of(record);
  return har;
}

}  // namespace smslab::mp
