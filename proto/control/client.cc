#include "proto/control/client.h"

#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <optional>

#include "proto/base/clock.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/control/media.h"
#include "proto/control/socket_stream.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/scenario.pb.h"

namespace smslab::control {
namespace {
// Half of what ControlServer keeps an idle connection for: a request never meets a connection that is being closed.
constexpr std::chrono::milliseconds kReuseWithin{500};
// A server that is there answers a connection at once, however long it takes over a request.
constexpr std::chrono::milliseconds kConnectWithin{10'000};
constexpr size_t kPieceBytes = size_t{64} << 10;

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

Status check(const HttpRequest& request) {
  if (request.method.empty() || has_control(request.method) || request.method.find(' ') != std::string::npos) {
    return invalid_argument("'" + request.method + "' is not an HTTP method", "method");
  }
  if (request.target.empty() || has_control(request.target) || request.target.find(' ') != std::string::npos) {
    return invalid_argument("'" + request.target + "' cannot be a request target; percent-encode it", "target");
  }
  for (const auto& [name, value] : request.fields) {
    if (name.empty() || has_control(name) || has_control(value)) {
      return invalid_argument("header field '" + name + "' holds a control character", "fields");
    }
  }
  return ok_status();
}

httplib::ContentProvider provide(const std::string& body) {
  return [&body](size_t offset, size_t length, httplib::DataSink& sink) {
    return sink.write(body.data() + offset, length);
  };
}

httplib::ContentProvider provide(const ReadableFile& file, Status* failed) {
  return [&file, failed, buffer = std::string(kPieceBytes, '\0')](size_t offset, size_t length,
                                                                  httplib::DataSink& sink) mutable {
    const auto got = file.pread(offset, {buffer.data(), std::min(buffer.size(), length)});
    if (!got.ok()) *failed = got.status();
    if (got.ok() && *got == 0) *failed = Status(Code::kDataLoss, "the file became shorter while it was sent");
    return failed->ok() && sink.write(buffer.data(), *got);
  };
}

constexpr size_t kHeadBytes = size_t{64} << 10;  // of an answer
constexpr size_t kStatusLine = 1000;
constexpr size_t kFields = 200;

// What a server answers, as far as httplib can be trusted with it: it parses a status line by a regular expression,
// which a long one takes beyond its stack, and takes any number of fields. Heads go through only as a whole.
class AnswerStream final : public SocketStream {
 public:
  using SocketStream::SocketStream;
  ssize_t read(char* buffer, size_t size) override {
    if (part_ == Part::kBody) return SocketStream::read(buffer, size);
    if (left_ == 0 && !take_head()) return -1;
    const ssize_t got = SocketStream::read(buffer, std::min(size, left_));
    if (got > 0) left_ -= static_cast<size_t>(got);
    if (left_ == 0 && !interim_) part_ = Part::kBody;
    return got;
  }

 private:
  enum class Part { kHead, kBody };
  bool take_head() {
    while ((left_ = head_end()) == 0) {
      if (waiting().size() > kHeadBytes || fill() <= 0) return false;
    }
    const std::string_view head = waiting().substr(0, left_);
    const std::string_view line = head.substr(0, head.find('\n'));
    interim_ = line.size() > 9 && line.substr(8, 2) == " 1";
    return line.starts_with("HTTP/1.") && line.size() <= kStatusLine &&
           std::count(head.begin(), head.end(), '\n') <= static_cast<ptrdiff_t>(kFields);
  }
  size_t head_end() const {
    const size_t end = waiting().find("\r\n\r\n");
    return end == std::string_view::npos ? 0 : end + 4;
  }

  Part part_ = Part::kHead;
  size_t left_ = 0;       // of the head: not yet read
  bool interim_ = false;  // 1xx: another head follows
};

class Dialler final : public httplib::ClientImpl {
 public:
  Dialler(const HostPort& to, std::chrono::milliseconds patience)
      : httplib::ClientImpl(to.host, to.port), to_(to), patience_(patience) {}

 private:
  bool process_socket(const Socket& socket, std::function<bool(httplib::Stream& stream)> talk) override {
    std::string in;
    AnswerStream stream(socket.sock, to_, {}, &in, patience_);
    return talk(stream);
  }

  const HostPort to_;
  const std::chrono::milliseconds patience_;
};

// An error answer of a server that does not speak our errors.
Status from_http(const HttpReply& reply) {
  Code code = reply.status >= 502 && reply.status <= 504 ? Code::kUnavailable : Code::kInternal;
  for (const Code known : {Code::kInvalidArgument, Code::kNotFound, Code::kUnauthenticated, Code::kTooLarge}) {
    if (http_status(known) == reply.status) code = known;
  }
  return {code, "the server answered " + std::to_string(reply.status) + " " + reply.reason};
}
}  // namespace

const std::string* HttpReply::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (iequals(key, name)) return &value;
  }
  return nullptr;
}

class HttpClient::Impl {
 public:
  explicit Impl(HttpClientOptions options) : options_(std::move(options)), time_(system_time_source()) {
    // httplib writes to a socket that the peer has closed without MSG_NOSIGNAL.
    static const auto ignored = std::signal(SIGPIPE, SIG_IGN);
    (void)ignored;
    auto url = parse_url(options_.base, "base");
    if (!url.ok()) {
      base_ = url.status();
    } else if (url->scheme != "http" || url->target.find_first_of("?#") != std::string::npos) {
      base_ = invalid_argument("'" + options_.base + "' is not of the form http://HOST:PORT[/PATH]", "base");
    } else {
      if (url->target.ends_with('/')) url->target.pop_back();
      path_ = url->target;
      name_ = format_host_port(url->at);
      http_.emplace(url->at, options_.timeout);
      set_up();
    }
  }

