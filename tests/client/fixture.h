// ClientTest: a fake site with one package and one client with a folder of its own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <string>

#include "proto/base/random.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/ccm/signature.h"
#include "proto/client/agent.h"
#include "tests/client/fake_site.h"
#include "tests/support/golden.h"

namespace smslab::client {

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    folder_ =
        (std::filesystem::temp_directory_path() / ("smslab-client-test-" + secret_token().substr(0, 16))).string();
    auto& dp = site_.dps["C"];
    dp.files["adminpak.msi"] = std::string(10'000, 'M');
    dp.files["Sub folder/a+b #1 %.txt"] = "hello\n";
    dp.files["Sub folder/empty.bin"] = "";
    dp.folders = {"Sub folder", "Leer"};
    options_.mp = site_.url();
    options_.name = "AST-TRAINING1";
    options_.folder = folder_;
    options_.transfer.block_bytes = 4096;
    start_anew();
  }
  // Gives the client a key from the start: making one takes a second.
  void keep_key() {
    static const std::string kPem = ccm::SigningKey::generate("AST-TRAINING1", now_)->to_pem();
    std::filesystem::create_directories(folder_ + "/state");
    EXPECT_TRUE(write_file(posix_env(), folder_ + "/state/key.pem", kPem).ok());
  }
  // As a computer that has never run.
  void start_anew() {
    std::filesystem::remove_all(folder_);
    keep_key();
  }
  ~ClientTest() override { std::filesystem::remove_all(folder_); }

  v1::ClientRun run() {
    LabClock clock(system_time_source(), LabClock::Frozen{now_});
    return run_client(options_, posix_env(), clock, [](std::string_view, std::string_view) {});
  }
  v1::ClientRun run_well() {
    auto result = run();
    EXPECT_EQ(result.error(), "");
    return result;
  }

  std::string read(const std::string& path) const {
    return read_file(posix_env(), folder_ + "/" + path, uint64_t{64} << 20).ok()
               ? *read_file(posix_env(), folder_ + "/" + path, uint64_t{64} << 20)
               : "";
  }
  bool exists(const std::string& path) const { return std::filesystem::exists(folder_ + "/" + path); }
  void clear_logs() {
    for (const auto& log : std::filesystem::directory_iterator(folder_ + "/logs")) std::filesystem::remove(log.path());
  }

  // The texts of a log's records, with what differs between labs replaced: GUIDs are numbered by first appearance, so
  // equal ones stay equal.
  std::string texts(const std::string& log) const {
    static const std::regex kTail(R"tail(<time="[0-9:.]+\+000" date="[0-9-]+" component="(\w+)" context="" )tail"
                                  R"tail(type="[123]" thread="[0-9]+" file="[^"]*">)tail");
    std::string text = read("logs/" + log + ".log"), out;
    for (size_t at = 0; at < text.size();) {
      const size_t middle = text.find("]LOG]!>", at), end = text.find("\r\n", middle);
      if (!text.substr(at).starts_with("<![LOG[") || middle == std::string::npos || end == std::string::npos) {
        ADD_FAILURE() << "no record at " << at << " of " << log;
        break;
      }
      std::smatch tail;
      const std::string rest = text.substr(middle + 7, end - middle - 7);
      EXPECT_TRUE(std::regex_match(rest, tail, kTail) && tail[1] == log) << rest;
      out += text.substr(at + 7, middle - at - 7) + "\n";
      at = end + 2;
    }
    return normalised(out);
  }

  std::string normalised(const std::string& text) const {
    static const std::regex kGuid(R"(\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\})"), kCr("\r"),
        kAddress(R"(127\.0\.0\.1:[0-9]+)"), kNumber(R"((ProcessID|ThreadID) = [0-9]+;)");
    std::map<std::string, size_t> seen;
    std::string out;
    size_t from = 0;
    for (std::sregex_iterator at(text.begin(), text.end(), kGuid), end; at != end; ++at) {
      const size_t number = seen.emplace(at->str(), seen.size() + 1).first->second;
      out += text.substr(from, static_cast<size_t>(at->position()) - from) + "{" + std::to_string(number) + "}";
      from = static_cast<size_t>(at->position() + at->length());
    }
    out += text.substr(from);
    out = std::regex_replace(out, kCr, "");
    out = std::regex_replace(out, kAddress, "HOST");
    return std::regex_replace(out, kNumber, "$1 = N;");
  }

  testing::FakeSite site_;
  AgentOptions options_;
  LabTime now_ = *parse_rfc3339("2026-11-21T20:00:00Z");
  std::string folder_;
};

}  // namespace smslab::client
