// A connection of the client plane, on a network and a peer of the fuzzer's making: bytes come in any pieces, the
// socket takes as few as it likes, the peer stops, ends or breaks off anywhere, time runs out, the gate stops.
//
// Every request that came whole gets exactly one reply, in order and unmixed, as long as nothing was broken off; what
// is refused is answered and nothing follows; no event is waited for that will not come; and it always ends.
#include "proto/wire/conn.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cstring>
#include <deque>

#include "proto/base/text.h"
#include "proto/wire/grammar.h"
#include "proto/wire/request.h"
#include "tests/fuzz/fuzz.h"

namespace smslab::wire {
namespace {
using fuzz::Input;

constexpr ChunkedLimits kChunked{.body_bytes = 600};
constexpr GateOptions kOptions{.head = {.bytes = 400, .fields = 12, .target_bytes = 100}, .body_bytes = 600};

class StandingClock final : public Clock {
 public:
  LabTime now() const override { return {}; }
  SteadyTime steady() const override { return steady_; }
  void move_to(SteadyTime time) { steady_ = std::max(steady_, time); }

 private:
  SteadyTime steady_{};
};

// ---- the network, as its socket shows it -----------------------------------------------------------------------

struct Network {
  std::string_view to_come;  // of what the peer sends
  std::string arrived;
  size_t read = 0;
  bool ended = false, broken = false;
  uint32_t news = 0;  // events since the connection was told

  std::string sent;  // by the server
  uint64_t room = UINT64_MAX;
  bool sending_ended = false, closed = false;

  void arrive(size_t bytes) {
    const size_t before = arrived.size();
    arrived += to_come.substr(0, bytes);
    to_come.remove_prefix(arrived.size() - before);
    if (arrived.size() > before) news |= EPOLLIN;
  }
  void end() {
    if (!ended) news |= EPOLLIN | EPOLLRDHUP;
    ended = true;
  }
  void break_off() {
    broken = true;
    news |= EPOLLIN | EPOLLHUP | EPOLLERR;
  }
  bool readable() const { return read < arrived.size() || ended || broken; }
  // Everything that holds, as an event tells that was asked for anew.
  uint32_t readiness() const {
    return (room > 0 ? EPOLLOUT : 0) | (readable() ? EPOLLIN : 0) | (ended ? EPOLLRDHUP : 0) |
           (broken ? EPOLLHUP | EPOLLERR : 0);
  }
};

class FakeLink final : public Link {
 public:
  explicit FakeLink(Network& network) : network_(network) {}
  ~FakeLink() override { network_.closed = true; }

  int fd() const override { return -1; }
  UniqueFd release() override { return {}; }

  IoResult read(std::span<char> buffer) override {
    if (network_.broken) return {Io::kError};
    const size_t bytes = std::min(buffer.size(), network_.arrived.size() - network_.read);
    if (bytes == 0) return {network_.ended ? Io::kEnd : Io::kWantRead};
    if (network_.read == 0 && network_.arrived[0] == 0x16) return {Io::kTls};
    network_.arrived.copy(buffer.data(), bytes, network_.read);
    network_.read += bytes;
    return {Io::kOk, bytes, bytes < buffer.size()};
  }

  IoResult write(std::span<const iovec> parts, bool) override {
    if (network_.broken) return {Io::kError};
    MUST(!network_.sending_ended);
    size_t bytes = 0;
    for (const iovec& part : parts) {
      const auto taken = static_cast<size_t>(std::min<uint64_t>(part.iov_len, network_.room));
      network_.sent.append(static_cast<const char*>(part.iov_base), taken);
      network_.room -= taken;
      bytes += taken;
    }
    return bytes > 0 ? IoResult{Io::kOk, bytes} : IoResult{Io::kWantWrite};
  }

  IoResult send_file(const ReadableFile& file, uint64_t offset, uint64_t size) override {
    char buffer[100];
    const auto got = file.pread(offset, {buffer, static_cast<size_t>(std::min<uint64_t>(size, sizeof buffer))});
    if (!got.ok() || *got == 0) return {Io::kEnd};
    const iovec part{buffer, *got};
    return write({&part, 1}, false);
  }

  void end_sending() override { network_.sending_ended = true; }
  void reset() override { network_.sending_ended = true; }

 private:
  Network& network_;
};

// ---- handlers: each reply says which request it answers, in one of the forms that replies have ----------------------

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

class TextSource final : public BodySource {
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

std::string answer_to(size_t number, const Asked& asked) {
  return "<" + std::to_string(number) + " " + asked.method + " " + asked.path + " " + asked.body + ">";
}

struct Site {
  std::vector<Asked> handled;
  Router router;

