#include "proto/control/front.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <new>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "proto/base/mutex.h"
#include "proto/base/text.h"
#include "proto/control/threads.h"
#include "proto/wire/listener.h"

namespace smslab::control {
namespace {
constexpr std::chrono::seconds kGoodbye{1};  // in which a peer that was refused may still be sending
constexpr size_t kReadAtOnce = size_t{16} << 10;

// What httplib is to see: what was understood, and nothing that it would read in a way of its own. Parts of what is
// made here are no use, so nobody gets any.
std::string written(const wire::Head& head) {
  std::string text = head.method + " " + head.target + (head.http11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
  for (const auto& [name, value] : head.fields) {
    if (iequals(name, "Range") || iequals(name, "If-Range")) continue;
    text.append(name).append(": ").append(value).append("\r\n");
  }
  return text + "\r\n";
}

struct Parked {
  Incoming connection;
  SteadyTime deadline;
  bool refused = false;  // only what it still sends is read away
  size_t searched = 0;   // without finding the end of a head
  size_t whole = 0;      // bytes of head and body, where the head is there
};

struct Answered {
  Incoming connection;
  bool again = false;  // it can have another request
};
}  // namespace

class Front::Impl {
 public:
  Impl(const FrontOptions& options, const Clock& clock, Handlers handlers)
      : options_(options), clock_(clock), handlers_(std::move(handlers)), threads_(options.threads) {}
  ~Impl() { stop(); }

  Result<HostPort> start(const HostPort& at) {
    ASSIGN_OR_RETURN(listener_, wire::Listener::open(at));
    wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_) return from_errno(errno, "eventfd");
    door_ = std::thread([this] { watch(); });
    return listener_->bound();
  }

 private:
  void stop() {
    if (!door_.joinable()) return;
    stopping_ = true;
    wake();
    door_.join();
    listener_->close_door();
    const MutexLock lock(mu_);
    for (const int fd : served_) ::shutdown(fd, SHUT_RD);
  }

  void wake() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(wake_.get(), &one, sizeof one);
  }

  // ---- the door's thread
  void watch() {
    std::vector<pollfd> watched;
    while (!stopping_) {
      take_back();
      watched.assign({{wake_.get(), POLLIN, 0}, {listener_->fd(), POLLIN, 0}});
      for (const Parked& one : parked_) watched.push_back({one.connection.fd.get(), POLLIN, 0});
      if (::poll(watched.data(), watched.size(), wait_ms()) < 0) continue;
      const SteadyTime now = clock_.steady();
      std::vector<Parked> all;
      all.swap(parked_);
      for (size_t n = 0; n < all.size(); n++) {
        Parked& one = all[n];
        if (watched[n + 2].revents != 0) {
          try {
            hear(std::move(one));
          } catch (const std::bad_alloc&) {  // this one is closed; with memory again, others are served
          }
        } else if (one.deadline > now) {
          parked_.push_back(std::move(one));
        }  // else it is closed here
      }
      if (watched[1].revents != 0) accept_some();
    }
    parked_.clear();
  }

  int wait_ms() const {
    if (parked_.empty()) return -1;
    const auto soonest = std::ranges::min_element(parked_, {}, &Parked::deadline)->deadline;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(soonest - clock_.steady());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
  }

  void accept_some() {
    while (true) {
      auto accepted = listener_->accept();
      if (!accepted.ok() || !*accepted) return;  // without a descriptor it has been closed
      if (parked_.size() >= options_.connections)
        parked_.erase(std::ranges::min_element(parked_, {}, &Parked::deadline));
      wire::Accepted& one = **accepted;
      parked_.push_back({{std::move(one.fd), std::move(one.peer), std::move(one.local), {}}, clock_.steady() + kStall});
    }
  }

