#include "proto/control/server.h"

#include <httplib.h>

#include <algorithm>
#include <new>
#include <optional>

#include "proto/base/digest.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/codec/json.h"
#include "proto/control/browser.h"
#include "proto/control/front.h"
#include "proto/control/media.h"
#include "proto/control/route.h"
#include "proto/control/socket_stream.h"
#include "proto/schema/control.pb.h"

namespace smslab::control {
namespace {
constexpr size_t kLoggedTarget = 200;
constexpr uint64_t kProofBytes = 16'384;  // of a body that proves itself

// httplib's part: one request on a connection that the front has read the head of.
class OneRequest final : public httplib::Server {
 public:
  OneRequest() { svr_sock_ = 0; }  // else it takes itself for one that is shutting down
  // Whether the connection can have another.
  bool serve(Incoming& connection) {
    SocketStream stream(connection.fd.get(), connection.peer, connection.local, &connection.in, kStall);
    bool closed = false;
    const bool good = process_request(stream, false, closed, nullptr);
    return good && !closed;
  }
};

// The body of one request. httplib goes on with the next request where this one's reading stopped, so what a handler
// left unread is read away; when that is too much, the connection must end.
class Body {
 public:
  using Sink = ControlRequest::Sink;

  Body(const httplib::Request& request, const httplib::ContentReader* reader) : reader_(reader) {
    chunked_ = request.has_header("Transfer-Encoding");
    const size_t lengths = request.get_header_value_count("Content-Length");
    length_ = lengths == 0 ? 0 : parse_u64(trim(request.get_header_value("Content-Length")));
    if (!length_ || lengths > 1 || (chunked_ && lengths > 0)) {
      state_ = State::kBroken;
      framing_ = invalid_argument("the length of the body is not clear", "Content-Length");
    } else if (istarts_with(request.get_header_value("Content-Type"), "multipart/")) {
      state_ = State::kBroken;
      framing_ = invalid_argument("multipart bodies are not understood", "Content-Type");
    } else if (chunked_ || *length_ > 0) {
      state_ = reader == nullptr ? State::kBroken : State::kUnread;
      if (reader == nullptr) framing_ = invalid_argument("a " + request.method + " request has no body");
    }
  }

  const Status& framing() const { return framing_; }
  std::optional<uint64_t> size() const { return chunked_ ? std::nullopt : length_; }

  Status read(const Sink& sink) {
    if (state_ == State::kNone) return ok_status();
    if (state_ != State::kUnread) return internal_error("the body was read already");
    state_ = State::kBroken;  // also when the sink throws
    Status status;
    const bool whole = (*reader_)([&](const char* data, size_t size) {
      status = sink({data, size});
      return status.ok();
    });
    RETURN_IF_ERROR(status);
    if (!whole) return invalid_argument("the body ended early or is not what its header fields say");
    state_ = State::kRead;
    return ok_status();
  }

  Result<std::string> read_whole(uint64_t limit) {
    const Status too_large(Code::kTooLarge, "the body is larger than " + std::to_string(limit) + " bytes");
    if (state_ == State::kUnread && *length_ > limit) return too_large;
    std::string body;
    const Status status = read([&](std::string_view piece) {
      if (piece.size() > limit - body.size()) return too_large;
      body += piece;
      return ok_status();
    });
    if (!status.ok()) return status;
    return body;
  }

  // False: the connection cannot be used again. Nobody waits for more than `limit` bytes, nor for chunks without end.
  bool finish(uint64_t limit) {
    if (state_ == State::kUnread && (chunked_ || *length_ > limit)) state_ = State::kBroken;
    if (state_ == State::kUnread) {
      (void)read([](std::string_view) { return ok_status(); });
    }
    return state_ != State::kBroken;
  }

 private:
  enum class State { kNone, kUnread, kRead, kBroken };

