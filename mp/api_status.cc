#include "mp/api_route.h"
#include "mp/control_api.h"
#include "mp/status.h"
#include "proto/base/text.h"

namespace smslab::mp {
namespace {
constexpr uint64_t kMaxMessages = 10'000;  // of one reply
}  // namespace

Routes status_routes(ControlContext& context) {
  Site& site = context.site;
  LongPolls& polls = context.polls;
  const auto list = [&site, &polls](ControlRequest& r) -> Result<v1::StatusMessageList> {
    StatusQuery query;
    query.package = ascii_upper(r.query_value("package"));
    query.advert = ascii_upper(r.query_value("advert"));
    query.client = ascii_upper(r.query_value("client"));
    ASSIGN_OR_RETURN(query.after, query_number(r, "after", 0));
    query.limit = kMaxMessages;
    ASSIGN_OR_RETURN(const auto wait, query_wait(r));
    const auto read = [&]() -> Result<v1::StatusMessageList> {
      ASSIGN_OR_RETURN(auto messages, list_status(site.store.read(), query));
      v1::StatusMessageList reply;
      for (auto& message : messages) *reply.add_status_messages() = std::move(message);
      return reply;
    };
    return polls.wait<v1::StatusMessageList>(
        wait, read, [](const v1::StatusMessageList& found) { return !found.status_messages().empty(); });
  };
  return {with_query(
      reads<v1::StatusMessageList>("/api/v1/status-messages", "Status messages, oldest first, at most 10000", list),
      {{.name = "package", .summary = "of this package itself"},
       {.name = "advert", .summary = "about this advert"},
       {.name = "client", .summary = "from this computer"},
       {.name = "after", .summary = "with an id above this one", .number = true},
       wait_parameter()})};
}

}  // namespace smslab::mp