  // Connections whose request has been answered.
  void take_back() {
    uint64_t times = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &times, sizeof times);
    std::vector<Answered> back;
    {
      const MutexLock lock(mu_);
      back.swap(back_);
    }
    for (Answered& one : back) {
      const bool more = !one.connection.in.empty();  // of the next request
      if (one.again) {
        look({std::move(one.connection), clock_.steady() + (more ? kStall : options_.idle)});
      } else {
        say_goodbye({std::move(one.connection), {}});
      }
    }
  }

  // Something has come, or the peer has gone.
  void hear(Parked one) {
    char buffer[kReadAtOnce];
    const ssize_t got = ::recv(one.connection.fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      parked_.push_back(std::move(one));
    } else if (got > 0 && one.refused) {
      parked_.push_back(std::move(one));
    } else if (got > 0) {
      if (one.connection.in.empty()) one.deadline = clock_.steady() + kStall;
      one.connection.in.append(buffer, static_cast<size_t>(got));
      look(std::move(one));
    }
  }

  // Goes to a thread when it is whole, away when it is refused, and waits on otherwise.
  void look(Parked one) {
    std::string& in = one.connection.in;
    if (in.size() < one.whole) return parked_.push_back(std::move(one));
    const size_t end = wire::head_end(in, one.searched);
    if (end == 0 && in.size() <= options_.limits.bytes) {
      one.searched = in.size();
      return parked_.push_back(std::move(one));
    }
    wire::Head head;
    wire::Refusal refusal =
        wire::parse_head(end == 0 ? std::string_view(in) : std::string_view(in).substr(0, end), options_.limits, &head);
    const auto too_long = [&](const wire::Field& field) {
      return field.first.size() + field.second.size() > options_.field_bytes;
    };
    if (refusal.status == 0 && std::ranges::any_of(head.fields, too_long)) refusal = {431, "a field is too long"};
    if (refusal.status != 0) return refuse(std::move(one), head, refusal);

    const bool sized = head.framing == wire::Framing::kLength;
    const bool ahead = sized && head.length <= options_.ahead && !head.expect_continue;
    if (ahead && in.size() < end + head.length) {
      one.whole = end + head.length;
      return parked_.push_back(std::move(one));
    }
    const bool whole = head.framing == wire::Framing::kNone || (sized && in.size() - end >= head.length);
    in.replace(0, end, written(head));
    auto shared = std::make_shared<Incoming>(std::move(one.connection));
    threads_.run([this, shared] { serve(*shared); }, whole ? Threads::Weight::kShort : Threads::Weight::kLong);
  }

  void refuse(Parked one, const wire::Head& head, const wire::Refusal& why) {
    const std::string reply = handlers_.refuse(head, why);
    const int fd = one.connection.fd.get();
    // It fits into an empty socket's buffer; who has filled that does not read it.
    [[maybe_unused]] const ssize_t put = ::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    say_goodbye(std::move(one));
  }

  // A peer that is still sending would not see the reply if its bytes met a closed socket.
  void say_goodbye(Parked one) {
    ::shutdown(one.connection.fd.get(), SHUT_WR);
    one.refused = true;
    one.connection.in.clear();
    one.deadline = clock_.steady() + kGoodbye;
    parked_.push_back(std::move(one));
  }

  // ---- a request's thread
  void serve(Incoming& connection) {
    const int fd = connection.fd.get();
    {
      const MutexLock lock(mu_);
      served_.insert(fd);
      if (stopping_) ::shutdown(fd, SHUT_RD);
    }
    const bool again = handlers_.serve(connection);
    const MutexLock lock(mu_);
    served_.erase(fd);
    if (stopping_) return connection.fd.reset();
    back_.push_back({std::move(connection), again});
    wake();
  }

  const FrontOptions& options_;
  const Clock& clock_;
  const Handlers handlers_;
  std::unique_ptr<wire::Listener> listener_;
  UniqueFd wake_;
  std::atomic<bool> stopping_ = false;
  std::vector<Parked> parked_;  // the door's thread's
  Mutex mu_;
  std::set<int> served_ GUARDED_BY(mu_);
  std::vector<Answered> back_ GUARDED_BY(mu_);
  std::thread door_;
  Threads threads_;  // ends first
};

Front::Front(FrontOptions options, const Clock& clock) : options_(options), clock_(clock) {}
Front::~Front() { stop(); }

Result<HostPort> Front::start(const HostPort& at, Handlers handlers) {
  auto impl = std::make_unique<Impl>(options_, clock_, std::move(handlers));
  ASSIGN_OR_RETURN(HostPort bound, impl->start(at));
  impl_ = std::move(impl);
  return bound;
}

void Front::stop() { impl_.reset(); }

}  // namespace smslab::control
