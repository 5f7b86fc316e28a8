#include "mp/cli/scenario_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "proto/base/env.h"

namespace smslab::cli {
namespace {
constexpr uint64_t kFileBytes = uint64_t{64} << 20;

void print_error(const std::string& file, const codec::Place& place, const std::string& what) {
  fmt::print(stderr, "{}:{}:{}: {}\n", file, place.line, place.column, what);
}
}  // namespace

Status ScenarioFile::sum_up(size_t errors) const {
  return invalid_argument(
      fmt::format("{}: {}; nothing was changed", path_, errors == 1 ? "1 error" : fmt::format("{} errors", errors)));
}

Status ScenarioFile::read(const std::string& path) {
  path_ = path;
  ASSIGN_OR_RETURN(const std::string text, read_file(posix_env(), path, kFileBytes));
  file_ = codec::read_yaml(text, &scenario_);
  for (const auto& error : file_.errors) print_error(path_, error.place, error.what);
  if (!file_.errors.empty()) return sum_up(file_.errors.size());
  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  for (auto& package : *scenario_.mutable_packages()) {
    if (package.source().empty()) continue;  // the site says that it is missing
    std::string source = (folder / package.source()).lexically_normal().string();
    if (source.size() > 1 && source.ends_with('/')) source.pop_back();
    package.set_source(std::move(source));
  }
  return ok_status();
}

Status ScenarioFile::tell(const std::vector<Status>& problems) const {
  std::vector<std::pair<codec::Place, std::string>> lines;
  for (const Status& problem : problems) {
    const std::string field = problem.field().empty() ? "" : " [" + problem.field() + "]";
    lines.emplace_back(file_.place_of(problem.field()), problem.message() + field);
  }
  std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.line, a.first.column) < std::tie(b.first.line, b.first.column);
  });
  for (const auto& [place, what] : lines) print_error(path_, place, what);
  return sum_up(lines.size());
}

}  // namespace smslab::cli
