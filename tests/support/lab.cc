#include "tests/support/lab.h"

#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "proto/codec/json.h"
#include "proto/control/client.h"

namespace smslab::test {
namespace fs = std::filesystem;

constexpr int kPatienceMs = 60'000;  // for the next status message

TempFolder::TempFolder() {
  std::string pattern = (fs::temp_directory_path() / "smslab.XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}
TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Lab::Lab(const std::vector<std::string>& serve_arguments, Kind kind, std::string data)
    : kind_(kind), data_(std::move(data)) {
  if (kind_ == Kind::kSite) write(token_file(), "the secret of this lab\n");
  restart(serve_arguments);
}

std::string Lab::address(const std::string& url) const {
  if (kind_ == Kind::kWhole) return "127.0.0.1:0";
  // No connection comes from there: a port of 127.0.0.1 may be a client's when the site wants it back.
  return url.empty() ? "127.0.0.9:0" : url.substr(std::string("http://").size());
}

void Lab::restart(const std::vector<std::string>& serve_arguments) {
  const auto given = [&](const char* option) {
    return std::find(serve_arguments.begin(), serve_arguments.end(), option) != serve_arguments.end();
  };
  std::vector<std::string> command = {SMSLAB_BINARY, kind_ == Kind::kWhole ? "serve" : "mp", "--data", data()};
  if (!given("--mp")) command.insert(command.end(), {"--mp", address(ready_.mp())});
  if (!given("--control")) command.insert(command.end(), {"--control", address(ready_.control())});
  if (kind_ == Kind::kSite) {
    command.insert(command.end(), {"--token-file", token_file()});
  } else if (!given("--dp") && !given("--scenario")) {
    command.insert(command.end(), {"--dp", "127.0.0.1:0"});
  }
  command.insert(command.end(), serve_arguments.begin(), serve_arguments.end());
  server_.reset();
  server_ = std::make_unique<Process>(command, folder_.path(), "serve");
  const std::string line = server_->first_line();
  ASSERT_FALSE(line.empty()) << "serve ended: " << server_->err();
  parse(line, &ready_);
  (void)ready_.dps();  // protobuf makes the map of what the parser left when it is first asked: not by several threads
}

int Lab::stop() {
  server_->signal(SIGTERM);
  const Finished finished = server_->wait();
  EXPECT_EQ(std::count(finished.out.begin(), finished.out.end(), '\n'), 1)
      << "exactly one line on standard output, not:\n"
      << finished.out << "and on standard error:\n"
      << finished.err;
  return finished.exit_status;
}

void Lab::kill() {
  server_->signal(SIGKILL);
  (void)server_->wait();
}

Finished Lab::cli(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), SMSLAB_BINARY);
  return run(std::move(arguments), folder_.path(), {"SMSLAB_CONTROL=" + ready_.control()});
}

std::string Lab::must(std::vector<std::string> arguments) const {
  std::string shown;
  for (const auto& argument : arguments) shown += " " + argument;
  const Finished finished = cli(std::move(arguments));
  EXPECT_EQ(finished.exit_status, 0) << "smslab" << shown << ": " << finished.err;
  return finished.out;
}

Finished Lab::client(const std::string& name, std::vector<std::string> arguments) const {
  std::vector<std::string> command = {SMSLAB_CLIENT_BINARY, "run", "--mp", mp(), "--name", name, "--dir",
                                      folder_ / name};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(std::move(command), folder_.path());
}

v1::Package Lab::wait_package(const std::string& id, const std::function<bool(const v1::Package&)>& is_so) const {
  control::HttpClient http(
      {.base = ready_.control(), .token = {}, .bind = {}, .timeout = std::chrono::milliseconds(2 * kPatienceMs)});
  const std::string messages = "/api/v1/status-messages?package=" + id + "&after=";
  uint64_t seen = 0;
  while (true) {
    v1::StatusMessageList list;
    v1::Package package;
    Status asked = http.call("GET", messages + std::to_string(seen), nullptr, &list);
    if (!list.status_messages().empty()) seen = list.status_messages().rbegin()->id();
    if (asked.ok()) asked = http.call("GET", "/api/v1/packages/" + id, nullptr, &package);
    if (asked.ok() && is_so(package)) return package;
    if (asked.ok()) {
      asked =
          http.call("GET", messages + std::to_string(seen) + "&wait_ms=" + std::to_string(kPatienceMs), nullptr, &list);
    }
    if (!asked.ok() || list.status_messages().empty()) {
      ADD_FAILURE() << "nothing more is heard of " << id << ": " << asked.to_string() << "\n"
                    << codec::to_json(package) << "\n"
                    << server_->err();
      return package;
    }
  }
}

std::string Lab::ladder(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), "status");
  const auto list = json<v1::StatusMessageList>(std::move(arguments));
  std::string ids;
  for (const auto& message : list.status_messages())
    ids += (ids.empty() ? "" : " ") + std::to_string(message.message_id());
  return ids;
}

void Lab::parse(const std::string& text, google::protobuf::Message* message) {
  const Status status = codec::from_json(text, message);
  EXPECT_TRUE(status.ok()) << status.to_string() << "\n" << text;
}

LabDp::LabDp(const Lab& lab, std::string name, std::string host, std::vector<std::string> under)
    : lab_(lab),
      name_(std::move(name)),
      host_(std::move(host)),
      data_(lab.folder() + "/" + name_),
      under_(std::move(under)) {
  start();
}

void LabDp::start(const std::vector<std::string>& more) {
  std::vector<std::string> command = under_;
  command.insert(command.end(),
                 {SMSLAB_BINARY, "dp", "--data", data_, "--name", name_, "--token-file", lab_.token_file()});
  const auto unless_given = [&](const std::string& option, const std::string& value) {
    if (std::find(more.begin(), more.end(), option) == more.end()) command.insert(command.end(), {option, value});
  };
  unless_given("--dp", host_ + ":0");
  unless_given("--control", host_ + ":0");
  unless_given("--site-server", lab_.ready().control());
  command.insert(command.end(), more.begin(), more.end());
  server_.reset();
  server_ = std::make_unique<Process>(command, lab_.folder(), name_);
  const std::string line = server_->first_line();
  ASSERT_FALSE(line.empty()) << name_ << " ended: " << server_->err();
  Lab::parse(line, &ready_);
}

int LabDp::stop() {
  server_->signal(SIGTERM);
  return server_->wait().exit_status;
}

void LabDp::kill() {
  server_->signal(SIGKILL);
  (void)server_->wait();
}

void write(const std::string& path, const std::string& bytes) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) ADD_FAILURE() << "there is no file " << path;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string listing(const std::string& folder) {
  std::set<std::string> lines;
  if (!fs::exists(folder)) return "";
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    std::string line = fs::relative(entry.path(), folder).string();
    if (entry.is_regular_file()) line += " " + std::to_string(entry.file_size());
    lines.insert(line);
  }
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

}  // namespace smslab::test
