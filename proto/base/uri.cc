#include "proto/base/uri.h"

#include "proto/base/hex.h"
#include "proto/base/text.h"

namespace smslab {
namespace {
std::string encode(std::string_view text, std::string_view keep) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos ||
                       keep.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += to_hex({&c, 1});
    }
  }
  return out;
}
}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte) return std::nullopt;
    out += *byte;
    i += 2;
  }
  return out;
}

std::string percent_encode_path(std::string_view path) { return encode(path, "/"); }
std::string percent_encode_component(std::string_view text) { return encode(text, ""); }

Result<HostPort> parse_host_port(std::string_view text, std::string_view field) {
  const Status bad = invalid_argument(
      "'" + std::string(text) + "' is not HOST:PORT (for example 127.0.0.1:8080; port 0 picks a free one)",
      std::string(field));
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad;
  std::string_view host = text.substr(0, colon);
  if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return bad;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad;
  }
  const auto port = parse_u64(text.substr(colon + 1));
  if (!port || *port > 65535) return bad;
  return HostPort{std::string(host), static_cast<uint16_t>(*port)};
}

std::string format_host_port(const HostPort& at) {
  const bool v6 = at.host.find(':') != std::string::npos;
  return (v6 ? "[" + at.host + "]" : at.host) + ":" + std::to_string(at.port);
}

Result<Url> parse_url(std::string_view text, std::string_view field) {
  Url url;
  const auto colon = text.find("://");
  url.scheme = ascii_lower(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  if (url.scheme != "http" && url.scheme != "https") {
    return invalid_argument("'" + std::string(text) + "' is not an http:// or https:// URL", std::string(field));
  }
  text.remove_prefix(colon + 3);
  const auto slash = text.find_first_of("/?");
  std::string authority(text.substr(0, slash));
  url.target = slash == std::string_view::npos ? "/" : std::string(text.substr(slash));
  if (url.target.front() == '?') url.target.insert(0, "/");
  const auto colon_at = authority.rfind(':');
  const auto bracket = authority.rfind(']');
  if (colon_at == std::string::npos || (bracket != std::string::npos && colon_at < bracket)) {
    authority += url.scheme == "https" ? ":443" : ":80";
  }
  ASSIGN_OR_RETURN(url.at, parse_host_port(authority, field));
  return url;
}

std::string host_of_url(const std::string& url) {
  const auto parsed = parse_url(url, "url");
  return parsed.ok() ? parsed->at.host : url;
}

std::string reachable_url(const std::string& url, const std::string& host) {
  const auto parsed = parse_url(url, "url");
  if (!parsed.ok() || (parsed->at.host != "0.0.0.0" && parsed->at.host != "::")) return url;
  return parsed->scheme + "://" + format_host_port({host, parsed->at.port});
}

}  // namespace smslab
