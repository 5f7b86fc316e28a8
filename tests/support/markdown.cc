#include "tests/support/markdown.h"

#include <algorithm>

#include "proto/base/text.h"

namespace smslab::test {
namespace {
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  for (const std::string_view cell : split(line, '|')) cells.emplace_back(trim(cell));
  if (!cells.empty() && cells.front().empty()) cells.erase(cells.begin());
  if (!cells.empty() && cells.back().empty()) cells.pop_back();
  return cells;
}

bool is_rule(const std::vector<std::string>& cells) {
  return std::all_of(cells.begin(), cells.end(),
                     [](const std::string& cell) { return cell.find_first_not_of("-:") == std::string::npos; });
}
}  // namespace

Status markdown_error(int line, const std::string& what) {
  return invalid_argument("line " + std::to_string(line) + ": " + what);
}

Result<std::vector<MarkdownTable>> markdown_tables(const std::string& text) {
  std::vector<MarkdownTable> tables;
  bool inside = false;
  int line = 0;
  for (const std::string_view row : split(text, '\n')) {
    line++;
    if (!row.starts_with('|')) {
      inside = false;
      continue;
    }
    auto cells = cells_of(row);
    if (cells.empty()) return markdown_error(line, "a row without cells");
    if (!inside) {
      tables.push_back({.header = std::move(cells), .rows = {}});
      inside = true;
      continue;
    }
    MarkdownTable& table = tables.back();
    if (table.rows.empty() && is_rule(cells)) continue;
    if (cells.size() != table.header.size()) return markdown_error(line, "more or fewer cells than in the header");
    table.rows.push_back({line, std::move(cells)});
  }
  return tables;
}

Result<std::vector<std::string>> code_spans(const std::string& cell, int line) {
  std::vector<std::string> spans;
  const auto parts = split(cell, '`');
  if (parts.size() % 2 == 0) return markdown_error(line, "a code span does not end");
  for (size_t i = 0; i < parts.size(); i++) {
    if (i % 2 == 1) {
      spans.emplace_back(parts[i]);
    } else if (!trim(parts[i]).empty()) {
      return markdown_error(line, "'" + std::string(trim(parts[i])) + "' stands outside a code span");
    }
  }
  return spans;
}

}  // namespace smslab::test
