#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <optional>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
struct Wanted {
  v1::Advert advert;
  std::string start, expires, mandatory, rerun;
  std::vector<std::string> schedule;
  std::optional<bool> download;
};

std::string advert_path(const Wanted& wanted) {
  return "/api/v1/adverts/" + percent_encode_component(wanted.advert.id());
}

// "none" is the beginning of 1970, as the API has it.
Status read_time(const std::string& text, const std::string& option, google::protobuf::Timestamp* into) {
  into->Clear();
  if (text == "none") return ok_status();
  const auto time = parse_rfc3339(text);
  if (!time) return invalid_argument("'" + text + "' is not a time, as 2026-11-21T20:00:00Z, nor none", option);
  *into = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(time->time_since_epoch().count());
  return ok_status();
}

// In the words of --rerun.
std::string shown_rerun(const v1::Advert& advert) {
  if (advert.rerun() == v1::Advert::RERUN_DEFAULT) {
    return advert.schedule().empty() ? "if-failed (by default)" : "always (by default)";
  }
  std::string words = ascii_lower(enum_name(v1::Advert::Rerun_descriptor(), advert.rerun()));
  std::replace(words.begin(), words.end(), '_', '-');
  return words;
}

Status show_advert(const Cli& cli, const v1::Advert& advert) {
  if (cli.json) {
    print_json(advert);
    return ok_status();
  }
  const auto& s = advert.summary();
  print_fields({{"advert", advert.id()},
                {"package", advert.package()},
                {"program", advert.program()},
                {"collection", advert.collection()},
                {"start", shown(advert.start())},
                {"expires", shown(advert.expires())},
                {"mandatory", shown(advert.mandatory())},
                {"schedule", joined(advert.schedule())},
                {"rerun", shown_rerun(advert)},
                {"content", advert.download() ? "download" : "run from the DP"},
                {"policy version", std::to_string(advert.policy_version())},
                {"summary", fmt::format("received {}, started {}, succeeded {}, failed {}, adverts failed {}",
                                        s.received(), s.started(), s.succeeded(), s.failed(), s.adverts_failed())}});
  if (advert.clients().empty()) return ok_status();
  std::vector<Row> rows;
  for (const auto& c : advert.clients()) {
    rows.push_back({c.client(), enum_name(v1::AdvertClient::State_descriptor(), c.state()),
                    std::to_string(c.last_message_id()), shown(c.last_message_time())});
  }
  fmt::print("\n");
  print_table({"CLIENT", "STATE", "LAST MESSAGE", "TIME"}, rows);
  return ok_status();
}

// What the options say, but for what names the advert.
Status read_options(LabClient& lab, const Wanted& wanted, v1::Advert* advert) {
  if (!wanted.start.empty()) RETURN_IF_ERROR(read_time(wanted.start, "--start", advert->mutable_start()));
  if (!wanted.expires.empty()) RETURN_IF_ERROR(read_time(wanted.expires, "--expires", advert->mutable_expires()));
  if (wanted.mandatory == "now") {
    v1::ClockState clock;
    RETURN_IF_ERROR(lab.call("GET", "/api/v1/clock", nullptr, &clock));
    *advert->mutable_mandatory() = clock.now();
  } else if (!wanted.mandatory.empty()) {
    RETURN_IF_ERROR(read_time(wanted.mandatory, "--mandatory", advert->mutable_mandatory()));
  }
  if (!wanted.rerun.empty()) {
    std::string name = ascii_upper(wanted.rerun);
    for (char& c : name) c = c == '-' ? '_' : c;
    v1::Advert::Rerun rerun{};
    if (!v1::Advert::Rerun_Parse(name, &rerun)) {
      return invalid_argument("'" + wanted.rerun + "' is not one of always, never, if-failed, if-succeeded", "--rerun");
    }
    advert->set_rerun(rerun);
  }
  advert->mutable_schedule()->Assign(wanted.schedule.begin(), wanted.schedule.end());
  if (wanted.download) advert->set_download(*wanted.download);
  return ok_status();
}

