#include "mp/cli/scenario_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <tuple>

#include "proto/base/env.h"

namespace smslab::cli {
namespace {
constexpr uint64_t kFileBytes = uint64_t{64} << 20;

// Which list a record's reference is looked up in.
struct Reference {
  std::string_view from, field, list;
};
constexpr std::array kReferences = {
    Reference{"adverts[", ".package", "packages"},
    Reference{"adverts[", ".program", "packages"},
    Reference{"adverts[", ".collection", "collections"},
    Reference{"collections[", ".collections", "collections"},
    Reference{"packages[", ".dps", "dps"},
    Reference{"packages[", ".runFirst", "packages"},
    Reference{"dps[", ".boundaries", "settings"},
};

// `path` is `around` or within it.
bool within(std::string_view path, std::string_view around) {
  if (!path.starts_with(around)) return false;
  return path.size() == around.size() || path[around.size()] == '.' || path[around.size()] == '[';
}
}  // namespace

Status ScenarioFile::read(const std::string& path) {
  path_ = path;
  ASSIGN_OR_RETURN(const std::string text, read_file(posix_env(), path, kFileBytes));
  file_ = codec::read_yaml(text, &scenario_);
  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  for (auto& package : *scenario_.mutable_packages()) {
    if (package.source().empty()) continue;  // the site says that it is missing
    std::string source = (folder / package.source()).lexically_normal().string();
    if (source.size() > 1 && source.ends_with('/')) source.pop_back();
    package.set_source(std::move(source));
  }
  return ok_status();
}

bool ScenarioFile::may_follow_from_form(const Status& problem) const {
  const std::string& field = problem.field();
  return std::any_of(file_.errors.begin(), file_.errors.end(), [&](const codec::YamlFile::Error& error) {
    if (within(field, error.path)) return true;
    return problem.code() == Code::kNotFound &&
           std::any_of(kReferences.begin(), kReferences.end(), [&](const Reference& reference) {
             return field.starts_with(reference.from) && field.find(reference.field) != std::string::npos &&
                    within(error.path, reference.list);
           });
  });
}

Status ScenarioFile::tell(const std::vector<Status>& problems, std::string_view and_so) const {
  std::vector<std::pair<codec::Place, std::string>> lines;
  for (const auto& error : file_.errors) lines.emplace_back(error.place, error.what);
  std::set<std::string> told;
  for (const Status& problem : problems) {
    if (may_follow_from_form(problem) || !told.insert(problem.field()).second) continue;
    const std::string field = problem.field().empty() ? "" : " [" + problem.field() + "]";
    lines.emplace_back(file_.place_of(problem.field()), problem.message() + field);
  }
  std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.line, a.first.column) < std::tie(b.first.line, b.first.column);
  });
  for (const auto& [place, what] : lines) {
    const std::string at = place.line == 0 ? "" : fmt::format(":{}:{}", place.line, place.column);
    fmt::print(stderr, "{}{}: {}\n", path_, at, what);
  }
  return invalid_argument(
      fmt::format("{}: {} {}{}", path_, lines.size(), lines.size() == 1 ? "error" : "errors", and_so));
}

}  // namespace smslab::cli
