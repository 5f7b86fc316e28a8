// A scenario as a file: read with its errors' places, its relative sources made absolute.
//
//   ScenarioFile file;
//   RETURN_IF_ERROR(file.read("scenarios/seed-a.yaml"));                  // only what cannot be read at all
//   if (!file.well_formed()) return file.tell(problems, "...");           // with what is wrong in its form
//   if (!status.ok()) return file.tell(problems, "; nothing was changed");
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/base/status.h"
#include "proto/codec/yaml.h"
#include "proto/schema/scenario.pb.h"

namespace smslab::cli {

class ScenarioFile {
 public:
  // YAML (JSON is YAML too). Sources are relative to the file's folder. What is wrong in the file's form is kept for
  // tell().
  Status read(const std::string& path);
  bool well_formed() const { return file_.errors.empty(); }
  const v1::Scenario& scenario() const { return scenario_; }  // what could be read

  // One line an error on standard error, FILE:LINE:COLUMN: MESSAGE, in the file's order: those of its form, and
  // `problems`, each field once, but for what may only follow from the former. The status that sums them up.
  Status tell(const std::vector<Status>& problems, std::string_view and_so) const;

 private:
  bool may_follow_from_form(const Status& problem) const;

  std::string path_;
  v1::Scenario scenario_;
  codec::YamlFile file_;
};

}  // namespace smslab::cli
