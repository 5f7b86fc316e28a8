// Where something stands in a text.
#pragma once

#include <cstddef>

namespace smslab::codec {

struct Place {
  size_t line = 0, column = 0;  // from 1; columns count characters. 0: unknown

  friend bool operator==(const Place&, const Place&) = default;
};

}  // namespace smslab::codec
