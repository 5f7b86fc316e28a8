#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

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
  bool download = false;
};

std::string advert_path(const Wanted& wanted) {
  return "/api/v1/adverts/" + percent_encode_component(wanted.advert.id());
}

Status read_time(const std::string& text, const std::string& option, google::protobuf::Timestamp* into) {
  const auto time = parse_rfc3339(text);
  if (!time) return invalid_argument("'" + text + "' is not a time, as 2026-11-21T20:00:00Z", option);
  *into = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(time->time_since_epoch().count());
  return ok_status();
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

Status create_advert(const Cli& cli, Wanted wanted) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::Advert& advert = wanted.advert;
  if (!wanted.start.empty()) RETURN_IF_ERROR(read_time(wanted.start, "--start", advert.mutable_start()));
  if (!wanted.expires.empty()) RETURN_IF_ERROR(read_time(wanted.expires, "--expires", advert.mutable_expires()));
  if (wanted.mandatory == "now") {
    v1::ClockState clock;
    RETURN_IF_ERROR(lab.call("GET", "/api/v1/clock", nullptr, &clock));
    *advert.mutable_mandatory() = clock.now();
    if (!advert.has_start()) *advert.mutable_start() = clock.now();
  } else if (!wanted.mandatory.empty()) {
    RETURN_IF_ERROR(read_time(wanted.mandatory, "--mandatory", advert.mutable_mandatory()));
  }
  if (!wanted.rerun.empty()) {
    std::string name = ascii_upper(wanted.rerun);
    for (char& c : name) c = c == '-' ? '_' : c;
    v1::Advert::Rerun rerun{};
    if (!v1::Advert::Rerun_Parse(name, &rerun)) {
      return invalid_argument("'" + wanted.rerun + "' is not one of always, never, if-failed, if-succeeded", "--rerun");
    }
    advert.set_rerun(rerun);
  }
  advert.set_download(wanted.download);
  v1::Advert created;
  RETURN_IF_ERROR(lab.call("POST", "/api/v1/adverts", &advert, &created));
  return show_advert(cli, created);
}

Status list_adverts(const Cli& cli) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
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
  CLI::App* advert = app.add_subcommand("advert", "Advertisements: create, list, show, delete");
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
  create->add_option("--name", *wanted->advert.mutable_name(), "the advertisement's name");
  create->add_option("--start", wanted->start, "offered from (default: now)");
  create->add_option("--expires", wanted->expires, "offered until (default: for ever)");
  create->add_option("--mandatory", wanted->mandatory, "the program runs by itself at this time, or 'now'");
  create->add_option("--rerun", wanted->rerun, "always, never, if-failed or if-succeeded");
  auto* download =
      create->add_flag("--download", wanted->download, "clients download the content and run it from the cache");
  create
      ->add_flag_callback(
          "--run-from-dp", [] {}, "clients run it from the DP's share (the default)")
      ->excludes(download);

  add_verb(*advert, cli, "list", "All advertisements", [&cli] { return list_adverts(cli); });
  with_id(add_verb(*advert, cli, "show", "One advertisement with its summary and clients", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
    v1::Advert found;
    RETURN_IF_ERROR(lab.call("GET", advert_path(*wanted), nullptr, &found));
    return show_advert(cli, found);
  }));
  with_id(add_verb(*advert, cli, "delete", "Withdraw an advertisement", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
    return lab.call("DELETE", advert_path(*wanted), nullptr, nullptr);
  }));
}

}  // namespace smslab::cli
