// Scenario files: whatever the text is, every error has a place in it; one without errors says the same once it has
// been written and read again.
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

#include "proto/codec/yaml.h"
#include "proto/schema/scenario.pb.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab;
  const std::string_view text = fuzz::Input(data, size).rest();
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 2;
  v1::Scenario scenario;
  const codec::YamlFile file = codec::read_yaml(text, &scenario);
  for (const auto& error : file.errors) {
    MUST(!error.what.empty());
    MUST(static_cast<size_t>(error.place.line) <= lines + text.size());  // \r and others end lines too
  }
  (void)file.place_of("packages[2].source");
  if (!file.errors.empty()) return 0;
  v1::Scenario again;
  MUST(codec::read_yaml(codec::to_yaml(scenario), &again).errors.empty());
  MUST(google::protobuf::util::MessageDifferencer::Equals(scenario, again));
  return 0;
}
