#include "proto/control/dp_secret.h"

#include <initializer_list>
#include <string_view>

#include "proto/base/digest.h"
#include "proto/base/hex.h"
#include "proto/base/text.h"

namespace smslab::control {
namespace {
constexpr uint64_t kSecretBytes = 4096;

// Lengths in front, so that no two lists of parts are the same text.
std::string seal(const std::string& secret, std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text.append(std::to_string(part.size())).append(":").append(part);
  return to_hex(hmac_sha256(secret, text));
}
}  // namespace

Result<DpSecret> DpSecret::read(Env& env, const std::string& path, const std::string& field) {
  const auto text = read_file(env, path, kSecretBytes);
  if (!text.ok()) return Status(text.status().code(), text.status().message(), field);
  if (trim(*text).empty()) return invalid_argument(path + " is empty; it must hold the secret of site and DP", field);
  return DpSecret(std::string(trim(*text)));
}

std::string DpSecret::token(const std::string& dp) const { return seal(secret_, {"token", dp}); }

std::string DpSecret::prove(const v1::DpAnnouncement& a) const {
  return seal(secret_, {"announcement", a.name(), a.url(), a.control_url(), a.site(), a.session()});
}

std::string DpSecret::prove(const v1::DpWelcome& welcome, const v1::DpAnnouncement& a) const {
  return seal(secret_, {"welcome", welcome.site(), a.name(), a.session()});
}

bool DpSecret::vouches_for(const v1::DpAnnouncement& announcement) const {
  return same_secret(announcement.proof(), prove(announcement));
}

bool DpSecret::vouches_for(const v1::DpWelcome& welcome, const v1::DpAnnouncement& announcement) const {
  return same_secret(welcome.proof(), prove(welcome, announcement));
}

}  // namespace smslab::control
