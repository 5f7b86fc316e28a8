// The two MIME parts of a CCM_POST body (facts: protocol 3.1, 3.2, 3.6).
//
//   ASSIGN_OR_RETURN(Parts parts, read_parts(content_type, body, header_limit));
//   Multipart out = write_parts(msg_utf16, payload, "\r\n");
//
// Reading takes any boundary, quoted or not, ignores every part header and text before the first and after the last
// boundary, and accepts bare LF line ends. A missing boundary, a part without its blank line, fewer than two parts, or
// no closing boundary is kInvalidArgument. Views point into `body`. Pure functions.
#pragma once

#include <string_view>

#include "proto/base/status.h"
#include "proto/ccm/envelope.h"

namespace smslab::ccm {

struct Parts {
  std::string_view header;   // <Msg>, UTF-16LE
  std::string_view payload;  // as on the wire
};

Result<Parts> read_parts(std::string_view content_type, std::string_view body, size_t header_limit);
// `epilogue` follows the closing boundary: nothing in recorded requests, CRLF in replies.
Multipart write_parts(std::string_view header, std::string_view payload, std::string_view epilogue);

}  // namespace smslab::ccm