  Site() {
    const auto add = [this](const char* path, auto give) {
      router.add({"GET", "HEAD", "POST"}, path, [this, give](const Request& request) -> Result<Reply> {
        handled.push_back({request.method, request.path, request.body});
        Reply reply;
        give(answer_to(handled.size(), handled.back()), &reply);
        return reply;
      });
    };
    add("/bytes*", [](std::string text, Reply* reply) { reply->body = Body(std::move(text)); });
    add("/none", [](const std::string&, Reply* reply) { reply->status = 204; });
    add("/file*", [](const std::string& text, Reply* reply) {
      const size_t third = text.size() / 3;
      reply->body.append(text.substr(0, third));
      reply->body.append(std::make_shared<TextFile>(text), third, third);
      reply->body.append(text.substr(2 * third));
    });
    add("/later*", [](std::string text, Reply* reply) {
      reply->body = Body(std::move(text));
      reply->after = std::make_shared<Completion>();
    });
    add("/stream*", [](const std::string& text, Reply* reply) {
      reply->body.append(text.substr(0, 3));
      reply->stream = std::make_shared<TextSource>(text.substr(3), false);
    });
    add("/short*", [](std::string text, Reply* reply) {
      const uint64_t size = text.size();
      reply->body.append(std::make_shared<TextFile>(std::move(text)), 0, size + 1);
    });
    add("/dry*",
        [](const std::string& text, Reply* reply) { reply->stream = std::make_shared<TextSource>(text, true); });
  }
};

// ---- what ought to come out: the requests that came, read one after the other without a connection -----------------

struct Expected {
  Asked asked;
  bool parsed = true;  // else refused with `status`, or still to come (0), and the last
  int status = 0;
  bool http11 = true, keep = true, may_continue = false;
};

std::deque<Expected> expected_of(std::string_view bytes) {
  std::deque<Expected> all;
  const auto refused = [&](int status, const Head& head) {
    all.push_back({.asked = {.method = head.method, .path = {}, .body = {}},
                   .parsed = false,
                   .status = status,
                   .may_continue = head.expect_continue});
  };
  bool keep = true;
  while (keep) {
    size_t blank_lines = 0;
    for (; bytes.starts_with("\r\n") && blank_lines <= 16; blank_lines++) bytes.remove_prefix(2);
    if (blank_lines > 16) {
      refused(400, {});
      break;
    }
    if (bytes.empty() || bytes == "\r") break;
    if (!is_token_char(bytes.front())) {
      refused(400, {});
      break;
    }
    const size_t end = head_end(bytes, 0);
    if (end == 0 && bytes.size() <= kOptions.head.bytes) break;
    Head head;
    const Refusal refusal = parse_head(bytes.substr(0, end != 0 ? end : bytes.size()), kOptions.head, &head);
    if (refusal.status != 0 || head.length > kOptions.body_bytes) {
      refused(refusal.status != 0 ? refusal.status : 413, head);
      break;
    }
    bytes.remove_prefix(end);
    Expected one{.asked = {.method = head.method, .path = {}, .body = {}}, .http11 = head.http11};
    if (head.framing == Framing::kChunked) {
      ChunkedBody chunked(kChunked);
      bytes.remove_prefix(chunked.take(bytes, &one.asked.body));
      if (chunked.refuse() != 0) {
        refused(chunked.refuse(), head);
        break;
      }
      if (!chunked.done()) {
        if (head.expect_continue) refused(0, head);
        break;
      }
    } else {
      if (bytes.size() < head.length) {
        if (head.expect_continue) refused(0, head);
        break;
      }
      one.asked.body = bytes.substr(0, head.length);
      bytes.remove_prefix(head.length);
    }
    one.keep = keep = head.keep_alive;
    one.may_continue = head.expect_continue;
    Request request;
    if (make_request(&head, &request).ok()) {
      one.asked.path = request.path;
    } else {
      one.status = 400;
    }
    all.push_back(std::move(one));
  }
  return all;
}

// ---- what did come out ---------------------------------------------------------------------------------------------

struct Answer {
  int status = 0;
  bool close = false;
  bool whole = false;
  std::string body;
};

// The next reply off the front of `sent`; status 0 when its head is not whole.
Answer take_answer(std::string_view* sent, bool to_head) {
  Answer answer;
  const size_t end = sent->find("\r\n\r\n");
  if (end == std::string_view::npos) return answer;
  MUST(sent->starts_with("HTTP/1.1 "));
  const auto lines = split(sent->substr(0, end), '\n');
  sent->remove_prefix(end + 4);
  answer.status = static_cast<int>(*parse_u64(lines[0].substr(9, 3)));
  std::optional<uint64_t> length;
  bool chunked = false;
  for (std::string_view line : lines) {
    line = trim(line);
    if (line == "Connection: close") answer.close = true;
    if (line == "Transfer-Encoding: chunked") chunked = true;
    if (line.starts_with("Content-Length: ")) length = parse_u64(line.substr(16));
  }
  MUST(!(length && chunked));
  if (to_head || answer.status < 200 || answer.status == 204) {
    answer.whole = true;
  } else if (chunked) {
    ChunkedBody body({});
    sent->remove_prefix(body.take(*sent, &answer.body));
    MUST(body.refuse() == 0);
    answer.whole = body.done();
  } else {
    MUST(length || answer.close);
    answer.body = sent->substr(0, length.value_or(sent->size()));
    sent->remove_prefix(answer.body.size());
    answer.whole = !length || answer.body.size() == *length;
  }
  return answer;
}

struct Story {
  bool cut = false;         // something was broken off, or the gate stopped: replies may be missing at the end
  bool timed_out = false;   // the last reply may be a 408
  std::vector<bool> later;  // how each Completion went
};

void must_answer(const Expected& one, const Answer& answer, Site& site, size_t* number, Story& story, size_t* waited) {
  if (!one.parsed || one.status != 0) {
    MUST(answer.status == one.status);
    return;
  }
  const auto starts = [&](std::string_view path) { return istarts_with(one.asked.path, path); };
  const bool taken = one.asked.method == "GET" || one.asked.method == "HEAD" || one.asked.method == "POST";
  const bool ours = starts("/bytes") || starts("/file") || starts("/later") || starts("/stream") || starts("/short") ||
                    starts("/dry") || iequals(one.asked.path, "/none");
  if (!taken || !ours) {
    MUST(answer.status == 404 || answer.status == 405 || answer.status == 501 || one.asked.method == "OPTIONS");
    return;
  }
  MUST(*number < site.handled.size() && site.handled[*number] == one.asked);
  const std::string text = answer_to(++*number, one.asked);
  if (starts("/later") && !story.later.at((*waited)++)) {
    MUST(answer.status == 503);
    return;
  }
  MUST(answer.status == (iequals(one.asked.path, "/none") ? 204 : 200));
  const bool bodiless = one.asked.method == "HEAD" || answer.status == 204;
  if (answer.whole) MUST(answer.body == (bodiless ? "" : text));
  if (!answer.whole) MUST(text.starts_with(answer.body));
  const bool by_nature = (starts("/short") || starts("/dry")) && one.asked.method != "HEAD";
  if (by_nature) story.cut = true;  // the handler's promise was broken, not ours
}

// A reply that ends too early, or is not there: only after something was broken off.
void must_be_the_end(std::string_view sent, const Story& story) { MUST(sent.empty() && story.cut); }

void must_be_right(const Network& network, Site& site, Story story) {
  std::string_view sent = network.sent;
  size_t number = 0, waited = 0;
  bool closing = false;
  for (const Expected& one : expected_of(network.arrived)) {
    const bool to_head = one.asked.method == "HEAD";
    Answer answer = take_answer(&sent, to_head);
    if (answer.status == 100 && one.may_continue) answer = take_answer(&sent, to_head);
    if (answer.status == 0) {
      const bool still_to_come = !one.parsed && one.status == 0;
      if (still_to_come && sent.empty()) break;
      MUST(story.cut);
      return;
    }
    closing = answer.close;
    if (story.timed_out && answer.status == 408 && closing) {
      // Whether it was a HEAD, the server may not have known yet.
      if (to_head && sent == "the request did not arrive in time\n") sent = {};
      break;
    }
    must_answer(one, answer, site, &number, story, &waited);
    if (!answer.whole) return must_be_the_end(sent, story);
    MUST(closing || (one.keep && one.parsed));
    if (closing) break;
  }
  if (!sent.empty()) {  // what had begun to come did not come in time
    MUST(story.timed_out && !closing);
    const Answer last = take_answer(&sent, false);
    MUST((last.status == 408 && last.close) || last.status == 0);
  }
  MUST(number == site.handled.size() || story.cut);  // none was handled and not answered
}

// ---- the lot's part, by the fuzzer's choice ------------------------------------------------------------------------

class Driver {
 public:
  Driver(std::string_view text, Input choices) : choices_(choices) {
    network_.to_come = text;
    if (choices_.number(1) == 1) network_.room = choices_.number(255);
  }

