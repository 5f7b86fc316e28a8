#include "mp/api_route.h"
#include "mp/control_api.h"
#include "mp/site_record.h"
#include "mp/status.h"
#include "proto/base/text.h"

namespace smslab::mp {
namespace {
constexpr size_t kMaxMessages = 10'000;  // of one reply

Result<std::optional<v1::StatusMessage::Severity>> parse_severity(const std::string& text) {
  using M = v1::StatusMessage;
  if (text.empty()) return std::optional<M::Severity>();
  for (const M::Severity severity : {M::INFORMATIONAL, M::WARNING, M::ERROR}) {
    if (iequals(text, M::Severity_Name(severity))) return std::optional(severity);
  }
  return invalid_argument("'" + text + "' is no severity; there are informational, warning and error", "severity");
}

Result<std::string> parse_component(const std::string& text) {
  if (text.empty()) return text;
  if (const v1::StatusComponent* component = status_component(text); component != nullptr) return component->name();
  return invalid_argument("no component '" + text + "'; smslab status components lists them", "component");
}

Result<StatusQuery> read_query(const ControlRequest& r) {
  StatusQuery query;
  query.package = ascii_upper(r.query_value("package"));
  query.advert = ascii_upper(r.query_value("advert"));
  query.client = ascii_upper(r.query_value("client"));
  ASSIGN_OR_RETURN(query.component, parse_component(r.query_value("component")));
  ASSIGN_OR_RETURN(query.severity, parse_severity(r.query_value("severity")));
  ASSIGN_OR_RETURN(query.after, query_number(r, "after", 0));
  if (!r.query_value("sequence").empty()) {
    ASSIGN_OR_RETURN(query.sequence, query_number(r, "sequence", 0));
  }
  ASSIGN_OR_RETURN(query.limit, query_limit(r, kMaxMessages, kMaxMessages));
  return query;
}

// The next page. When there is nothing, `after` moves to the end: what was looked through once is not looked through
// again at the next commit. A reset begins the sequence anew, also under a request that waits.
Result<v1::StatusMessageList> read_page(const Site& site, StatusQuery* query) {
  const store::ReadTxn txn = site.store.read();
  ASSIGN_OR_RETURN(const v1::SiteRecord record, site_record(txn));
  if (query->sequence.value_or(record.status_sequence()) != record.status_sequence()) query->after = 0;
  query->sequence = record.status_sequence();
  ASSIGN_OR_RETURN(auto messages, list_status(txn, *query));
  v1::StatusMessageList page;
  page.set_sequence(record.status_sequence());
  for (auto& message : messages) *page.add_status_messages() = std::move(message);
  if (messages.empty()) query->after = std::max(query->after, record.last_status_id());
  return page;
}
}  // namespace

Routes status_routes(ControlContext& context) {
  Site& site = context.site;
  LongPolls& polls = context.polls;
  return {
      with_query(reads<v1::StatusMessageList>("/api/v1/status-messages", "Status messages, oldest first, at most 10000",
                                              [&site, &polls](ControlRequest& r) -> Result<v1::StatusMessageList> {
                                                ASSIGN_OR_RETURN(StatusQuery query, read_query(r));
                                                ASSIGN_OR_RETURN(const auto wait, query_wait(r));
                                                return polls.wait<v1::StatusMessageList>(
                                                    wait, [&] { return read_page(site, &query); },
                                                    [](const v1::StatusMessageList& found) {
                                                      return !found.status_messages().empty();
                                                    });
                                              }),
                 {{.name = "package", .summary = "of this package itself"},
                  {.name = "advert", .summary = "about this advert"},
                  {.name = "client", .summary = "from this computer"},
                  {.name = "component", .summary = "of this component"},
                  {.name = "severity", .summary = "of this severity"},
                  {.name = "after", .summary = "with an id above this one", .number = true},
                  {.name = "sequence", .summary = "that the id is of, as an earlier reply said it", .number = true},
                  {.name = "limit", .summary = "so many of them", .number = true},
                  wait_parameter()}),
      reads<v1::StatusCatalogue>("/api/v1/status-catalogue",
                                 "Every status message that is known, with components and client events",
                                 [](ControlRequest&) -> Result<v1::StatusCatalogue> { return status_catalogue(); }),
      reads<v1::ComponentStatusList>("/api/v1/components", "What each component has said, with its traffic light",
                                     [&site](ControlRequest&) { return component_status(site.store.read()); }),
  };
}

}  // namespace smslab::mp
