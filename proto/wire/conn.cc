#include "proto/wire/conn.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "proto/wire/grammar.h"
#include "proto/wire/request.h"

namespace smslab::wire {
namespace {
constexpr uint64_t kTurnBytes = uint64_t{4} << 20;
constexpr size_t kTurnRequests = 64;
constexpr size_t kReadBytes = size_t{16} * 1024;
constexpr uint64_t kLingerBytes = uint64_t{4} << 20;
constexpr std::chrono::milliseconds kLingerTime{1'000};
constexpr size_t kLoggedTarget = 200;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Turn closed() { return {.close = true}; }

// What a peer sent, made fit for one line of a log.
std::string printable(std::string_view text, size_t limit) {
  std::string line(text.substr(0, limit));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return line;
}
}  // namespace

Conn::Conn(Plane& plane, const Router& router, const Tls* tls, std::unique_ptr<Link> link, HostPort peer,
           HostPort local)
    : plane_(plane),
      router_(router),
      tls_(tls),
      link_(std::move(link)),
      peer_(std::move(peer)),
      local_(std::move(local)),
      deadline_(after(plane.options.idle_timeout)) {}

Turn Conn::first() const { return park(EPOLLIN); }

Turn Conn::advance() {
  if (state_ == State::kWaiting) return closed();  // nothing but a hang-up wakes it
  return go();
}

Turn Conn::resume(const Status& outcome) {
  Reply reply = std::exchange(pending_, {});
  if (outcome.ok()) {
    answer(std::move(reply));
  } else {
    answer(outcome);
  }
  return go();
}

Turn Conn::expire() {
  if (state_ == State::kReply) link_->reset();  // else the kernel keeps megabytes for a peer that takes none
  const bool arriving = state_ == State::kBody || (state_ == State::kHead && head_started_);
  if (!arriving) return closed();
  refuse(408, "the request did not arrive in time");
  return go();
}

Turn Conn::go() {
  read_budget_ = kTurnBytes;
  request_budget_ = kTurnRequests;
  while (true) {
    Step step;
    switch (state_) {
      case State::kHead: step = read_head(); break;
      case State::kBody: step = read_body(); break;
      case State::kWaiting: step = Turn{.after = pending_.after}; break;
      case State::kReply: step = send_reply(); break;
      case State::kLinger: step = linger(); break;
    }
    if (step) return *std::move(step);
  }
}

Turn Conn::park(uint32_t events) const { return {.events = events, .until = deadline_}; }

// Reads once into in_; the Turn when nothing came.
Conn::Step Conn::fill() {
  if (read_budget_ == 0) return park(EPOLLIN);
  std::array<char, kReadBytes> buffer;
  const bool opening = link_->opening();
  const IoResult got = link_->read(buffer);
  if (opening && !link_->opening()) deadline_ = after(plane_.options.idle_timeout);
  switch (got.io) {
    case Io::kOk:
      in_.append({buffer.data(), got.bytes});
      read_budget_ -= std::min<uint64_t>(read_budget_, got.bytes);
      return std::nullopt;
    case Io::kWantRead: return park(EPOLLIN);
    case Io::kWantWrite: return park(EPOLLOUT);
    case Io::kTls: return start_tls();
    case Io::kError: log_problem(); break;
    case Io::kEnd: break;
  }
  return closed();
}

// The handshake is read as a head is: within its time.
Conn::Step Conn::start_tls() {
  if (tls_ == nullptr) {
    refuse(400, "https is not spoken here");
    return std::nullopt;
  }
  link_ = tls_->link(link_->release());
  if (!link_) return closed();
  deadline_ = after(plane_.options.head_timeout);
  return std::nullopt;
}

void Conn::log_problem() const {
  if (!link_->problem().empty())
    plane_.log.warning("TLS with " + format_host_port(peer_) + " failed: " + std::string(link_->problem()));
}

Conn::Step Conn::read_head() {
  while (true) {
    while (!head_started_ && in_.view().starts_with("\r\n")) in_.consume(2);  // RFC 9112 2.2
    const std::string_view bytes = in_.view();
    if (!head_started_ && !bytes.empty() && bytes != "\r") {
      head_started_ = true;
      deadline_ = after(plane_.options.head_timeout);
      if (!is_token_char(bytes.front())) {  // no HTTP at all: it would never come to an end
        refuse(400, "this is not an HTTP request");
        return std::nullopt;
      }
    }
    const size_t end = head_started_ ? head_end(bytes, searched_) : 0;
    if (end != 0 || bytes.size() > plane_.options.head.bytes) {
      begin(end != 0 ? end : bytes.size());
      return std::nullopt;
    }
    searched_ = bytes.size();
    if (Step stop = fill()) return stop;
    if (state_ != State::kHead) return std::nullopt;
  }
}

void Conn::begin(size_t head_bytes) {
  ParsedHead parsed = parse_head(in_.view().substr(0, head_bytes), plane_.options.head);
  in_.consume(head_bytes);
  head_ = std::move(parsed.head);
  if (parsed.refuse != 0) return refuse(parsed.refuse, parsed.reason);
  if (head_.length > plane_.options.body_bytes) return refuse(413, "the body is too large");
  chunked_.reset();
  if (head_.framing == Framing::kChunked) {
    chunked_.emplace(ChunkedLimits{.body_bytes = plane_.options.body_bytes});
  } else if (head_.length == 0) {
    return serve();
  }
  if (head_.expect_continue && in_.view().empty()) interim_ = kContinue;
  state_ = State::kBody;
  deadline_ = after(plane_.options.body_timeout);
}

Conn::Step Conn::read_body() {
  while (!interim_.empty()) {
    const iovec part{const_cast<char*>(interim_.data()), interim_.size()};
    const IoResult put = link_->write({&part, 1}, false);
    if (put.io == Io::kWantWrite) return park(EPOLLOUT);
    if (put.io != Io::kOk) return closed();
    interim_.remove_prefix(put.bytes);
  }
  while (!take_body()) {
    if (Step stop = fill()) return stop;
  }
  return std::nullopt;
}

bool Conn::take_body() {
  if (chunked_) {
    in_.consume(chunked_->take(in_.view(), &body_));
    if (chunked_->refuse() != 0) {
      refuse(chunked_->refuse(), chunked_->reason());
      return true;
    }
    if (!chunked_->done()) return false;
  } else {
    const auto more = in_.view().substr(0, static_cast<size_t>(head_.length - body_.size()));
    body_ += more;
    in_.consume(more.size());
    if (body_.size() < head_.length) return false;
  }
  serve();
  return true;
}

void Conn::serve() {
  http11_ = head_.http11;
  keep_ = head_.keep_alive;
  const Status made = make_request(std::exchange(head_, {}), std::exchange(body_, {}), &request_);
  request_.peer = peer_;
  request_.local = local_;
  request_.tls = link_->secure();
  Result<Reply> result = made.ok() ? router_.route(request_) : Result<Reply>(made);
  if (result.ok() && result->after) {
    pending_ = *std::move(result);
    state_ = State::kWaiting;
    return;
  }
  answer(std::move(result));
}

void Conn::answer(Result<Reply> result) {
  Reply reply;
  std::string reason;
  if (result.ok()) {
    reply = *std::move(result);
  } else {
    reason = result.status().message();
    reply = error_reply(http_status(result.status().code()), reason);
  }
  if (const Status fit = check_reply(reply); !fit.ok()) {
    reason = fit.message();
    reply = error_reply(500, "");
  }
  if (reply.status >= 400) log_refusal(reply.status, reason.empty() ? reason_phrase(reply.status) : reason);
  if (keep_ && plane_.stopping) {
    keep_ = false;
    linger_ = true;
  }
  start_reply(std::move(reply));
}

void Conn::refuse(int status, std::string_view reason) {
  request_.method = head_.method;
  request_.target = head_.target;
  log_refusal(status, reason);
  keep_ = false;
  linger_ = true;
  start_reply(error_reply(status, reason));
}

void Conn::start_reply(Reply reply) {
  const std::string_view connection = !keep_ ? "close" : http11_ ? "" : "keep-alive";
  const bool bodiless = request_.method == "HEAD" || !has_content(reply.status);
  std::string head = write_reply_head(reply, plane_.date.at(plane_.clock.now()), connection);
  out_.start(std::move(head), bodiless ? Body() : std::move(reply.body));
  state_ = State::kReply;
  deadline_ = after(plane_.options.progress_timeout);
}

Conn::Step Conn::send_reply() {
  const Outbox::Progress progress = out_.pump(*link_, kTurnBytes);
  if (progress.bytes > 0) deadline_ = after(plane_.options.progress_timeout);
  switch (progress.io) {
    case Io::kOk: return out_.done() ? finish_reply() : park(EPOLLOUT);
    case Io::kWantWrite: return park(EPOLLOUT);
    case Io::kWantRead: return park(EPOLLIN);
    case Io::kEnd:
      plane_.log.error("reply to " + request_.method + " " + printable(request_.target, kLoggedTarget) +
                       " cut: a file is shorter than promised");
      break;
    case Io::kTls:
    case Io::kError: break;
  }
  return closed();
}

Conn::Step Conn::finish_reply() {
  out_.clear();
  request_ = {};
  head_started_ = false;
  searched_ = 0;
  if (keep_) {
    state_ = State::kHead;
    deadline_ = after(plane_.options.idle_timeout);
    if (--request_budget_ == 0) return park(EPOLLOUT);  // ready at once, but behind the others
    return std::nullopt;
  }
  if (!linger_ && in_.view().empty()) return closed();
  link_->end_sending();
  state_ = State::kLinger;
  linger_left_ = kLingerBytes;
  deadline_ = after(kLingerTime);
  return std::nullopt;
}

// Closing with bytes unread would send a reset, and the peer would lose a reply that it has not read yet.
Conn::Step Conn::linger() {
  std::array<char, kReadBytes> buffer;
  while (linger_left_ > 0) {
    const IoResult got = link_->read(buffer);
    if (got.io == Io::kWantRead) return park(EPOLLIN);
    if (got.io == Io::kWantWrite) return park(EPOLLOUT);
    if (got.io != Io::kOk) break;
    linger_left_ -= std::min<uint64_t>(linger_left_, got.bytes);
  }
  return closed();
}

void Conn::log_refusal(int status, std::string_view reason) const {
  const std::string method = request_.method.empty() ? "-" : request_.method;
  const std::string target = request_.target.empty() ? "-" : printable(request_.target, kLoggedTarget);
  const std::string line = std::to_string(status) + " " + method + " " + target + " from " + format_host_port(peer_) +
                           ": " + printable(reason, kLoggedTarget);
  plane_.log.write(status >= 500 ? LogLevel::kError : LogLevel::kWarning, line);
}

}  // namespace smslab::wire