  const httplib::ContentReader* reader_;
  std::optional<uint64_t> length_;
  bool chunked_ = false;
  State state_ = State::kNone;
  Status framing_;
};

// httplib ends a connection after a reply whose provider fails: here it fails only after it has given everything.
void end_connection_after(httplib::Response& out) {
  out.set_header("Connection", "close");
  const std::string type = out.get_header_value("Content-Type");
  auto body = std::make_shared<const std::string>(std::move(out.body));
  out.body.clear();
  out.headers.erase("Content-Type");
  out.set_content_provider(body->size(), type, [body](size_t, size_t, httplib::DataSink& sink) {
    sink.write(body->data(), body->size());
    return false;
  });
}
}  // namespace

std::string ControlRequest::query_value(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

Status ControlRequest::parse(Message* message) const { return decode_message(content_type, body, message); }

RouteTable::RouteTable(std::string token, const Clock& clock) : token_(std::move(token)), clock_(clock) {}
RouteTable::~RouteTable() = default;

void RouteTable::add(ControlRoute route) {
  patterns_.emplace_back(route.pattern);
  routes_.push_back(std::move(route));
}

const ControlRoute* RouteTable::find(const std::string& method, const std::vector<std::string>& segments,
                                     std::map<std::string, std::string>* params, std::string* allowed) const {
  for (size_t i = 0; i < routes_.size(); i++) {
    if (!patterns_[i].match(segments, params)) continue;
    if (routes_[i].method == method) return &routes_[i];
    *allowed += (allowed->empty() ? "" : ", ") + routes_[i].method;
  }
  return nullptr;
}

class ControlServer::Impl {
 public:
  Impl(ControlOptions options, const Clock& clock, const Log& log)
      : options_(std::move(options)),
        log_(log),
        table_(options_.token, clock),
        front_({.threads = options_.threads}, clock) {}

  void add(ControlRoute route) { table_.add(std::move(route)); }
  const RouteTable& table() const { return table_; }
  void nest(Nest nest) { nest_ = std::move(nest); }

  Result<HostPort> start(const HostPort& at) {
    set_up();
    listens_at_ = at.host;
    return front_.start(
        at, {.refuse = [this](const wire::Head& head, const wire::Refusal& why) { return refusal(head, why); },
             .serve = [this](Incoming& connection) { return serve(connection); }});
  }

  void stop() { front_.stop(); }

 private:
  void set_up() {
    http_ = std::make_unique<OneRequest>();
    http_->set_keep_alive_timeout(FrontOptions().idle / std::chrono::seconds(1));
    // One handler for everything. Methods with a body come through a content reader, which leaves the body (and its
    // limit) to us; the others must not, or httplib would answer them itself.
    http_->set_pre_routing_handler([this](const httplib::Request& in, httplib::Response& out) {
      const bool with_body = in.method == "POST" || in.method == "PUT" || in.method == "PATCH" || in.method == "DELETE";
      if (with_body) return httplib::Server::HandlerResponse::Unhandled;
      serve(in, out, nullptr);
      return httplib::Server::HandlerResponse::Handled;
    });
    const auto handler = [this](const httplib::Request& in, httplib::Response& out,
                                const httplib::ContentReader& reader) { serve(in, out, &reader); };
    const std::string any = R"([\s\S]*)";
    http_->Post(any, handler).Put(any, handler).Patch(any, handler).Delete(any, handler);
    // What httplib answers by itself: a method that it does not know, and what was thrown at it.
    http_->set_error_handler([this](const httplib::Request& in, httplib::Response& out) {
      if (!out.body.empty() || out.content_provider_) return;
      const Status why = out.status >= 500 ? out_of_memory()
                                           : invalid_argument("the request is not HTTP that this server understands");
      write_error(in, why, out.status >= 500 ? http_status(why.code()) : out.status, out);
    });
  }

  static Status out_of_memory() {
    return {Code::kUnavailable, "the server is out of memory; try again when it has less to do"};
  }

  bool serve(Incoming& connection) {
    try {
      return http_->serve(connection);
    } catch (const std::bad_alloc&) {
      log_.error("out of memory: a connection of " + connection.peer.host + " is closed");
      return false;
    }
  }

  // A whole reply to a head that httplib does not get to see.
  std::string refusal(const wire::Head& head, const wire::Refusal& why) const {
    const bool large = why.status == 413 || why.status == 414 || why.status == 431;
    const Status status(large ? Code::kTooLarge : Code::kInvalidArgument,
                        "the request is refused: " + std::string(why.reason));
    httplib::Request in;
    in.method = head.method.empty() ? "?" : head.method;
    in.target = head.target.substr(0, kLoggedTarget);
    httplib::Response out;
    write_error(in, status, why.status, out);
    return "HTTP/1.1 " + std::to_string(why.status) + " Refused\r\nContent-Type: " + std::string(kJson) +
           "\r\nContent-Length: " + std::to_string(out.body.size()) + "\r\nConnection: close\r\n\r\n" + out.body;
  }

  void serve(const httplib::Request& in, httplib::Response& out, const httplib::ContentReader* reader) {
    Body body(in, reader);
    int status = 0;
    Nested nested;
    const Result<ControlReply> reply = answer(in, body, out, &nested, &status);
    out.set_header("Date", format_rfc1123(table_of(nested).clock().now()));
    // Before the reply is written: where a body cannot be read, httplib sets a status of its own.
    const bool stranger = reply.status().code() == Code::kUnauthenticated;
    const bool usable = body.finish(stranger ? FrontOptions().ahead : options_.body_bytes);
    if (reply.ok()) {
      write(in, *reply, out);
    } else {
      write_error(in, reply.status(), status == 0 ? http_status(reply.status().code()) : status, out);
    }
    if (!usable) end_connection_after(out);
  }

  const RouteTable& table_of(const Nested& nested) const { return nested.table ? *nested.table : table_; }

  // `status` is set where an error has another HTTP status than its code.
  Result<ControlReply> answer(const httplib::Request& in, Body& body, httplib::Response& out, Nested* nested,
                              int* status) const {
    RETURN_IF_ERROR(body.framing());
    if (Status page = check_browser(in); !page.ok()) {
      *status = 403;
      return page;
    }
    ASSIGN_OR_RETURN(Target target, parse_target(in.target));
    if (nest_) {
      auto found = nest_(target.segments);
      if (!found.ok()) return has_token(in, table_) ? found.status() : no_token(out);
      *nested = *std::move(found);
      target.segments.erase(target.segments.begin(), target.segments.begin() + static_cast<ptrdiff_t>(nested->skip));
    }
    const RouteTable& table = table_of(*nested);
    ControlRequest request;
    request.method = in.method;
    request.path = in.target.substr(0, in.target.find('?'));
    request.content_type = in.get_header_value("Content-Type");
    request.accept = in.get_header_value("Accept");
    request.body_size = body.size();
    request.query = std::move(target.query);

    std::string allowed;
    const ControlRoute* route =
        table.find(in.method == "HEAD" ? "GET" : in.method, target.segments, &request.params, &allowed);
    const bool proves_itself = route != nullptr && route->proves_itself;
    if (!proves_itself && !has_token(in, table)) return no_token(out);
    if (route == nullptr && allowed.empty()) return not_found("no such path: " + request.path, "path");
    if (route == nullptr) {
      *status = 405;
      out.set_header("Allow", allowed);
      return invalid_argument(in.method + " is not for " + request.path + "; it takes " + allowed, "method");
    }
    RETURN_IF_ERROR(check_query(*route, request.query));
    if (route->streams_body) {
      request.read_body = [&body](const ControlRequest::Sink& sink) { return body.read(sink); };
    }
    try {
      if (!route->streams_body) {
        ASSIGN_OR_RETURN(request.body, body.read_whole(proves_itself ? kProofBytes : options_.body_bytes));
      }
      return route->handler(request);
    } catch (const std::bad_alloc&) {
      return out_of_memory();
    } catch (const std::exception& error) {
      return internal_error(std::string("unexpected: ") + error.what());
    } catch (...) {
      return internal_error("unexpected: an exception without a text");
    }
  }

  // A nested table without a token of its own needs the server's.
  bool has_token(const httplib::Request& in, const RouteTable& table) const {
    const std::string& token = table.token().empty() ? options_.token : table.token();
    return token.empty() || same_secret(in.get_header_value("Authorization"), "Bearer " + token);
  }
  static Status no_token(httplib::Response& out) {
    out.set_header("WWW-Authenticate", "Bearer");
    return {Code::kUnauthenticated, "this needs \"Authorization: Bearer <token>\" with the token of this server",
            "Authorization"};
  }

  Status check_browser(const httplib::Request& in) const {
    std::map<std::string_view, std::string> fields;
    for (const auto* name : {"Host", "Origin", "Sec-Fetch-Site", "Referer", "User-Agent", "Content-Type"}) {
      fields[name] = in.get_header_value(name);
    }
    const BrowserFields browser{.host = fields["Host"],
                                .origin = fields["Origin"],
                                .fetch_site = fields["Sec-Fetch-Site"],
                                .referer = fields["Referer"],
                                .user_agent = fields["User-Agent"],
                                .content_type = fields["Content-Type"]};
    RETURN_IF_ERROR(check_host(browser.host, listens_at_, options_.names));
    RETURN_IF_ERROR(check_origin(browser));
    const bool with_body = in.has_header("Content-Length") || in.has_header("Transfer-Encoding");
    return with_body ? check_body_type(browser) : ok_status();
  }

  static Status check_query(const ControlRoute& route, const std::map<std::string, std::string>& query) {
    for (const auto& [key, value] : query) {
      const auto known = [&](const QueryParameter& each) { return each.name == key; };
      if (std::any_of(route.query.begin(), route.query.end(), known)) continue;
      std::string names;
      for (const auto& each : route.query) names += (names.empty() ? "; it takes " : ", ") + each.name;
      return invalid_argument(
          "unknown query key '" + key + "' of " + route.pattern + (names.empty() ? "; it takes none" : names), key);
    }
    return ok_status();
  }

  static void write(const httplib::Request& in, const ControlReply& reply, httplib::Response& out) {
    out.status = reply.status;
    if (!reply.message) {
      if (!reply.content.empty() || !reply.content_type.empty()) out.set_content(reply.content, reply.content_type);
    } else if (names_protobuf(in.get_header_value("Accept"))) {
      out.set_content(reply.message->SerializeAsString(), std::string(kProtobuf));
    } else {
      out.set_content(codec::to_json(*reply.message), std::string(kJson));
    }
  }

  void write_error(const httplib::Request& in, const Status& status, int http, httplib::Response& out) const {
    v1::ErrorReply body;
    body.mutable_error()->set_code(std::string(code_name(status.code())));
    body.mutable_error()->set_message(status.message());
    body.mutable_error()->set_field(status.field());
    write(in, {http, std::make_shared<const v1::ErrorReply>(std::move(body)), {}, {}}, out);
    // Whoever has no right to ask may have put his token into the query.
    const bool stranger = status.code() == Code::kUnauthenticated;
    const std::string target = stranger ? in.target.substr(0, in.target.find('?')) : in.target;
    log_.write(http >= 500 ? LogLevel::kError : LogLevel::kWarning,
               in.method + " " + target + " " + std::to_string(http) + " " + status.to_string());
  }

  const ControlOptions options_;
  const Log& log_;
  RouteTable table_;
  Nest nest_;  // null: nothing
  std::unique_ptr<OneRequest> http_;
  std::string listens_at_;
  Front front_;  // ends first
};

ControlServer::ControlServer(ControlOptions options, const Clock& clock, const Log& log)
    : impl_(std::make_unique<Impl>(std::move(options), clock, log)) {}
ControlServer::~ControlServer() { stop(); }
void ControlServer::add(ControlRoute route) { impl_->add(std::move(route)); }
const RouteTable& ControlServer::table() const { return impl_->table(); }
void ControlServer::nest(Nest nest) { impl_->nest(std::move(nest)); }
Result<HostPort> ControlServer::start(const HostPort& at) { return impl_->start(at); }
void ControlServer::stop() { impl_->stop(); }

}  // namespace smslab::control
