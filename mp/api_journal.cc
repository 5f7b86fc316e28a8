#include "mp/api_route.h"
#include "mp/control_api.h"
#include "mp/har.h"
#include "mp/journal.h"
#include "mp/transcript.h"

namespace smslab::mp {
namespace {
using Keys = std::vector<control::QueryParameter>;

Keys keys(Keys more) {
  Keys all = journal_query_keys();
  for (auto& key : more) all.push_back(std::move(key));
  return all;
}
}  // namespace

Routes journal_routes(ControlContext& context) {
  Site& site = context.site;
  LongPolls& polls = context.polls;
  const control::QueryParameter limit = {.name = "limit", .summary = "so many of them", .number = true};
  Routes routes = {
      with_query(reads<v1::JournalList>("/api/v1/journal", "Requests to the client plane, oldest first, at most 10000",
                                        [&site](ControlRequest& r) -> Result<v1::JournalList> {
                                          ASSIGN_OR_RETURN(const JournalAsk ask, read_journal_ask(r));
                                          return list_journal(site, ask);
                                        }),
                 keys({limit})),
      deletes("/api/v1/journal", "Forget all of them", [&site](ControlRequest&) { return clear_journal(site); }),
      with_query(reads<v1::JournalCount>("/api/v1/journal/count", "How many of them; of none, what came closest",
                                         [&site](ControlRequest& r) -> Result<v1::JournalCount> {
                                           ASSIGN_OR_RETURN(const JournalAsk ask, read_journal_ask(r));
                                           return count_journal(site, ask);
                                         }),
                 keys({})),
      with_query(reads<v1::JournalCount>(
                     "/api/v1/journal/wait", "The same of those whose reply is over, once there are enough",
                     [&site, &polls](ControlRequest& r) -> Result<v1::JournalCount> {
                       ASSIGN_OR_RETURN(const JournalAsk ask, read_journal_ask(r));
                       ASSIGN_OR_RETURN(const uint64_t count, query_number(r, "count", 1));
                       if (count == 0) return invalid_argument("there are always none", "count");
                       ASSIGN_OR_RETURN(const auto wait, query_wait(r));
                       return polls.hold<v1::JournalCount>(
                           wait, [&](std::chrono::milliseconds time) { return wait_journal(site, ask, count, time); });
                     }),
                 keys({{.name = "count", .summary = "how many are enough (1)", .number = true}, wait_parameter()})),
      with_query(reads<v1::Har>("/api/v1/journal/har", "The same list as an HTTP Archive 1.2",
                                [&site](ControlRequest& r) -> Result<v1::Har> {
                                  ASSIGN_OR_RETURN(const JournalAsk ask, read_journal_ask(r));
                                  ASSIGN_OR_RETURN(const v1::JournalList list, list_journal(site, ask));
                                  return har_of(list);
                                }),
                 keys({limit})),
  };
  routes.push_back({.method = "GET",
                    .pattern = "/api/v1/transcript",
                    .summary = "What each client asked and was answered, the same for the same run",
                    .handler = [&site](ControlRequest&) -> Result<ControlReply> {
                      ASSIGN_OR_RETURN(std::string text, transcript(site));
                      return ControlReply{200, nullptr, "text/plain; charset=utf-8", std::move(text)};
                    }});
  return routes;
}

}  // namespace smslab::mp