Status create_advert(const Cli& cli, Wanted wanted) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::Advert& advert = wanted.advert;
  RETURN_IF_ERROR(read_options(lab, wanted, &advert));
  if (wanted.mandatory == "now" && !advert.has_start()) *advert.mutable_start() = advert.mandatory();
  if (!advert.has_download()) advert.set_download(false);
  v1::Advert created;
  RETURN_IF_ERROR(lab.call("POST", "/api/v1/adverts", &advert, &created));
  return show_advert(cli, created);
}

Status set_advert(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::Advert change;
  change.set_name(wanted.advert.name());
  RETURN_IF_ERROR(read_options(lab, wanted, &change));
  v1::Advert changed;
  RETURN_IF_ERROR(lab.call("PATCH", advert_path(wanted), &change, &changed));
  return show_advert(cli, changed);
}

Status list_adverts(const Cli& cli) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::AdvertList list;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/adverts", nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& a : list.adverts()) {
    rows.push_back({a.id(), a.package(), a.collection(), shown(a.start()), shown(a.mandatory()), a.program()});
  }
  print_table({"ID", "PACKAGE", "COLLECTION", "START", "MANDATORY", "PROGRAM"}, rows);
  return ok_status();
}
}  // namespace

void add_advert(CLI::App& app, Cli& cli) {
  CLI::App* advert = app.add_subcommand("advert", "Advertisements: create, set, list, show, delete");
  advert->require_subcommand(1)->fallthrough();
  auto wanted = std::make_shared<Wanted>();
  const auto with_id = [wanted](CLI::App* verb) {
    verb->add_option("ADV", *wanted->advert.mutable_id(), "advertisement ID, as LON20000")->required();
    return verb;
  };
  CLI::App* create = with_id(add_verb(*advert, cli, "create", "Advertise a program to a collection",
                                      [&cli, wanted] { return create_advert(cli, *wanted); }));
  create->add_option("--package", *wanted->advert.mutable_package(), "package ID")->required();
  create->add_option("--program", *wanted->advert.mutable_program(), "program of the package")->required();
  create->add_option("--collection", *wanted->advert.mutable_collection(), "collection of clients")->required();
  const auto with_options = [wanted](CLI::App* verb) {
    verb->add_option("--name", *wanted->advert.mutable_name(), "the advertisement's name");
    verb->add_option("--start", wanted->start, "offered from; 'none': from now on, which is what a new one does");
    verb->add_option("--expires", wanted->expires, "offered until; 'none': for ever");
    verb->add_option("--mandatory", wanted->mandatory,
                     "the program runs by itself at this time, or 'now'; 'none': it waits for the user");
    verb->add_option("--schedule", wanted->schedule,
                     "and again and again: a schedule token, or 'every 1d from TIME'; 'none' takes all away");
    verb->add_option("--rerun", wanted->rerun, "always, never, if-failed or if-succeeded");
    auto* download = verb->add_flag_callback(
        "--download", [wanted] { wanted->download = true; }, "clients download the content and run it from the cache");
    verb->add_flag_callback(
            "--run-from-dp", [wanted] { wanted->download = false; }, "clients run it from the DP's share (the default)")
        ->excludes(download);
  };
  with_options(create);
  CLI::App* set =
      add_verb(*advert, cli, "set", "Change an advertisement", [&cli, wanted] { return set_advert(cli, *wanted); });
  with_id(set);
  with_options(set);

  add_verb(*advert, cli, "list", "All advertisements", [&cli] { return list_adverts(cli); });
  with_id(add_verb(*advert, cli, "show", "One advertisement with its summary and clients", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    v1::Advert found;
    RETURN_IF_ERROR(lab.call("GET", advert_path(*wanted), nullptr, &found));
    return show_advert(cli, found);
  }));
  with_id(add_verb(*advert, cli, "delete", "Withdraw an advertisement", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    return lab.call("DELETE", advert_path(*wanted), nullptr, nullptr);
  }));
}

}  // namespace smslab::cli
