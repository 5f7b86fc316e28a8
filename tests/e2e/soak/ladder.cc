#include "tests/e2e/soak/ladder.h"

namespace smslab::test::soak {
namespace {
constexpr uint32_t kNalPath = 404;  // attribute

// ["Display=\\NAME\"]MSWNET:["SMS_SITE=LON"]\\NAME\ .
std::string dp_of(const std::string& nal) {
  const size_t end = nal.size() - 1, begin = nal.rfind('\\', end - 1) + 1;
  return nal.substr(begin, end - begin);
}
}  // namespace

Ladders ladders_of(const v1::StatusMessageList& list) {
  Ladders all;
  for (const auto& message : list.status_messages()) {
    if (!message.client().empty()) continue;
    const auto nal = message.attributes().find(kNalPath);
    std::string& line = all[nal == message.attributes().end() ? "" : dp_of(nal->second)];
    line += (line.empty() ? "" : " ") + std::to_string(message.message_id());
  }
  return all;
}

std::string to_string(const Ladders& ladders) {
  std::string text;
  for (const auto& [dp, line] : ladders) text += (dp.empty() ? "the package" : dp) + ": " + line + "\n";
  return text;
}

Ladders ladders(const std::string& whole, const std::vector<std::string>& dps, const std::string& each) {
  Ladders all;
  if (!whole.empty()) all[""] = whole;
  for (const auto& dp : dps) all[dp] = each;
  return all;
}

}  // namespace smslab::test::soak
