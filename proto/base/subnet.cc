#include "proto/base/subnet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "proto/base/text.h"

namespace smslab {
namespace {
constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xFF\xFF", 12);  // RFC 4291, 2.5.5.2

// Both have at least `bits` bits.
bool same_bits(std::string_view a, std::string_view b, unsigned bits) {
  const size_t whole = bits / 8;
  if (a.substr(0, whole) != b.substr(0, whole)) return false;
  const unsigned rest = bits % 8;
  return rest == 0 ||
         ((static_cast<unsigned char>(a[whole]) ^ static_cast<unsigned char>(b[whole])) >> (8 - rest)) == 0;
}
}  // namespace

std::optional<std::string> parse_ip_address(std::string_view text) {
  const std::string address(trim(text));
  if (address.find('\0') != std::string::npos) return std::nullopt;
  std::array<char, 16> bytes{};
  if (::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) return std::string(bytes.data(), 4);
  if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return std::nullopt;
  const std::string out(bytes.data(), bytes.size());
  return out.starts_with(kMapped) ? out.substr(kMapped.size()) : out;
}

bool Subnet::contains(std::string_view address) const {
  const auto bytes = parse_ip_address(address);
  return bytes && bytes->size() == network.size() && same_bits(*bytes, network, prefix);
}

bool Subnet::overlaps(const Subnet& other) const {
  return network.size() == other.network.size() && same_bits(network, other.network, std::min(prefix, other.prefix));
}

Result<Subnet> parse_subnet(std::string_view text, const std::string& field) {
  const std::string_view line = trim(text);
  const size_t slash = line.find('/');
  const auto network = parse_ip_address(line.substr(0, slash));
  if (!network) return invalid_argument("'" + std::string(text) + "' is no subnet, as 192.168.1.0/24", field);
  Subnet subnet{.network = *network, .prefix = static_cast<unsigned>(network->size() * 8)};
  if (slash == std::string_view::npos) return subnet;
  const auto prefix = parse_u64(line.substr(slash + 1));
  if (!prefix || *prefix > subnet.prefix) {
    return invalid_argument("'" + std::string(text) + "': the prefix is none of 0 to " + std::to_string(subnet.prefix),
                            field);
  }
  subnet.prefix = static_cast<unsigned>(*prefix);
  std::string masked = *network;
  for (size_t i = 0; i < masked.size(); i++) {
    const unsigned kept = std::clamp<int>(static_cast<int>(subnet.prefix) - static_cast<int>(i) * 8, 0, 8);
    masked[i] = static_cast<char>(static_cast<unsigned char>(masked[i]) & (0xFF00U >> kept));
  }
  if (masked != *network) {
    return invalid_argument(
        "'" + std::string(text) + "' has bits beyond its prefix; name the first address of the block", field);
  }
  return subnet;
}

}  // namespace smslab
