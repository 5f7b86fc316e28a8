// The handlers behind conn_fuzz's connection: each reply says which request it answers, in one of the forms that
// replies have.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proto/wire/router.h"

namespace smslab::fuzz {

class TextFile final : public ReadableFile {
 public:
  explicit TextFile(std::string text) : text_(std::move(text)) {}
  Result<size_t> pread(uint64_t offset, std::span<char> buffer) const override {
    return offset >= text_.size() ? 0 : text_.copy(buffer.data(), buffer.size(), offset);
  }
  uint64_t size() const override { return text_.size(); }
  int fd() const override { return -1; }

 private:
  const std::string text_;
};

class TextSource final : public wire::BodySource {
 public:
  TextSource(std::string text, bool fails) : text_(std::move(text)), fails_(fails) {}
  Result<std::string> next() override {
    std::string piece = text_.substr(at_, 7);
    at_ += piece.size();
    if (piece.empty() && fails_) return Status(Code::kUnavailable, "the source has dried up");
    return piece;
  }

 private:
  const std::string text_;
  size_t at_ = 0;
  const bool fails_;
};

struct Asked {
  std::string method, path, body;
  friend bool operator==(const Asked&, const Asked&) = default;
};

inline std::string answer_to(size_t number, const Asked& asked) {
  return "<" + std::to_string(number) + " " + asked.method + " " + asked.path + " " + asked.body + ">";
}

struct Site {
  std::vector<Asked> handled;
  wire::Router router;

  Site() {
    const auto add = [this](const char* path, auto give) {
      router.add({"GET", "HEAD", "POST"}, path, [this, give](const wire::Request& request) -> Result<wire::Reply> {
        handled.push_back({request.method, request.path, request.body});
        wire::Reply reply;
        give(answer_to(handled.size(), handled.back()), &reply);
        return reply;
      });
    };
    add("/bytes*", [](std::string text, wire::Reply* reply) { reply->body = wire::Body(std::move(text)); });
    add("/none", [](const std::string&, wire::Reply* reply) { reply->status = 204; });
    add("/file*", [](const std::string& text, wire::Reply* reply) {
      const size_t third = text.size() / 3;
      reply->body.append(text.substr(0, third));
      reply->body.append(std::make_shared<TextFile>(text), third, third);
      reply->body.append(text.substr(2 * third));
    });
    add("/later*", [](std::string text, wire::Reply* reply) {
      reply->body = wire::Body(std::move(text));
      reply->after = std::make_shared<Completion>();
    });
    add("/stream*", [](const std::string& text, wire::Reply* reply) {
      reply->body.append(text.substr(0, 3));
      reply->stream = std::make_shared<TextSource>(text.substr(3), false);
    });
    add("/short*", [](std::string text, wire::Reply* reply) {
      const uint64_t size = text.size();
      reply->body.append(std::make_shared<TextFile>(std::move(text)), 0, size + 1);
    });
    add("/dry*",
        [](const std::string& text, wire::Reply* reply) { reply->stream = std::make_shared<TextSource>(text, true); });
  }
};

}  // namespace smslab::fuzz
