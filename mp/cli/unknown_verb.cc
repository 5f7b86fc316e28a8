#include "mp/cli/unknown_verb.h"

#include <fmt/format.h>

#include <algorithm>

namespace smslab::cli {
namespace {
// Options of the verbs around it are taken too.
const CLI::Option* find_option(const CLI::App* verb, const std::string& name) {
  for (; verb != nullptr; verb = verb->get_parent()) {
    if (const CLI::Option* option = verb->get_option_no_throw(name); option != nullptr) return option;
  }
  return nullptr;
}
}  // namespace

bool tell_unknown_verb(const CLI::App& app, const std::vector<std::string>& arguments) {
  const CLI::App* verb = &app;
  std::string path = app.get_name();
  for (size_t i = 0; i < arguments.size(); i++) {
    const std::string& argument = arguments[i];
    if (argument.starts_with('-')) {
      const CLI::Option* option = find_option(verb, argument);
      if (option != nullptr && option->get_items_expected_min() > 0) i++;  // its value
      continue;
    }
    const auto verbs = verb->get_subcommands([](const CLI::App*) { return true; });
    if (verbs.empty()) return false;
    const auto next =
        std::find_if(verbs.begin(), verbs.end(), [&](const CLI::App* one) { return one->get_name() == argument; });
    if (next == verbs.end()) {
      fmt::print(stderr, "smslab: there is no verb '{}'; see {} --help\n", argument, path);
      return true;
    }
    verb = *next;
    path += " " + argument;
  }
  return false;
}

}  // namespace smslab::cli
