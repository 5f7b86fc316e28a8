#include "tests/e2e/placeholders.h"

#include <algorithm>

#include "proto/base/digest.h"
#include "proto/base/text.h"
#include "proto/base/utf16.h"
#include "tests/support/golden.h"

namespace smslab::test {
namespace {
// The offset of the '}' that belongs to the '{' in front of `text`; npos without one.
size_t closing(std::string_view text) {
  int depth = 1;
  for (size_t at = 0; at < text.size(); at++) {
    if (text[at] == '\\') {
      at++;
    } else if (text[at] == '{') {
      depth++;
    } else if (text[at] == '}' && --depth == 0) {
      return at;
    }
  }
  return std::string_view::npos;
}

int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

// What a backslash in front of `rest` means; takes it off.
Result<char> escaped(std::string_view* rest) {
  const Status bad = invalid_argument("an escape that is none in front of '" + std::string(*rest) + "'");
  if (rest->empty()) return bad;
  const char c = rest->front();
  rest->remove_prefix(1);
  switch (c) {
    case 'r': return '\r';
    case 'n': return '\n';
    case 't': return '\t';
    case 's': return ' ';
    case 'p': return '|';
    case '\\':
    case '{':
    case '}': return c;
    case 'x': break;
    default: return bad;
  }
  if (rest->size() < 2 || hex_digit((*rest)[0]) < 0 || hex_digit((*rest)[1]) < 0) return bad;
  const int byte = hex_digit((*rest)[0]) * 16 + hex_digit((*rest)[1]);
  rest->remove_prefix(2);
  return static_cast<char>(byte);
}

// "0\n1\n2\n...", as many bytes: no two places of it look alike.
std::string numbers(size_t size) {
  std::string text;
  for (size_t i = 0; text.size() < size; i++) text += std::to_string(i) + "\n";
  text.resize(size);
  return text;
}

std::string etag_of(const std::string& content) { return '"' + digest_hex(Algorithm::kSha256, content) + '"'; }
}  // namespace

Placeholders::Placeholders(std::vector<std::pair<std::string, std::string>> files,
                           std::map<std::string, std::string> words)
    : files_(std::move(files)), words_(std::move(words)) {}

Result<std::string> Placeholders::fill(std::string_view text, const std::string& role) const {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '\\') {
      ASSIGN_OR_RETURN(const char byte, escaped(&text));
      out += byte;
    } else if (c == '{') {
      const size_t end = closing(text);
      if (end == std::string_view::npos) return invalid_argument("a placeholder does not end: " + std::string(text));
      ASSIGN_OR_RETURN(const std::string bytes, value(std::string(text.substr(0, end)), role));
      out += bytes;
      text.remove_prefix(end + 1);
    } else {
      out += c;
    }
  }
  return out;
}

Result<std::string> Placeholders::value(const std::string& name, const std::string& role) const {
  if (const auto found = words_.find(name); found != words_.end()) return found->second;
  if (const auto found = words_.find(name + " " + role); found != words_.end()) return found->second;
  const size_t blank = name.find(' ');
  const std::string what = name.substr(0, blank);
  const std::string rest = blank == std::string::npos ? "" : name.substr(blank + 1);
  if (what == "utf16") {
    ASSIGN_OR_RETURN(const std::string text, fill(rest, role));
    return utf16le_from_utf8(text);
  }
  if (what == "numbers" && parse_u64(rest)) return numbers(*parse_u64(rest));
  if (what == "recorded") return testing::test_data("wire/" + rest + ".http");
  if (what == "etag" || what == "boundary" || what == "size") return of_file(what, rest);
  if (const size_t star = name.find('*'); star != std::string::npos) {
    const auto count = parse_u64(name.substr(0, star));
    if (count) {
      ASSIGN_OR_RETURN(const std::string once, fill(name.substr(star + 1), role));
      std::string all;
      for (uint64_t i = 0; i < *count; i++) all += once;
      return all;
    }
  }
  return of_file("", name);
}

Result<std::string> Placeholders::of_file(const std::string& what, const std::string& name) const {
  const std::string wanted = name.empty() && !files_.empty() ? files_.front().first : name;
  for (const auto& [path, content] : files_) {
    if (path != wanted && !wanted.starts_with(path + " ")) continue;
    if (what == "etag") return etag_of(content);
    if (what == "size") return std::to_string(content.size());
    if (what == "boundary") return digest_hex(Algorithm::kSha256, "byteranges " + etag_of(content)).substr(0, 32);
    if (path == wanted) return content;
    const std::string range = wanted.substr(path.size() + 1);
    const auto first = parse_u64(range.substr(0, range.find('-')));
    const auto last = parse_u64(range.substr(std::min(range.find('-'), range.size() - 1) + 1));
    if (!first || !last || *last < *first || *last >= content.size()) break;
    return content.substr(*first, *last - *first + 1);
  }
  return invalid_argument("unknown placeholder {" + (what.empty() ? name : what + " " + name) + "}");
}

}  // namespace smslab::test