  void run() {
    Conn conn(plane_, site_.router, nullptr, std::make_unique<FakeLink>(network_), {"10.0.0.1", 1}, {"10.0.0.2", 80});
    Turn turn = conn.first();
    for (int turns = 0; turn.next != Turn::Next::kClose; turns++) {
      MUST(turns < 20'000);
      if (turn.after) waiting_ = turn.after;
      const bool timed = turn.next == Turn::Next::kReadable || turn.next == Turn::Next::kWritable;
      MUST(turn.until != SteadyTime::max() || !timed);
      // Nothing is there that no event will tell of.
      MUST(turn.next != Turn::Next::kReadable || network_.news != 0 || !network_.readable());
      turn = step(conn, turn);
      poison();
    }
  }
  void must_have_been_right() {
    MUST(!network_.broken || story_.cut);
    must_be_right(network_, site_, story_);
  }

 private:
  enum Choice : uint64_t { kMost = 200, kNothing, kLate, kBreak, kEnd, kStop, kLast = kStop };

  // What happens next on the network; whatever is left to happen, once the choices are used up.
  Turn step(Conn& conn, const Turn& turn) {
    const uint64_t choice = choices_.number(kLast);
    const bool sends = turn.next == Turn::Next::kWritable;
    switch (choice) {
      case kNothing: return tell(conn);
      case kLate:
        if (turn.until == SteadyTime::max()) break;
        clock_.move_to(turn.until);
        story_.timed_out = story_.cut = true;
        return conn.expire(space());
      case kBreak:
        story_.cut = true;
        network_.break_off();
        return tell(conn);
      case kEnd:
        network_.to_come = {};
        network_.end();
        return tell(conn);
      case kStop:
        story_.cut = true;
        plane_.stopping = true;
        return conn.advance(space(), 0);
      default: break;
    }
    if (choices_.empty() || choice == 0) {
      if (!sends) deliver();
      network_.room = UINT64_MAX;
    } else if (sends) {
      network_.room += std::min(choice, UINT64_MAX - network_.room);
    } else {
      network_.arrive(choice);
    }
    if (turn.next == Turn::Next::kAfter && (choices_.empty() || choice % 2 == 0)) return finish(conn, choice);
    const bool must_yield = turn.next == Turn::Next::kOthers;
    if (must_yield || (sends && network_.room > 0)) network_.news |= network_.readiness();
    return tell(conn);
  }

  void deliver() {
    if (network_.to_come.empty()) {
      network_.end();
    } else {
      network_.arrive(network_.to_come.size());
    }
  }

  // As the lot does: an outcome comes with all that is ready, in one.
  Turn finish(Conn& conn, uint64_t choice) {
    MUST(waiting_ != nullptr);
    const bool good = choice % 4 == 0;
    story_.later.push_back(good);
    const Status outcome = good ? ok_status() : Status(Code::kUnavailable, "no");
    std::exchange(waiting_, nullptr)->finish(outcome);
    network_.news |= network_.readiness();
    return conn.resume(space(), std::exchange(network_.news, 0), outcome);
  }

  Turn tell(Conn& conn) { return conn.advance(space(), std::exchange(network_.news, 0)); }

  // Another worker's turn each time, and what a worker lent is gone afterwards.
  Workspace& space() { return *spaces_[turn_++ % 2]; }
  void poison() {
    for (const auto& space : spaces_) {
      std::memset(space->in.data(), '!', network_.arrived.size() + 1);
      space->head.method = space->head.target = space->request.method = space->request.path = "poison";
      space->head.fields = {{"Content-Length", "7"}};
      space->head.length = 7;
    }
  }

  Input choices_;
  StandingClock clock_;
  Plane plane_{kOptions, clock_, Log(null_log(), LogForm::kConsole, clock_, "fuzz")};
  Site site_;
  Network network_;
  Story story_;
  CompletionPtr waiting_;
  size_t turn_ = 0;
  std::unique_ptr<Workspace> spaces_[2] = {std::make_unique<Workspace>(), std::make_unique<Workspace>()};
};
}  // namespace
}  // namespace smslab::wire

// What the peer sends, then what happens, then how many bytes say what happens.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  smslab::fuzz::Input input(data, size);
  const size_t choices = std::min<size_t>(input.number(255), size - (size > 0 ? 1 : 0));
  const std::string_view text = input.take(size - choices - (size > 0 ? 1 : 0));
  smslab::wire::Driver driver(text, input);
  driver.run();
  driver.must_have_been_right();
  return 0;
}
