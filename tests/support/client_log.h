// What a client wrote into a log, as the seeds print it: without the frame of the records.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <string>

namespace smslab::test {

// The records' texts of a client-form log, one after the other, each ended by a line end.
inline std::string record_texts(const std::string& log) {
  std::string out;
  for (size_t at = 0; at < log.size();) {
    const size_t middle = log.find("]LOG]!>", at), end = log.find("\r\n", middle);
    if (!log.substr(at).starts_with("<![LOG[") || middle == std::string::npos || end == std::string::npos) {
      ADD_FAILURE() << "no record at " << at;
      break;
    }
    out += log.substr(at + 7, middle - at - 7) + "\n";
    at = end + 2;
  }
  return out;
}

// What two runs of the same story have in common: no times, process and thread numbers; GUIDs in braces numbered by
// first appearance, so that equal ones stay equal; runs of blanks as one, none at the ends of a line.
inline std::string without_run(std::string text) {
  const std::pair<const char*, const char*> kRules[] = {
      {"\r", ""},
      {R"-((DateTime = )"[^"]*")-", "$1TIME"},
      {R"(((?:ProcessID|ThreadID) = )\d+)", "$1N"},
      {R"(((?:Start|Completion) time : )\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)", "$1TIME"},
      {R"((Elapsed time : )\d+)", "$1N"},
      {"[ \t]+", " "},
      {"(^|\n) ", "$1"},
      {" (\n|$)", "$1"},
  };
  for (const auto& [pattern, with] : kRules) text = std::regex_replace(text, std::regex(pattern), with);
  static const std::regex kGuid(R"(\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\})");
  std::map<std::string, size_t> seen;
  std::string out;
  size_t from = 0;
  for (std::sregex_iterator at(text.begin(), text.end(), kGuid), end; at != end; ++at) {
    const auto [guid, fresh] = seen.emplace(at->str(), seen.size() + 1);
    out += text.substr(from, static_cast<size_t>(at->position()) - from) + "{" + std::to_string(guid->second) + "}";
    from = static_cast<size_t>(at->position() + at->length());
  }
  return out + text.substr(from);
}

}  // namespace smslab::test
