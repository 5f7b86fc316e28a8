#include "tests/e2e/soak/visitor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/ccm/envelope.h"
#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"

namespace smslab::test::soak {
namespace {
constexpr const char* kDirectory = "/SMS_DP_SMSPKGC$/";
constexpr int kMostQuestions = 6;   // of a visit
constexpr int kLongestPause = 700;  // milliseconds, between visits

// What stands between two tags, from `at` on, which moves behind it; nullopt: no more.
std::optional<std::string> between(const std::string& text, const std::string& begin, const std::string& end,
                                   size_t* at) {
  const size_t from = text.find(begin, *at);
  if (from == std::string::npos) return std::nullopt;
  const size_t until = text.find(end, from);
  if (until == std::string::npos) return std::nullopt;
  *at = until;
  return text.substr(from + begin.size(), until - from - begin.size());
}
}  // namespace

Visitor::Visitor(Server& server, const Truths& truths, Counts& counts, int number, uint64_t seed)
    : server_(server),
      truths_(truths),
      counts_(counts),
      name_("WRK-SOAK-" + std::to_string(number)),
      address_("127.1." + std::to_string(number / 200) + "." + std::to_string(1 + number % 200)),
      random_(seed) {}

void Visitor::work() {
  while (server_.pause(std::chrono::milliseconds(draw(kLongestPause))) && !testing::Test::HasFailure()) {
    truth_ = truths_[draw(truths_.size())].get();
    draw(6) == 0 ? visit_mp() : visit_dp();
    probe_.reset();
  }
}

bool Visitor::connect(const HostPort& to) {
  broken_ = false;
  life_ = server_.wait_up();
  if (life_ == 0) return false;
  probe_ = std::make_unique<HttpProbe>(to, address_);
  if (probe_->connected()) return true;
  if (server_.life() == life_) ADD_FAILURE() << name_ << " cannot connect to " << format_host_port(to);
  return false;
}

bool Visitor::ask(std::string_view method, Question& question, std::string_view body) {
  question.before = truth_->view(dp_);
  question.begun = std::chrono::steady_clock::now();
  HttpProbe::Reply& reply = question.got.reply;
  reply = probe_->ask(method, question.target, question.fields, body);
  if (reply.status == 0) {
    question.got.rest = probe_->read_rest();
    broken_ = true;
  }
  broken_ = broken_ || iequals(reply.field("Connection"), "close");
  question.ended = std::chrono::steady_clock::now();
  question.after = truth_->view(dp_);
  counts_.requests++;
  counts_.bytes += reply.body.size() + question.got.rest.size();
  if (reply.status != 0 || server_.life() == life_) return true;
  counts_.cut_off++;
  return false;
}

void Visitor::wrong(const Question& question, const std::string& why) const {
  const auto show = [](const Truth::View& view) {
    return "labels " + std::to_string(view.least) + " to " + std::to_string(view.most) + ", version " +
           std::to_string(view.version) + " (" + std::to_string(view.label) + "), presence " +
           std::to_string(static_cast<int>(view.presence)) + " of epoch " + std::to_string(view.epoch);
  };
  ADD_FAILURE() << name_ << ", " << dp_ << question.target << ": " << why << "\nbefore: " << show(question.before)
                << "\nafter: " << show(question.after) << "\n"
                << question.got.reply.head << question.got.reply.body.substr(0, kFirstLine);
}

// ---- at a distribution point

std::string Visitor::target(const File& file, const std::string& version) const {
  return kDirectory + truth_->id() + version + "/" + percent_encode_path(file.path);
}

void Visitor::visit_dp() {
  auto dp = server_.dps().begin();
  std::advance(dp, draw(server_.dps().size()));
  dp_ = dp->first;
  if (!connect(dp->second)) return;
  const uint64_t questions = 1 + draw(kMostQuestions);
  for (uint64_t i = 0; i < questions && !broken_ && server_.life() == life_; i++) {
    const File& file = files()[draw(files().size())];
    // What is asked of packages under a fault is what faults here are about.
    if (!truth_->honest()) {
      get(file);
      continue;
    }
    switch (draw(10)) {
      case 0: get_in_two(file); break;
      case 1: get_if_changed(file); break;
      case 2: get_version(file); break;
      case 3: head(file); break;
      case 4: list(); break;
      case 5: leave_early(); break;
      default: get(file);
    }
  }
}

void Visitor::judge_absent(const Question& question) {
  counts_.absent++;
  if (Truth::on(question.before, question.after)) wrong(question, "it is there");
}

bool Visitor::explained(const Question& question, const File& file) const {
  const auto faults = truth_->faults(question.begun, question.ended, dp_, file.path);
  return std::any_of(faults.begin(), faults.end(), [&](const Fault& fault) {
    return explains(fault, truth_->id(), question.got, question.before.least, question.after.most);
  });
}

bool Visitor::judge_body(const Question& question, const File& file) {
  const HttpProbe::Reply& reply = question.got.reply;
  const auto label = file.changes ? label_of(truth_->id(), file, reply.body) : std::optional<uint64_t>(0);
  const bool whole = label && reply.body == content(truth_->id(), *label, file) &&
                     reply.field("ETag") == etag_of(truth_->id(), *label, file);
  if (!whole) return false;
  if (Truth::off(question.before, question.after)) wrong(question, "it was taken away before");
  if (!file.changes) return true;
  if (!Truth::may_be(question.before, question.after, *label)) {
    wrong(question, "that is label " + std::to_string(*label));
  }
  truth_->saw(dp_, *label);
  return true;
}

// Whatever is not the file.
void Visitor::judge_other(const Question& question, const File& file) {
  if (explained(question, file)) {
    counts_.faulty++;
  } else if (question.got.reply.status == 404) {
    judge_absent(question);
  } else {
    wrong(question, "nothing explains this, and " + std::to_string(question.got.rest.size()) + " bytes more");
  }
}

void Visitor::get(const File& file) {
  Question question{.target = target(file), .fields = {}};
  if (!ask("GET", question)) return;
  if (question.got.reply.status == 200 && judge_body(question, file)) return;
  judge_other(question, file);
}

// A transfer that is resumed: the second part is of what the first was of, or the whole of something else.
void Visitor::get_in_two(const File& file) {
  const uint64_t first = kFirstLine + draw(file.size - kFirstLine - 1);
  Question begin{.target = target(file), .fields = "Range: bytes=0-" + std::to_string(first - 1) + "\r\n"};
  if (!ask("GET", begin)) return;
  if (begin.got.reply.status == 404) return judge_absent(begin);
  const auto label = file.changes ? label_of(truth_->id(), file, begin.got.reply.body) : std::optional<uint64_t>(0);
  if (begin.got.reply.status != 206 || !label) return wrong(begin, "that is no part of it");
  const std::string whole = content(truth_->id(), *label, file), etag = etag_of(truth_->id(), *label, file);
  const bool good = begin.got.reply.body == whole.substr(0, first) && begin.got.reply.field("ETag") == etag;
  if (!good) return wrong(begin, "that is not the first part of label " + std::to_string(*label));
  if (file.changes && !Truth::may_be(begin.before, begin.after, *label)) return wrong(begin, "that is not current");
  Question rest{.target = target(file),
                .fields = "Range: bytes=" + std::to_string(first) + "-\r\nIf-Range: " + etag + "\r\n"};
  if (!ask("GET", rest)) return;
  counts_.resumed++;
  const HttpProbe::Reply& reply = rest.got.reply;
  if (reply.status == 404) return judge_absent(rest);
  if (reply.status == 206) {
    const bool fits = reply.field("ETag") == etag && reply.body == whole.substr(first);
    if (!fits) wrong(rest, "that is not the second part of label " + std::to_string(*label));
    if (file.changes && !Truth::may_be(rest.before, rest.after, *label)) wrong(rest, "that is not current any more");
    return;
  }
  if (reply.status != 200 || reply.field("ETag") == etag || !judge_body(rest, file)) judge_other(rest, file);
}

void Visitor::get_if_changed(const File& file) {
  const uint64_t label = file.changes ? truth_->view(dp_).label : 0;
  Question question{.target = target(file), .fields = "If-None-Match: " + etag_of(truth_->id(), label, file) + "\r\n"};
  if (!ask("GET", question)) return;
  if (question.got.reply.status == 304) {
    if (file.changes && !Truth::may_be(question.before, question.after, label)) wrong(question, "it has changed");
    return;
  }
  const bool another = question.got.reply.field("ETag") != etag_of(truth_->id(), label, file);
  if (question.got.reply.status != 200 || !another || !judge_body(question, file)) judge_other(question, file);
}

// By its number, which is there as long as it is the DP's.
void Visitor::get_version(const File& file) {
  const Truth::View known = truth_->view(dp_);
  if (known.version == 0) return;
  Question question{.target = target(file, "." + std::to_string(known.version)), .fields = {}};
  if (!ask("GET", question)) return;
  const bool same = Truth::on(question.before, question.after) && question.before.label == known.label;
  if (question.got.reply.status == 404) {
    counts_.absent++;
    if (same && question.before.least == known.label && question.after.most == known.label) {
      wrong(question, "it is the only one");
    }
    return;
  }
  if (question.got.reply.status != 200 || !judge_body(question, file)) return judge_other(question, file);
  // Of a package that was made again the numbers begin anew.
  if (same && file.changes && label_of(truth_->id(), file, question.got.reply.body) != known.label) {
    wrong(question, "that is not label " + std::to_string(known.label));
  }
}

void Visitor::head(const File& file) {
  Question question{.target = target(file), .fields = {}};
  if (!ask("HEAD", question)) return;
  if (question.got.reply.status == 404) return judge_absent(question);
  if (question.got.reply.status != 200) return wrong(question, "nothing explains this");
  const std::string etag = question.got.reply.field("ETag");
  bool known = false;
  for (uint64_t label = question.before.least; label <= question.after.most; label++) {
    known = known || etag == etag_of(truth_->id(), label, file);
  }
  if (!known) wrong(question, "that is the validator of no version that may be there");
}

// The listing is of one version, and has all of it.
void Visitor::list() {
  Question question{.target = kDirectory + truth_->id() + "/", .fields = "Depth: infinity\r\n"};
  if (!ask("PROPFIND", question)) return;
  counts_.listings++;
  const HttpProbe::Reply& reply = question.got.reply;
  if (reply.status == 404) return judge_absent(question);
  if (reply.status != 207) return wrong(question, "nothing explains this");
  std::map<std::string, std::string> listed;  // path -> ETag
  size_t at = 0;
  while (const auto response = between(reply.body, "<D:response>", "</D:response>", &at)) {
    size_t inside = 0;
    const auto href = between(*response, "<D:href>", "</D:href>", &inside);
    const auto etag = between(*response, "<D:getetag>", "</D:getetag>", &inside);
    if (href && etag) listed[href->substr(href->find(kDirectory))] = *etag;
  }
  for (uint64_t label = std::max<uint64_t>(question.before.least, 1); label <= question.after.most; label++) {
    std::map<std::string, std::string> expected;
    for (const File& file : files()) expected[target(file)] = etag_of(truth_->id(), label, file);
    if (listed == expected) return truth_->saw(dp_, label);
  }
  wrong(question, "that lists no version that may be there:\n" + reply.body);
}

// In the middle of a file, if there is one: any reply has more bytes than these.
void Visitor::leave_early() {
  probe_->send("GET " + target(files()[2]) + " HTTP/1.1\r\nHost: soak\r\n\r\n");
  (void)probe_->read_exactly(1 + draw(50));
  counts_.left++;
  broken_ = true;
}

// ---- at the management point

void Visitor::visit_mp() {
  dp_.clear();
  if (!connect(server_.mp())) return;
  const uint64_t questions = 1 + draw(3);
  for (uint64_t i = 0; i < questions && !broken_ && server_.life() == life_; i++) draw(3) == 0 ? list_mps() : locate();
}

void Visitor::list_mps() {
  Question question{.target = "/SMS_MP/.sms_aut?MPLIST", .fields = {}};
  if (!ask("GET", question)) return;
  const bool good = question.got.reply.status == 200 && question.got.reply.body.find("<MPList>") != std::string::npos;
  if (!good) wrong(question, "that is no list of management points");
}

// Exactly those DPs that hold the version, as far as it is known whether they do.
void Visitor::locate() {
  std::map<std::string, Truth::View> before, after;
  for (const auto& [dp, at] : server_.dps()) before[dp] = truth_->view(dp);
  const Truth::View known = before.begin()->second;
  if (known.version == 0) return;
  v1::Msg header;
  header.set_schema_version("1.1");
  header.set_id("{00000000-0000-0000-0000-00000000000A}");
  header.set_source_host(name_);
  header.set_reply_mode("Sync");
  header.set_target_endpoint("MP_LocationManager");
  const std::string payload = ccm::encode_payload(
      {"<ContentLocationRequest SchemaVersion=\"1.00\"><AssignedSite SiteCode=\"LON\"/><ClientLocationInfo><ADSite/>"
       "<IPAddresses/></ClientLocationInfo><Package ID=\"" +
       truth_->id() + "\" Version=\"" + std::to_string(known.version) + "\"/></ContentLocationRequest>"},
      true, &header);
  const ccm::Multipart message = ccm::write_request(header, payload);
  Question question{.target = "/ccm_system/request", .fields = "Content-Type: " + message.content_type + "\r\n"};
  if (!ask("CCM_POST", question, message.body)) return;
  for (const auto& [dp, at] : server_.dps()) after[dp] = truth_->view(dp);
  counts_.locations++;
  v1::ContentLocationReply reply;
  const auto xml = ccm::read_reply(question.got.reply.field("Content-Type"), question.got.reply.body);
  const bool read =
      question.got.reply.status == 200 && xml.ok() && codec::from_xml(*xml, &reply).ok() && reply.sites_size() == 1;
  if (!read) return wrong(question, "that says no locations");
  std::set<std::string> told;
  for (const auto& record : reply.sites(0).records()) {
    for (const auto& url : record.urls()) told.insert(format_host_port(parse_url(url.name(), "url")->at));
  }
  for (const auto& [dp, at] : server_.dps()) {
    const bool there = told.contains(format_host_port(at));
    const bool has = Truth::offered(before[dp], after[dp], known.label);
    if (has && !there) wrong(question, dp + " has it and is not named in\n" + *xml);
    if (there && Truth::off(before[dp], after[dp])) wrong(question, dp + " is named and has none");
  }
}

}  // namespace smslab::test::soak
