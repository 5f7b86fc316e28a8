// A ControlServer on a free port with the routes that its tests need, and what it logs.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "proto/base/time_text.h"
#include "proto/control/client.h"
#include "proto/control/server.h"
#include "proto/schema/control.pb.h"
#include "tests/support/status.h"

namespace smslab::control {

class RecordedLog final : public LogSink {
 public:
  void write(std::string_view record) override {
    const MutexLock lock(mu_);
    records_.emplace_back(record);
  }
  std::vector<std::string> take() {
    const MutexLock lock(mu_);
    return std::exchange(records_, {});
  }

 private:
  Mutex mu_;
  std::vector<std::string> records_ GUARDED_BY(mu_);
};

class ServerTest : public ::testing::Test {
 protected:
  void start(ControlOptions options = {}) {
    server_ = std::make_unique<ControlServer>(std::move(options), clock_, log_);
    add_routes();
    const auto at = server_->start({"127.0.0.1", 0});
    ASSERT_TRUE(at.ok()) << at.status().to_string();
    at_ = *at;
  }
  std::string base() const { return "http://" + format_host_port(at_); }
  HttpClient client() const { return HttpClient({.base = base()}); }

  LabClock clock_{system_time_source(), LabClock::Frozen{*parse_rfc3339("2026-11-21T20:00:00Z")}};
  std::shared_ptr<RecordedLog> records_ = std::make_shared<RecordedLog>();
  Log log_{records_, LogForm::kConsole, clock_, "control"};
  std::unique_ptr<ControlServer> server_;
  HostPort at_;

 private:
  static Result<ControlReply> echo(ControlRequest& request) {
    v1::Package package;
    RETURN_IF_ERROR(request.parse(&package));
    return reply_with(package, 201);
  }
  static Result<ControlReply> upload(ControlRequest& request) {
    v1::FsckReply got;
    RETURN_IF_ERROR(request.read_body([&](std::string_view piece) {
      got.set_bytes(got.bytes() + piece.size());
      for (const char c : piece) got.set_blobs(got.blobs() * 31 + static_cast<unsigned char>(c));
      return request.param("name") == "refused" ? failed_precondition("not this one", "name") : ok_status();
    }));
    return reply_with(got);
  }
  static Result<ControlReply> show(ControlRequest& request) {
    v1::Program program;
    program.set_name(request.param("name"));
    program.set_comment(request.query_value("note"));
    program.set_command_line(request.path);
    return reply_with(program);
  }

  void add_routes() {
    const auto text = [](ControlRequest&) -> Result<ControlReply> {
      return ControlReply{200, nullptr, "text/plain", "hello"};
    };
    server_->add({"GET", "/", "Text", nullptr, nullptr, text});
    server_->add({"POST", "/echo", "Says it again", v1::Package::descriptor(), v1::Package::descriptor(), echo});
    server_->add({"PATCH", "/echo", "Says it again", v1::Package::descriptor(), v1::Package::descriptor(), echo});
    server_->add({"GET",
                  "/programs/{name}",
                  "One program",
                  nullptr,
                  v1::Program::descriptor(),
                  show,
                  false,
                  {{"note", "what the program says"}}});
    server_->add(
        {"DELETE",
         "/programs/{name}",
         "No program",
         nullptr,
         nullptr,
         [](ControlRequest& r) -> Result<ControlReply> { return not_found("no program " + r.param("name"), "name"); },
         false,
         {{"x", ""}}});
    server_->add({"POST", "/programs/special", "Behind a pattern that fits too", nullptr, nullptr,
                  [](ControlRequest&) -> Result<ControlReply> {
                    return ControlReply{202, nullptr, "", ""};
                  }});
    server_->add({"PUT", "/blobs/{name}", "Streams", nullptr, v1::FsckReply::descriptor(), upload, true});
    server_->add({"PUT", "/unread", "Never reads", nullptr, nullptr,
                  [](ControlRequest&) -> Result<ControlReply> { return Status(Code::kNoSpace, "full"); }, true});
    server_->add({"POST", "/throws", "Throws", nullptr, nullptr,
                  [](ControlRequest&) -> Result<ControlReply> { throw std::runtime_error("boom"); }});
    server_->add({"GET", "/large", "Forty MiB", nullptr, nullptr, [](ControlRequest&) -> Result<ControlReply> {
                    return ControlReply{200, nullptr, "application/octet-stream", std::string(size_t{40} << 20, 'x')};
                  }});
  }
};

}  // namespace smslab::control
