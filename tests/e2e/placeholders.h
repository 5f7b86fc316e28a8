// Placeholders: the text of a code span in docs/http.md -> bytes. docs/http.md says which there are.
//
//   Placeholders words(files, {{"host DP", "127.0.0.1:8081"}, {"origin DP", "http://127.0.0.1:8081"}, ...});
//   Result<std::string> bytes = words.fill("{pkg}/digits.txt\\r\\n", "DP");
//
// An unknown placeholder is an error. Constant after construction.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/base/status.h"

namespace smslab::test {

class Placeholders {
 public:
  // `files`: name -> content; the first one is what {etag} without a name is about. `words`: what else stands for
  // what; "host DP" is {host} where the role is DP.
  Placeholders(std::vector<std::pair<std::string, std::string>> files, std::map<std::string, std::string> words);

  Result<std::string> fill(std::string_view text, const std::string& role) const;

 private:
  Result<std::string> value(const std::string& name, const std::string& role) const;
  Result<std::string> of_file(const std::string& what, const std::string& name) const;

  const std::vector<std::pair<std::string, std::string>> files_;
  const std::map<std::string, std::string> words_;
};

}  // namespace smslab::test
