// How a request's target finds its row in the table of routes. Pure; server.cc is its one user.
//
// A pattern is literal segments and {name} segments, which stand for exactly one segment that is not empty. Segments
// are split before they are percent-decoded, so a name may hold a blank, or a '/' written as %2F.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/status.h"

namespace smslab::control {

struct Target {
  std::vector<std::string> segments;         // decoded; "/" is one empty segment
  std::map<std::string, std::string> query;  // decoded; '+' is a blank
};
// kInvalidArgument for a broken escape, text that is not UTF-8, or a query key given twice.
Result<Target> parse_target(std::string_view target);

class RoutePattern {
 public:
  explicit RoutePattern(std::string_view pattern);
  // True when it fits; `params` then holds the {name} segments.
  bool match(const std::vector<std::string>& segments, std::map<std::string, std::string>* params) const;

 private:
  struct Segment {
    std::string text;  // literal, or name of the parameter
    bool parameter = false;
  };
  std::vector<Segment> segments_;
};

}  // namespace smslab::control
