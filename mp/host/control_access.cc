#include "mp/host/control_access.h"

#include <algorithm>

#include "mp/host/host.h"
#include "proto/base/text.h"
#include "proto/control/browser.h"

namespace smslab::host {
namespace {
constexpr uint64_t kTokenBytes = 4096;
constexpr size_t kShortest = 16;  // characters: what nobody guesses over a network
}  // namespace

void add_control_access_options(CLI::App& verb, ControlAccess* access) {
  verb.add_option("--control-token-file", access->token_file,
                  "file with a token that every request to the control plane must bring; needed where --control is for "
                  "others than this machine");
  verb.add_option("--control-name", access->names, "another host name under which the control plane is asked")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

Result<std::string> control_token(Env& env, const ControlAccess& access, const HostPort& at) {
  if (!access.token_file.empty()) return read_control_token(env, access.token_file, "--control-token-file");
  if (control::is_loopback(at.host)) return std::string();
  return invalid_argument(format_host_port(at) +
                              " can be reached from other machines, and whoever reaches the control "
                              "plane rules the lab: give --control-token-file FILE (a secret of " +
                              std::to_string(kShortest) + " characters or more), or listen at 127.0.0.1",
                          "--control");
}

Result<std::string> read_control_token(Env& env, const std::string& path, const std::string& field) {
  ASSIGN_OR_RETURN(const std::string text, with_field(read_file(env, path, kTokenBytes), field));
  const std::string token(trim(text));
  const auto visible = [](unsigned char c) { return c > 0x20 && c < 0x7F; };
  if (token.size() < kShortest || !std::all_of(token.begin(), token.end(), visible)) {
    return invalid_argument(path + " must hold a token of " + std::to_string(kShortest) +
                                " visible characters or more, without blanks (as from: openssl rand -hex 32)",
                            field);
  }
  return token;
}

}  // namespace smslab::host
