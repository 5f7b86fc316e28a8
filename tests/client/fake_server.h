// FakeServer: a scripted HTTP/1.1 server on loopback, one blocking thread a connection.
//
//   FakeServer server([](const FakeRequest& ask) { return FakeReply{.status = 404}; });
//   server.url();                                     // "http://127.0.0.1:40001"
//
// The handler runs on the connections' threads and decides the reply's bytes, wrong ones included: `cut_after` ends the
// connection after that many bytes of the body. Ends with the object.
#pragma once

#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "proto/base/fd.h"
#include "proto/base/mutex.h"

namespace smslab::testing {

struct FakeRequest {
  std::string method, target, body;
  std::vector<std::pair<std::string, std::string>> fields;

  std::string field(std::string_view name) const;  // any letter case; "" when absent
};

struct FakeReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> fields = {};
  std::string body = {};
  std::optional<std::string> length = {};  // Content-Length as it is sent; "" for none; default: the truth
  std::optional<size_t> cut_after = {};
};

class FakeServer {
 public:
  using Handler = std::function<FakeReply(const FakeRequest&)>;

  explicit FakeServer(Handler handler);
  ~FakeServer();
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  struct Link {
    UniqueFd fd;
    std::thread thread;
  };
  void accept_all();
  void serve(int fd);

  const Handler handler_;
  UniqueFd listener_;
  uint16_t port_ = 0;
  Mutex mu_;
  bool ended_ GUARDED_BY(mu_) = false;
  std::list<Link> links_ GUARDED_BY(mu_);
  std::thread acceptor_;
};

}  // namespace smslab::testing
