// LabClient: the running lab that a verb talks to, over its control API.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "proto/base/status.h"
#include "proto/control/client.h"

namespace smslab::cli {

// Where the lab is: --control URL, else --data DIR (its ready.json), else $SMSLAB_CONTROL, else a lab that serves
// ./smslab-data, else the default address. And which of the labs there: --lab NAME, else $SMSLAB_LAB, else the default
// one.
struct LabFinder {
  std::string control, data, lab;
  std::string token_file;  // else $SMSLAB_TOKEN holds the token itself; both empty: the lab needs none

  Result<std::string> control_url() const;  // of that lab
  Result<std::string> data_folder() const;  // of that lab, for what needs none that runs
  Result<std::string> token() const;
  LabFinder of_all() const;  // the default lab's, where the labs are listed

 private:
  Result<std::string> server_url() const;
  Result<std::string> path() const;  // "/labs/NAME", of the default lab ""
};

class LabClient {
 public:
  static Result<LabClient> find(const LabFinder& finder);

  // One API call; `request` and `reply` may be null. `errors`: of a reply that lists several. An unreachable lab says
  // how to start one.
  Status call(const std::string& method, const std::string& target, const google::protobuf::Message* request,
              google::protobuf::Message* reply, std::vector<Status>* errors = nullptr);

 private:
  LabClient(std::string url, std::string token);

  std::string url_;
  control::HttpClient http_;
};

}  // namespace smslab::cli
