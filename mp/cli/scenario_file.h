// A scenario as a file: read with its errors' places, its relative sources made absolute.
//
//   ScenarioFile file;
//   RETURN_IF_ERROR(file.read("scenarios/seed-a.yaml"));         // every error told on standard error
//   if (!status.ok()) return file.tell(problems);                // what the site finds wrong, in the file's places
#pragma once

#include <string>
#include <vector>

#include "proto/base/status.h"
#include "proto/codec/yaml.h"
#include "proto/schema/scenario.pb.h"

namespace smslab::cli {

class ScenarioFile {
 public:
  // YAML (JSON is YAML too). Sources are relative to the file's folder.
  Status read(const std::string& path);
  const v1::Scenario& scenario() const { return scenario_; }

  // One line an error on standard error, FILE:LINE:COLUMN: MESSAGE, in the file's order; the status that sums them up.
  Status tell(const std::vector<Status>& problems) const;

 private:
  Status sum_up(size_t errors) const;

  std::string path_;
  v1::Scenario scenario_;
  codec::YamlFile file_;
};

}  // namespace smslab::cli
