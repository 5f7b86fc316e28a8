#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
struct Wanted {
  std::string package, advert, client;
};

// The status message viewer: oldest first, one line a message.
Status show_messages(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::StatusMessageList list;
  RETURN_IF_ERROR(lab.call("GET",
                           "/api/v1/status-messages?package=" + percent_encode_component(wanted.package) +
                               "&advert=" + percent_encode_component(wanted.advert) +
                               "&client=" + percent_encode_component(wanted.client),
                           nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& m : list.status_messages()) {
    std::string text = m.text();
    for (char& c : text) c = c == '\n' || c == '\r' ? ' ' : c;
    rows.push_back({std::to_string(m.id()), shown(m.time()), std::to_string(m.message_id()),
                    enum_name(v1::StatusMessage::Severity_descriptor(), m.severity()).substr(0, 1), m.system(),
                    m.component(), text});
  }
  print_table({"#", "TIME", "ID", "S", "SYSTEM", "COMPONENT", "TEXT"}, rows);
  return ok_status();
}
}  // namespace

void add_status(CLI::App& app, Cli& cli) {
  auto wanted = std::make_shared<Wanted>();
  CLI::App* status = add_verb(app, cli, "status", "Status messages, oldest first",
                              [&cli, wanted] { return show_messages(cli, *wanted); });
  status->add_option("--package", wanted->package, "only of this package");
  status->add_option("--advert", wanted->advert, "only of this advertisement");
  status->add_option("--client", wanted->client, "only from this client");
}

}  // namespace smslab::cli
