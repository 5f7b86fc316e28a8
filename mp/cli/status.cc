// The status message viewer, and what stands beside it: the catalogue and the components' lights.
#include <fmt/format.h>
#include <sys/signal.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/mutex.h"
#include "proto/base/uri.h"
#include "proto/codec/json.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/status.pb.h"

namespace smslab::cli {
namespace {
constexpr size_t kPage = 10'000;
constexpr int kPollMs = 30'000;
constexpr auto kBetweenTries = std::chrono::milliseconds(200);

struct Wanted {
  std::string package, advert, client, component, severity;
  bool follow = false;
};

std::string target(const Wanted& wanted, uint64_t after) {
  std::string out = fmt::format("/api/v1/status-messages?after={}", after);
  for (const auto& [name, value] :
       {std::pair("package", wanted.package), std::pair("advert", wanted.advert), std::pair("client", wanted.client),
        std::pair("component", wanted.component), std::pair("severity", wanted.severity)}) {
    if (!value.empty()) out += fmt::format("&{}={}", name, percent_encode_component(value));
  }
  return out;
}

Row row_of(const v1::StatusMessage& m) {
  std::string text = m.text();
  for (char& c : text) c = c == '\n' || c == '\r' ? ' ' : c;
  return {std::to_string(m.id()),
          shown(m.time()),
          std::to_string(m.message_id()),
          enum_name(v1::StatusMessage::Severity_descriptor(), m.severity()).substr(0, 1),
          m.system(),
          m.component(),
          text};
}
const Row kHeader = {"#", "TIME", "ID", "S", "SYSTEM", "COMPONENT", "TEXT"};

// All that there are, however many pages.
Status list_messages(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::StatusMessageList all;
  for (uint64_t after = 0;;) {
    v1::StatusMessageList page;
    RETURN_IF_ERROR(lab.call("GET", target(wanted, after), nullptr, &page));
    const auto got = static_cast<size_t>(page.status_messages_size());
    if (got > 0) after = page.status_messages().rbegin()->id();
    all.MergeFrom(page);
    if (got < kPage) break;
  }
  if (cli.json) {
    print_json(all);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& m : all.status_messages()) rows.push_back(row_of(m));
  print_table(kHeader, rows);
  return ok_status();
}

// ---- follow
// Lines as they come, in columns that were chosen before the first one was known. SIGINT ends the program between two
// lines, with status 0.
class Follower {
 public:
  Follower(const Cli& cli, const Wanted& wanted) : cli_(cli), wanted_(wanted) { end_at_interrupt(); }

  Status run() {
    if (!cli_.json) print(line_of(kHeader));
    while (true) {
      v1::StatusMessageList page;
      if (Status asked = ask(&page); asked.ok()) {
        if (away_) note("smslab: the lab answers again\n");
        away_ = false;
        if (sequence_ && *sequence_ != page.sequence()) restart();
        sequence_ = page.sequence();
        for (const auto& m : page.status_messages()) {
          print(cli_.json ? codec::to_json(m) : line_of(row_of(m)));
          after_ = m.id();
        }
      } else if (asked.code() == Code::kUnavailable || (found_ && asked.code() == Code::kNotFound)) {
        if (!found_) return asked;  // a lab that never was
        if (!away_) note(fmt::format("smslab: {}; going on when it is back\n", asked.message()));
        away_ = true;
        std::this_thread::sleep_for(kBetweenTries);
      } else {
        return asked;
      }
    }
  }

 private:
  void restart() {
    note("smslab: the lab was reset; its messages begin anew\n");
    after_ = 0;
  }

  // Found anew each time: a lab that was started again may have another port.
  Status ask(v1::StatusMessageList* page) {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli_.finder));
    // The first question does not wait, so that a lab that is not there is told of at once.
    std::string question = target(wanted_, after_) + fmt::format("&wait_ms={}", found_ ? kPollMs : 0);
    if (sequence_) question += fmt::format("&sequence={}", *sequence_);
    RETURN_IF_ERROR(lab.call("GET", question, nullptr, page));
    found_ = true;
    return ok_status();
  }

