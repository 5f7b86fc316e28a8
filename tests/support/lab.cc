#include "tests/support/lab.h"

#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "proto/codec/json.h"

namespace smslab::test {
namespace fs = std::filesystem;

TempFolder::TempFolder() {
  std::string pattern = (fs::temp_directory_path() / "smslab.XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}
TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Lab::Lab(const std::vector<std::string>& serve_arguments) { restart(serve_arguments); }

void Lab::restart(const std::vector<std::string>& serve_arguments) {
  std::vector<std::string> command = {SMSLAB_BINARY, "serve",       "--data",    data(),
                                      "--mp",        "127.0.0.1:0", "--control", "127.0.0.1:0"};
  const auto given = [&](const char* option) {
    return std::find(serve_arguments.begin(), serve_arguments.end(), option) != serve_arguments.end();
  };
  if (!given("--dp") && !given("--scenario")) {
    command.insert(command.end(), {"--dp", "127.0.0.1:0"});
  }
  command.insert(command.end(), serve_arguments.begin(), serve_arguments.end());
  server_.reset();
  server_ = std::make_unique<Process>(command, folder_.path(), "serve");
  const std::string line = server_->first_line();
  ASSERT_FALSE(line.empty()) << "serve ended: " << server_->err();
  parse(line, &ready_);
}

int Lab::stop() {
  server_->signal(SIGTERM);
  const Finished finished = server_->wait();
  EXPECT_EQ(std::count(finished.out.begin(), finished.out.end(), '\n'), 1) << "exactly one line on standard output";
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
