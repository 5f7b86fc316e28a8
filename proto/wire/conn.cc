#include "proto/wire/conn.h"

#include <sys/epoll.h>

#include <algorithm>

#include "proto/wire/grammar.h"
#include "proto/wire/request.h"

namespace smslab::wire {
namespace {
constexpr uint64_t kTurnBytes = uint64_t{4} << 20;
constexpr uint64_t kMadeBytes = uint64_t{256} << 10;  // the same of a body that is made while it is sent
constexpr size_t kTurnRequests = 64;
constexpr uint64_t kLingerBytes = uint64_t{4} << 20;
constexpr std::chrono::milliseconds kLingerTime{1'000};
constexpr size_t kLoggedTarget = 200;
constexpr size_t kBlankLines = 16;               // before a request; old clients send one behind a body
constexpr size_t kKeptBody = size_t{64} * 1024;  // bytes that a worker keeps for the next request's body
constexpr std::chrono::milliseconds kDrainLook{1};
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Turn closed() { return {.next = Turn::Next::kClose}; }

// What a peer sent, made fit for one line of a log.
std::string printable(std::string_view text, size_t limit) {
  std::string line(text.substr(0, limit));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return line;
}
}  // namespace

struct Conn::Incoming {
  Head head;
  std::string body;
  std::optional<ChunkedBody> chunked;
  std::string_view interim;  // left to send of "100 Continue"
};

Conn::Conn(Plane& plane, const Service& service, Opening opening, std::unique_ptr<Link> link, HostPort peer,
           HostPort local, Guests::Pass pass)
    : pass_(std::move(pass)),
      plane_(plane),
      service_(service),
      link_(std::move(link)),
      peer_(std::move(peer)),
      local_(std::move(local)),
      now_(plane.clock.steady()),
      deadline_(after(plane.options.idle_timeout)),
      records_(service.recorder, peer_) {
  if (opening.kind == Opening::Kind::kNeverRead) {
    state_ = State::kStall;
    deadline_ = SteadyTime::max();
    records_.asked(false, {}, {}, opening.rules);
    records_.planned({.reason = "never read"});
    records_.ended(Sent::End::kStalled, 0, now_);
  }
  if (opening.kind != Opening::Kind::kServe || opening.tls || opening.old_tls)
    opening_ = std::make_unique<Opening>(std::move(opening));
}

Conn::~Conn() {
  report(Sent::End::kStopped);
  if (records_.unsettled()) records_.settle(unsent(), now_, true);
}

Turn Conn::first() const { return {.next = Turn::Next::kReadable, .until = deadline_}; }

void Conn::hear(uint32_t events) {
  drained_ = false;
  if ((events & EPOLLRDHUP) != 0) finishing_ = true;
}

Turn Conn::advance(Workspace& space, uint32_t events) {
  hear(events);
  if (state_ != State::kWaiting && state_ != State::kPaused) return go(space);
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) return gone(Sent::End::kPeerLeft);
  if (is_gone() || (state_ == State::kPaused && is_leaving())) return closed();
  return {.next = Turn::Next::kAfter};  // more of the peer's bytes: they can wait
}

Turn Conn::resume(Workspace& space, uint32_t events, const Status& outcome) {
  hear(events);  // the next request may have come meanwhile, and nothing would tell of it again
  if (state_ == State::kPaused) {
    asleep_.reset();
    state_ = State::kReply;
    deadline_ = plane_.clock.steady() + plane_.options.progress_timeout;
    return go(space);
  }
  const auto reply = std::exchange(pending_, nullptr);
  now_ = plane_.clock.steady();
  if (outcome.ok()) {
    answer(space, std::move(*reply));
  } else {
    answer(space, outcome);
  }
  return go(space);
}

Turn Conn::expire(Workspace& space) {
  if (is_gone()) return closed();
  now_ = plane_.clock.steady();
  if (now_ >= records_.look_at()) {
    records_.settle(unsent(), now_);
    if (now_ < deadline_) return state_ == State::kReply ? park(Turn::Next::kWritable) : go(space);
  }
  if (state_ == State::kDrain && now_ < drained_by_) return go(space);
  if (state_ == State::kReply) {
    // A full socket takes nothing new until much of it is gone: a slow peer makes progress that no write shows.
    if (const uint64_t unsent = link_->unsent(); unsent < std::exchange(unsent_, unsent)) {
      deadline_ = after(plane_.options.progress_timeout);
      return park(Turn::Next::kWritable);
    }
    report(Sent::End::kTooSlow);
    link_->reset();  // else the kernel keeps megabytes for a peer that takes none
  }
  const bool takes_nothing = state_ == State::kBody && !incoming_->interim.empty();  // or half of "100 Continue"
  if (takes_nothing) return closed();
  const bool arriving = state_ == State::kBody || (state_ == State::kHead && head_started_);
  if (!arriving) {
    if (link_->opening()) record_failure("the TLS handshake did not come to its end in time");
    return closed();
  }
  refuse(space, 408, "the request did not arrive in time", incoming_ ? &incoming_->head : nullptr);
  return go(space);
}

Turn Conn::go(Workspace& space) {
  now_ = plane_.clock.steady();
  read_budget_ = kTurnBytes;
  request_budget_ = kTurnRequests;
  while (true) {
    Step step;
    switch (state_) {
      case State::kHead: step = read_head(space); break;
      case State::kBody: step = read_body(space); break;
      case State::kWaiting: step = Turn{.next = Turn::Next::kAfter, .after = pending_->after}; break;
      case State::kReply: step = send_reply(); break;
      case State::kLinger: step = linger(space); break;
      case State::kPaused: step = Turn{.next = Turn::Next::kAfter, .after = asleep_}; break;
      case State::kDrain: step = drain(); break;
      case State::kStall: step = stall(space); break;
    }
    if (!step) continue;
    in_.keep();
    const bool replying = state_ == State::kWaiting || state_ == State::kReply || state_ == State::kLinger;
    const DoorState door = this->door();
    if (door == DoorState::kGone || (is_leaving() && !replying)) return closed();
    if (door == DoorState::kShut && (state_ == State::kHead || state_ == State::kBody)) return closed();
    return *std::move(step);
  }
}

Turn Conn::park(Turn::Next next) const { return {.next = next, .until = std::min(deadline_, records_.look_at())}; }

// Bytes that the peer has not acknowledged. The end of a connection counts as one of them.
uint64_t Conn::unsent() const {
  const uint64_t open = link_ ? link_->unsent() : 0;
  return state_ == State::kLinger && open > 0 ? open - 1 : open;
}

// Reads once into in_; the Turn when nothing came.
Conn::Step Conn::fill(Workspace& space) {
  if (read_budget_ == 0) return park(Turn::Next::kOthers);
  if (drained_) return park(Turn::Next::kReadable);
  in_.keep();
  const bool opening = link_->opening();
  const IoResult got = link_->read(space.in);
  if (opening && !link_->opening()) deadline_ = after(plane_.options.idle_timeout);
  switch (got.io) {
    case Io::kOk:
      in_.receive({space.in.data(), got.bytes});
      drained_ = got.drained && !finishing_;
      read_budget_ -= std::min<uint64_t>(read_budget_, got.bytes);
      return std::nullopt;
    case Io::kWantRead: return park(Turn::Next::kReadable);
    case Io::kWantWrite: return park(Turn::Next::kWritable);
    case Io::kAgain: return park(Turn::Next::kOthers);
    case Io::kTls: return start_tls(space);
    case Io::kError: log_problem(); break;
    case Io::kEnd: break;
  }
  if (opening) {
    record_failure(link_->problem().empty() ? "the peer left during the TLS handshake" : link_->problem());
  } else if (head_started_) {
    record_failure("the peer left before its request had come whole");
  }
  return closed();
}

// The handshake is read as a head is: within its time.
Conn::Step Conn::start_tls(Workspace& space) {
  if (service_.tls == nullptr) {
    refuse(space, 400, "https is not spoken here");
    return std::nullopt;
  }
  if (opening_ && opening_->kind == Opening::Kind::kAbortTls) {
    record_failure("TLS handshake aborted", opening_->rules);
    return closed();
  }
  const Tls& tls = opening_ && opening_->tls ? *opening_->tls : *service_.tls;
  const bool old = opening_ && opening_->old_tls;
  link_ = tls.link(link_->release(), old ? Tls::Versions::kOld : Tls::Versions::kUsual);
  if (!link_) return closed();
  deadline_ = after(plane_.options.head_timeout);
  return std::nullopt;
}

Conn::Step Conn::read_head(Workspace& space) {
  while (true) {
    while (!head_started_ && in_.view().starts_with("\r\n")) {  // RFC 9112 2.2
      in_.consume(2);
      if (++blank_lines_ > kBlankLines) {
        refuse(space, 400, "nothing but blank lines");
        return std::nullopt;
      }
    }
    const std::string_view bytes = in_.view();
    if (!head_started_ && !bytes.empty() && bytes != "\r") {
      head_started_ = true;
      deadline_ = after(plane_.options.head_timeout);
      if (!is_token_char(bytes.front())) {  // no HTTP at all: it would never come to an end
        refuse(space, 400, "this is not an HTTP request");
        return std::nullopt;
      }
    }
    const size_t end = head_started_ ? head_end(bytes, searched_) : 0;
    if (end != 0 || bytes.size() > plane_.options.head.bytes) {
      begin(space, end != 0 ? end : bytes.size());
      return std::nullopt;
    }
    searched_ = bytes.size();
    if (Step stop = fill(space)) return stop;
    if (state_ != State::kHead) return std::nullopt;
  }
}

void Conn::begin(Workspace& space, size_t head_bytes) {
  Head& head = space.head;
  const Refusal refusal = parse_head(in_.view().substr(0, head_bytes), plane_.options.head, &head);
  asked_.assign(head.method.empty() ? "-" : head.method).append(" ");
  asked_.append(std::string_view(head.target).substr(0, kLoggedTarget));
  in_.consume(head_bytes);
  http11_ = head.http11;
  keep_ = head.keep_alive;
  head_only_ = head.method == "HEAD";
  if (refusal.status != 0) return refuse(space, refusal.status, refusal.reason, &head);
  if (head.length > plane_.options.body_bytes) return refuse(space, 413, "the body is too large", &head);
  if (head.framing != Framing::kChunked && in_.view().size() >= head.length) {  // it is here, all of it
    space.request.body.assign(in_.view().substr(0, head.length));
    in_.consume(head.length);
    return serve(space);
  }
  incoming_ = std::make_unique<Incoming>();
  if (head.framing == Framing::kChunked) {
    incoming_->chunked.emplace(ChunkedLimits{.body_bytes = plane_.options.body_bytes});
  }
  if (head.expect_continue && in_.view().empty()) incoming_->interim = kContinue;
  std::swap(incoming_->head, head);
  state_ = State::kBody;
  deadline_ = after(plane_.options.body_timeout);
}

Conn::Step Conn::read_body(Workspace& space) {
  std::string_view& interim = incoming_->interim;
  while (!interim.empty()) {
    const iovec part{const_cast<char*>(interim.data()), interim.size()};
    const IoResult put = link_->write({&part, 1}, false);
    if (put.io == Io::kWantWrite) return park(Turn::Next::kWritable);
    if (put.io != Io::kOk) return closed();
    interim.remove_prefix(put.bytes);
  }
  while (!take_body(space)) {
    if (Step stop = fill(space)) return stop;
  }
  return std::nullopt;
}

bool Conn::take_body(Workspace& space) {
  std::string& body = incoming_->body;
  if (auto& chunked = incoming_->chunked) {
    in_.consume(chunked->take(in_.view(), &body));
    if (chunked->refuse() != 0) {
      refuse(space, chunked->refuse(), chunked->reason(), &incoming_->head);
      return true;
    }
    if (!chunked->done()) return false;
  } else {
    const uint64_t length = incoming_->head.length;
    const auto more = in_.view().substr(0, static_cast<size_t>(length - body.size()));
    body += more;
    in_.consume(more.size());
    if (body.size() < length) return false;
  }
  std::swap(space.head, incoming_->head);
  space.request.body.swap(body);
  serve(space);
  return true;
}

void Conn::serve(Workspace& space) {
  incoming_.reset();
  Request& request = space.request;
  const Status made = make_request(&space.head, &request);
  request.peer = peer_;
  request.local = local_;
  request.tls = link_->secure();
  Result<Reply> result = made.ok() ? service_.router.route(request) : Result<Reply>(made);
  std::string reason;
  if (!result.ok()) {
    reason = result.status().message();
    result = error_reply(http_status(result.status().code()), reason);
  }
  if (service_.injector != nullptr) delivery_ = service_.injector->deliver(request, service_.router, &*result);
  if (records_.unsettled()) records_.settle(unsent(), now_);
  records_.asked(request, *result, delivery_ ? std::string_view(delivery_->rules) : std::string_view());
  request.body.clear();
  if (request.body.capacity() > kKeptBody) request.body.shrink_to_fit();
  if (result->after) {
    pending_ = std::make_unique<Reply>(*std::move(result));
    state_ = State::kWaiting;
    return;
  }
  answer(space, std::move(result), std::move(reason));
}

void Conn::answer(Workspace& space, Result<Reply> result, std::string reason) {
  if (!result.ok()) {
    reason = result.status().message();
    result = error_reply(http_status(result.status().code()), reason);
  }
  if (const Status fit = check_reply(*result); !fit.ok()) {
    reason = fit.message();
    result = error_reply(500, "");
  }
  if (result->status >= 400) log_refusal(result->status, reason.empty() ? reason_phrase(result->status) : reason);
  if (keep_ && (plane_.stopping || door() != DoorState::kOpen)) {
    keep_ = false;
    linger_ = true;
  }
  start_reply(space, *std::move(result), reason);
}

void Conn::refuse(Workspace& space, int status, std::string_view reason, const Head* head) {
  if (asked_.empty()) asked_ = "-";
  records_.asked(link_->secure(), head != nullptr ? std::string_view(head->method) : std::string_view(),
                 head != nullptr ? std::string_view(head->target) : std::string_view());
  incoming_.reset();
  log_refusal(status, reason);
  keep_ = false;
  linger_ = true;
  start_reply(space, error_reply(status, reason), reason);
}

// A connection that ends before there was anything to answer.
void Conn::record_failure(std::string_view reason, std::string_view rules) {
  records_.asked(link_->secure(), {}, {}, rules);
  records_.planned({.reason = reason});
  records_.ended(Sent::End::kUnanswered, 0, now_);
}

void Conn::start_reply(Workspace& space, Reply reply, std::string_view reason) {
  sent_ = 0;
  const bool streams = reply.stream && has_content(reply.status);
  if (streams && !http11_) keep_ = false;
  const std::string_view connection = !keep_ ? "close" : http11_ ? "" : "keep-alive";
  const BodyEnd end = !streams ? BodyEnd::kLength : http11_ ? BodyEnd::kChunked : BodyEnd::kClose;
  write_reply_head(reply, space.date.at(lab_time()), connection, end, &out_.head());
  if (delivery_) return start_delivery(std::move(reply), end, reason);
  const bool bare = head_only_ || !has_content(reply.status);
  plan(reply, bare, reason, kUnknownSize);
  if (bare) {
    out_.start({});
  } else {
    const bool is_stream = streams && records_.under_way();
    out_.start(std::move(reply.body), std::move(reply.stream), end == BodyEnd::kChunked);
    if (is_stream) out_.watch(kSmallBody);
  }
  state_ = State::kReply;
  deadline_ = after(plane_.options.progress_timeout);
}

// Said before the first byte leaves. What a delivery may have changed is digested while it leaves.
void Conn::plan(const Reply& reply, bool bare, std::string_view reason, uint64_t limit) {
  if (!records_.under_way()) return;
  const uint64_t head = out_.head().size();
  const uint64_t whole = bare ? head : reply.stream ? kUnknownSize : head + reply.body.size();
  std::string made;
  records_.planned({.status = reply.status,
                    .head = head,
                    .whole = whole,
                    .bytes = std::min(whole, limit),
                    .reason = reason,
                    .digest = bare || delivery_ ? BodyDigest() : known_digest(reply, &made)});
}

// The same with everything that the delivery changes about it.
void Conn::start_delivery(Reply reply, BodyEnd end, std::string_view reason) {
  Delivery& how = *delivery_;
  ending_ = false;
  const bool bare = head_only_ || !has_content(reply.status);
  if (how.rewrite) how.rewrite(&out_.head(), &reply.body);
  const uint64_t limit = how.in_body && how.bytes != UINT64_MAX ? how.bytes + out_.head().size() : how.bytes;
  plan(reply, bare, reason, limit);
  if (bare) {
    out_.start({});
  } else {
    out_.start(std::move(reply.body), std::move(reply.stream), end == BodyEnd::kChunked);
    if (records_.under_way()) out_.watch(UINT64_MAX);
  }
  out_.limit(limit);
  if (how.ending != Delivery::Ending::kAsUsual) keep_ = false;
  state_ = State::kReply;
  deadline_ = after(plane_.options.progress_timeout);
  if (how.before > LabDuration::zero()) pause(how.before);
}

void Conn::pause(LabDuration time) {
  asleep_ = service_.injector->sleep(time);
  state_ = State::kPaused;
}

Conn::Step Conn::send_reply() {
  const bool sliced = delivery_ && delivery_->slice > 0;
  const uint64_t slice = sliced ? delivery_->slice - sent_ % delivery_->slice : 0;
  const Outbox::Progress progress =
      sliced ? out_.pump(*link_, slice, true) : out_.pump(*link_, out_.is_made() ? kMadeBytes : kTurnBytes);
  sent_ += progress.bytes;
  records_.wrote(progress.bytes);
  if (progress.bytes > 0) deadline_ = after(plane_.options.progress_timeout);
  switch (progress.io) {
    case Io::kOk:
      if (out_.done()) return finish_reply();
      if (sliced && progress.bytes == slice) {
        pause(delivery_->pause);
        return std::nullopt;
      }
      unsent_ = UINT64_MAX;  // it is not the peer that it waits for
      return park(Turn::Next::kOthers);
    case Io::kWantWrite: unsent_ = link_->unsent(); return park(Turn::Next::kWritable);
    case Io::kWantRead: return park(Turn::Next::kReadable);
    case Io::kEnd:
      log().error("reply to " + printable(asked_, kLoggedTarget) + " cut: its content is shorter than promised");
      report(Sent::End::kStopped);
      break;
    case Io::kAgain:
    case Io::kTls:
    case Io::kError: report(Sent::End::kPeerLeft); break;
  }
  return closed();
}

// All that is to leave has left; what the delivery wants at the end comes now.
Conn::Step Conn::finish_delivery() {
  const Delivery& how = *delivery_;
  if (!ending_ && how.before_end > LabDuration::zero()) {
    ending_ = true;
    pause(how.before_end);
    return std::nullopt;
  }
  switch (how.ending) {
    case Delivery::Ending::kAsUsual: report(Sent::End::kWhole); return finish_reply();
    case Delivery::Ending::kFin:
      linger_ = true;
      report(Sent::End::kCut);
      return finish_reply();
    case Delivery::Ending::kRst:
      state_ = State::kDrain;
      drained_by_ = after(plane_.options.progress_timeout);
      return std::nullopt;
    case Delivery::Ending::kStall:
      record_end(Sent::End::kStalled);  // for whoever looks while it lasts
      state_ = State::kStall;
      deadline_ = SteadyTime::max();
      return std::nullopt;
  }
  return std::nullopt;
}

// A reset takes with it what the peer's machine has not got yet: it waits for that. Nothing tells of an
// acknowledgement, so it looks again and again.
Conn::Step Conn::drain() {
  if (link_->unsent() > 0 && !is_leaving()) {
    deadline_ = std::min(after(kDrainLook), drained_by_);
    return park(Turn::Next::kReadable);
  }
  report(Sent::End::kCut);
  link_->reset();
  return closed();
}

// Until the peer leaves. One that was never to be read is not read here either.
Conn::Step Conn::stall(Workspace& space) {
  const bool deaf = opening_ && opening_->kind == Opening::Kind::kNeverRead;
  while (!deaf && !finishing_ && !is_leaving()) {
    const IoResult got = link_->read(space.in);
    if (got.io == Io::kOk) continue;
    if (got.io == Io::kWantRead || got.io == Io::kAgain) return park(Turn::Next::kReadable);
    break;
  }
  if (deaf && !finishing_ && !is_leaving()) return park(Turn::Next::kReadable);
  report(Sent::End::kStalled);
  return closed();
}

// The reply is over; told once.
void Conn::report(Sent::End end) {
  record_end(end);
  if (!delivery_) return;
  const uint64_t open = unsent();
  service_.injector->sent(*delivery_, {.end = end, .bytes = sent_, .acknowledged = sent_ - std::min(sent_, open)});
  delivery_.reset();
}

void Conn::record_end(Sent::End end) {
  if (!records_.under_way()) return;
  // Of a body that is made while it is sent the part that the peer got is not told from the framing around it.
  const bool bodiless = sent_ <= out_.head().size();
  const std::string digest = out_.is_made() || bodiless ? std::string() : out_.digest();
  const bool last = end != Sent::End::kWhole;  // of the others the next request comes first, mostly with the answer
  records_.ended(end, last ? unsent() : UINT64_MAX, now_,
                 {digest.empty() ? BodyDigest::Of::kNothing : BodyDigest::Of::kBody, digest});
}

Turn Conn::gone(Sent::End end) {
  report(end);
  return closed();
}

Conn::Step Conn::finish_reply() {
  if (delivery_) return finish_delivery();
  report(Sent::End::kWhole);
  out_.clear();
  asked_.clear();
  head_started_ = false;
  head_only_ = false;
  http11_ = true;
  searched_ = 0;
  blank_lines_ = 0;
  if (keep_) {
    state_ = State::kHead;
    deadline_ = after(plane_.options.idle_timeout);
    if (--request_budget_ == 0) return park(Turn::Next::kOthers);
    return std::nullopt;
  }
  if (records_.unsettled()) records_.settle(unsent(), now_);
  // Whoever closes now never hears how much arrived.
  if (!linger_ && in_.view().empty() && !records_.unsettled()) return closed();
  link_->end_sending();
  in_ = {};
  state_ = State::kLinger;
  linger_left_ = kLingerBytes;
  deadline_ = after(kLingerTime);
  return std::nullopt;
}

// Closing with bytes unread would send a reset, and the peer would lose a reply that it has not read yet.
Conn::Step Conn::linger(Workspace& space) {
  while (linger_left_ > 0) {
    const IoResult got = link_->read(space.in);
    if (got.io == Io::kWantRead) return park(Turn::Next::kReadable);
    if (got.io == Io::kWantWrite) return park(Turn::Next::kWritable);
    if (got.io == Io::kAgain) return park(Turn::Next::kOthers);
    if (got.io != Io::kOk) break;
    linger_left_ -= std::min<uint64_t>(linger_left_, got.bytes);
  }
  return closed();
}

void Conn::log_refusal(int status, std::string_view reason) const {
  const std::string line = std::to_string(status) + " " + printable(asked_, kLoggedTarget) + " from " +
                           format_host_port(peer_) + ": " + printable(reason, kLoggedTarget);
  log().write(status >= 500 ? LogLevel::kError : LogLevel::kWarning, line);
}

void Conn::log_problem() const {
  if (link_->problem().empty()) return;
  log().warning("TLS with " + format_host_port(peer_) + " failed: " + std::string(link_->problem()));
}

}  // namespace smslab::wire
