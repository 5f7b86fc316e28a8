// Progress: while an import runs, how far it is, on standard error when that is a terminal.
//
//   const Progress progress(finder, "LON00001");   // its own connection; ends with the scope
//   lab.call("POST", ...);
#pragma once

#include <string>
#include <thread>

#include "mp/cli/lab_client.h"
#include "proto/base/mutex.h"

namespace smslab::cli {

class Progress {
 public:
  Progress(const LabFinder& finder, std::string package);
  ~Progress();

 private:
  void run(const LabFinder& finder);

  const std::string package_;
  Mutex mu_;
  CondVar ended_;
  bool end_ GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace smslab::cli
