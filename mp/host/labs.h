// Labs: the labs beside the default one, on the same process: each a site and its DPs with a clock, seed, faults,
// journal, logs and folder of its own, all on the host's one gate.
//
//   Labs labs(host, {.journal = true});
//   options.more = lab_routes(labs);                                  // of the default lab's control API (api_labs.h)
//   mp.nest([&](const auto& path) { return labs.nested(path); });     // /labs/NAME/... is that lab's
//   RETURN_IF_ERROR(labs.recall());                                   // those that were there before
//   ...
//   labs.let_go();  mp.stop();  labs.stop();
//
//   <data>/labs/NAME/lab.json   what it was ordered as, with every address; without it there is no lab
//   <data>/labs/NAME/site, dp, logs, journal   as those of the default lab
//
// lab.json comes last when a lab is made and goes first when it is deleted, so that a crash leaves a lab or a folder
// that the next start removes. A lab whose ports are taken at a start is there with its `problem`, and serves nothing.
// The receiving side of all their DPs is one server, by path. Thread-safe but for recall(), let_go() and stop().
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mp/host/host.h"
#include "mp/host/lab_order.h"
#include "mp/mp.h"
#include "proto/base/mutex.h"
#include "proto/control/server.h"
#include "proto/schema/lab.pb.h"

namespace smslab::host {

struct LabsOptions {
  bool journal = true;
  bool own_certificate = false;
  std::shared_ptr<std::atomic<int>> waiting;  // MpOptions::waiting
};

class Labs {
 public:
  Labs(Host& host, LabsOptions options);
  ~Labs();

  Status recall();
  void set_control(std::string url);  // of the default lab

  // Refused, it leaves nothing. kAlreadyExists: the name is taken; kUnavailable: a port is. What is wrong with the
  // scenario is in `problems`.
  Result<v1::Lab> create(const v1::LabOrder& order, mp::Problems* problems);
  v1::LabList list() const;
  Result<v1::Lab> show(const std::string& name) const;
  // Requests under way are answered, or end after the gate's drain timeout; then everything of it is gone.
  Status remove(const std::string& name);

  // The control API of the lab that a path is for.
  Result<control::Nested> nested(const std::vector<std::string>& path) const;

  void let_go();  // no lab is made any more, and no request to one goes on waiting
  void stop();    // when no request is under way

 private:
  struct Entry;
  using EntryPtr = std::shared_ptr<Entry>;

  Result<EntryPtr> claim(const v1::LabOrder& order);
  Result<EntryPtr> find(const std::string& name) const REQUIRES(mu_);
  Status open(Entry& entry, const LabPlan& plan, mp::Problems* problems);
  void serve(Entry& entry);
  Status keep(Entry& entry);
  void forget(const Entry& entry);
  Status recall(const std::string& name);
  Status open_again(const std::string& name, const std::string& record, const EntryPtr& entry);
  Result<std::string> receive_at(const std::string& name, const std::string& dp);
  Result<control::Nested> receiving(const std::vector<std::string>& path) const;
  v1::Lab told(const Entry& entry) const REQUIRES(mu_);
  std::string folder(const std::string& name) const { return host_.data() + "/labs/" + name; }
  void close(Entry& entry);

  Host& host_;
  const LabsOptions options_;
  mutable Mutex mu_;
  std::map<std::string, EntryPtr> labs_ GUARDED_BY(mu_);
  std::string control_ GUARDED_BY(mu_);
  bool stopping_ GUARDED_BY(mu_) = false;
  std::string receiving_url_ GUARDED_BY(mu_);  // empty: it does not serve yet
  control::ControlServer receiving_;           // of the DPs of all labs
};

}  // namespace smslab::host
