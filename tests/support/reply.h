// What a handler's reply would say on the wire: all its fields, all its bytes.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "proto/base/text.h"
#include "proto/wire/reply_head.h"

namespace smslab::test {

// Without those that are the server's.
inline wire::Fields all_fields(const wire::Reply& reply) {
  std::string head;
  wire::write_reply_head(reply, "", "", wire::BodyEnd::kClose, &head);
  wire::Fields fields;
  for (const std::string_view line : split(head, '\n')) {
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos || line.starts_with("Date:")) continue;
    fields.emplace_back(line.substr(0, colon), trim(line.substr(colon + 2)));
  }
  return fields;
}

inline std::string all_bytes(const wire::Reply& reply) {
  auto bytes = reply.body.read_all();
  EXPECT_TRUE(bytes.ok()) << bytes.status().to_string();
  if (!bytes.ok()) return {};
  while (reply.stream) {
    auto next = reply.stream->next();
    EXPECT_TRUE(next.ok()) << next.status().to_string();
    if (!next.ok() || next->empty()) break;
    *bytes += *next;
  }
  return *std::move(bytes);
}

}  // namespace smslab::test