  void cancel() {
    cancelled_ = true;
    if (http_) http_->stop();
  }

  Result<HttpReply> send(const HttpRequest& ask) {
    RETURN_IF_ERROR(base_);
    if (cancelled_) return Status(Code::kUnavailable, "the request was cancelled");
    RETURN_IF_ERROR(check(ask));
    const SteadyTime begin = time_.steady();
    if (begin - last_use_ > kReuseWithin) http_->stop();

    HttpReply reply;
    Status failed;  // of the file or the sink
    uint64_t received = 0;
    httplib::Request request = to_httplib(ask, &failed);
    bool answered = false;
    const auto take_head = [&](const httplib::Response& head) {
      answered = true;
      reply.status = head.status;
      reply.reason = head.reason;
      reply.fields = {head.headers.begin(), head.headers.end()};
      if (ask.on_head) failed = ask.on_head(reply);
      return failed.ok() && head.status != 304;  // a 304 has no body, but httplib would wait for one
    };
    request.response_handler = take_head;
    request.content_receiver = [&](const char* data, size_t size, uint64_t, uint64_t) {
      received += size;
      if (ask.sink && reply.status >= 200 && reply.status < 300) {
        failed = ask.sink({data, size});
      } else if (size > options_.body_bytes - reply.body.size()) {
        failed = Status(Code::kTooLarge,
                        name_ + ": the answer is larger than " + std::to_string(options_.body_bytes) + " bytes");
      } else {
        reply.body.append(data, size);
      }
      return failed.ok();
    };
    const httplib::Result result = http_->send(request);
    last_use_ = time_.steady();
    if (result && !answered) take_head(*result);  // HEAD and 204: httplib tells only at the end
    RETURN_IF_ERROR(failed);
    if (!result && reply.status != 304) {
      return Status(Code::kUnavailable, ask.method + " http://" + name_ + ask.target + ": " +
                                            reason(result.error(), answered, received, last_use_ - begin));
    }
    return reply;
  }

 private:
  void set_up() {
    http_->set_keep_alive(true);
    http_->set_tcp_nodelay(true);
    http_->set_url_encode(false);
    http_->set_decompress(false);
    http_->set_follow_location(false);
    http_->set_connection_timeout(std::min(options_.timeout, kConnectWithin));
    http_->set_read_timeout(options_.timeout);
    http_->set_write_timeout(options_.timeout);
    if (!options_.bind.empty()) http_->set_interface(options_.bind);
  }

  httplib::Request to_httplib(const HttpRequest& ask, Status* failed) const {
    httplib::Request request;
    request.method = ask.method;
    request.path = path_ + ask.target;
    for (const auto& [name, value] : ask.fields) request.headers.emplace(name, value);
    if (!options_.token.empty() && !request.has_header("Authorization")) {
      request.headers.emplace("Authorization", "Bearer " + options_.token);
    }
    // Always by a provider: to a plain body httplib adds a Content-Type of its own.
    if (ask.file) {
      request.content_length_ = ask.file->size();
      request.content_provider_ = provide(*ask.file, failed);
    } else if (!ask.body.empty()) {
      request.content_length_ = ask.body.size();
      request.content_provider_ = provide(ask.body);
    }
    return request;
  }

  std::string reason(httplib::Error error, bool answered, uint64_t received, SteadyTime::duration took) const {
    if (error == httplib::Error::BindIPAddress) return "cannot come from address " + options_.bind;
    if (took >= options_.timeout) return "timed out";
    if (error == httplib::Error::Connection) return "cannot connect";
    if (answered) return "the answer was cut short after " + std::to_string(received) + " bytes of its body";
    return error == httplib::Error::Write ? "the connection broke while sending"
                                          : "the connection ended without an answer";
  }

  const HttpClientOptions options_;
  const TimeSource time_;
  Status base_;
  std::string name_, path_;
  std::optional<Dialler> http_;  // set when base_ is ok
  std::atomic<bool> cancelled_ = false;
  SteadyTime last_use_;
};

HttpClient::HttpClient(HttpClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

void HttpClient::cancel() { impl_->cancel(); }

Result<HttpReply> HttpClient::send(const HttpRequest& request) { return impl_->send(request); }

Status HttpClient::call(const std::string& method, const std::string& target, const google::protobuf::Message* request,
                        google::protobuf::Message* reply, std::vector<Status>* errors) {
  const std::string protobuf(kProtobuf);
  HttpRequest ask;
  ask.method = method;
  ask.target = target;
  ask.fields = {{"Accept", protobuf}};
  if (request != nullptr) {
    ask.fields.emplace_back("Content-Type", protobuf);
    ask.body = request->SerializeAsString();
  }
  ASSIGN_OR_RETURN(const HttpReply got, send(ask));
  const std::string* type = got.field("Content-Type");
  const std::string_view content_type = type == nullptr ? std::string_view() : *type;
  if (got.status >= 200 && got.status < 300) {
    if (reply == nullptr) return ok_status();
    const Status parsed = decode_message(content_type, got.body, reply);
    return parsed.ok() ? ok_status() : internal_error("the server's answer: " + parsed.message());
  }
  v1::ErrorReply error;
  if (!decode_message(content_type, got.body, &error).ok() || error.error().code().empty()) return from_http(got);
  const auto status_of = [](const v1::ErrorBody& body) {
    return Status(code_from_name(body.code()), body.message(), body.field());
  };
  if (errors != nullptr) {
    v1::ScenarioRefusal all;
    (void)decode_message(content_type, got.body, &all);
    for (const auto& each : all.errors()) errors->push_back(status_of(each));
  }
  return status_of(error.error());
}

}  // namespace smslab::control