  static std::string line_of(const Row& row) {
    return fmt::format("{:<6}  {:<24}  {:<5}  {:<1}  {:<15}  {:<27}  {}", row[0], row[1], row[2], row[3], row[4],
                       row[5], row[6]);
  }
  void print(const std::string& line) {
    const MutexLock lock(printing_);
    fmt::print("{}\n", line);
    std::fflush(stdout);
  }
  void note(const std::string& text) {
    const MutexLock lock(printing_);
    fmt::print(stderr, "{}", text);
  }

  void end_at_interrupt() {
    sigset_t interrupt;
    ::sigemptyset(&interrupt);
    ::sigaddset(&interrupt, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
    std::thread([this, interrupt] {
      int signal = 0;
      ::sigwait(&interrupt, &signal);
      const MutexLock lock(printing_);
      ::_exit(0);
    }).detach();
  }

  const Cli& cli_;
  const Wanted& wanted_;
  uint64_t after_ = 0;                // the last one that was shown
  std::optional<uint64_t> sequence_;  // that it is of
  bool found_ = false, away_ = false;
  Mutex printing_;
};

Status follow_messages(const Cli& cli, const Wanted& wanted) {
  // Never given back: the thread that waits for SIGINT uses it until the program ends.
  static std::optional<Follower> follower;
  follower.emplace(cli, wanted);
  return follower->run();
}

// ---- catalogue and components
std::string letter(const std::string& name) { return name.substr(0, 1); }

Status show_catalogue(const Cli& cli) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::StatusCatalogue catalogue;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/status-catalogue", nullptr, &catalogue));
  if (cli.json) {
    print_json(catalogue);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& row : catalogue.messages()) {
    rows.push_back({std::to_string(row.id()),
                    letter(enum_name(v1::StatusMessage::Severity_descriptor(), row.severity())),
                    letter(enum_name(v1::StatusMessage::Type_descriptor(), row.type())), row.component(), row.era(),
                    letter(enum_name(v1::StatusRow::Confidence_descriptor(), row.confidence())),
                    row.assumed() ? "assumed" : "exact", row.text()});
  }
  print_table({"ID", "S", "T", "COMPONENT", "ERA", "C", "WORDS", "TEXT"}, rows);
  return ok_status();
}

Status show_components(const Cli& cli) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::ComponentStatusList list;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/components", nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& c : list.components()) {
    rows.push_back({c.component(), enum_name(v1::ComponentStatus::Light_descriptor(), c.light()),
                    std::to_string(c.errors()), std::to_string(c.warnings()), std::to_string(c.informational()),
                    shown(c.last_message())});
  }
  print_table({"COMPONENT", "LIGHT", "ERRORS", "WARNINGS", "INFORMATIONAL", "LAST MESSAGE"}, rows);
  return ok_status();
}
}  // namespace

void add_status(CLI::App& app, Cli& cli) {
  auto wanted = std::make_shared<Wanted>();
  CLI::App* status = app.add_subcommand("status", "Status messages, oldest first");
  status->fallthrough();
  status->callback([&cli, status, wanted] {
    if (!status->get_subcommands().empty()) return;
    cli.action = [&cli, wanted] {
      return wanted->follow ? follow_messages(cli, *wanted) : list_messages(cli, *wanted);
    };
  });
  status->add_option("--package", wanted->package, "only of this package");
  status->add_option("--advert", wanted->advert, "only of this advertisement");
  status->add_option("--client", wanted->client, "only from this client");
  status->add_option("--component", wanted->component, "only from this component");
  status->add_option("--severity", wanted->severity, "only informational, warning or error");
  status->add_flag("--follow", wanted->follow, "go on with new ones as they come, until interrupted");
  add_verb(*status, cli, "catalogue",
           "Every message that is known: ID, severity, type, component, era, confidence, text",
           [&cli] { return show_catalogue(cli); });
  add_verb(*status, cli, "components", "What each component has said, with its traffic light",
           [&cli] { return show_components(cli); });
}

}  // namespace smslab::cli
