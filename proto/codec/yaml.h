// YAML files of people: a message with the place of everything in it, and every error at once.
//
//   YamlFile file = read_yaml(text, &scenario);
//   for (const auto& error : file.errors) print(error.place.line, error.place.column, error.what);
//   file.place_of("packages[2].source");              // of the value, for whoever finds fault with it later
//   std::string text = to_yaml(scenario);             // what from_yaml and read_yaml read back, equal
//
// The same strict reading as from_yaml (json.h), which stops at its first error; this one goes on behind a wrong value
// or an unknown key. Where the text is no YAML there is one error, and nothing else.
#pragma once

#include <google/protobuf/message.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codec/json.h"
#include "proto/codec/place.h"

namespace smslab::codec {

struct YamlFile {
  struct Error {
    Place place;
    std::string path;  // "packages[2].source"
    std::string what;
  };
  std::vector<Error> errors;            // in the order of the text
  std::map<std::string, Place> places;  // by path, in lowerCamelCase

  // Of the value at `path`, or of the nearest one around it.
  Place place_of(std::string path) const;
};

// `message` holds what could be read.
YamlFile read_yaml(std::string_view text, google::protobuf::Message* message, const ReadLimits& limits = {});

// Fields that are set and not their default, in the order of their numbers; times in UTC.
std::string to_yaml(const google::protobuf::Message& message);

}  // namespace smslab::codec
