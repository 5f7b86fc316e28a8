// Tables of a Markdown text, for documents whose tables are a test's input.
//
//   ASSIGN_OR_RETURN(const auto tables, markdown_tables(text));
//   for (const MarkdownRow& row : tables[0].rows) ASSIGN_OR_RETURN(const auto spans, code_spans(row.cells[0],
//   row.line));
//
// Pure functions. A table is a run of lines that begin with '|': a header, a rule, rows of as many cells.
#pragma once

#include <string>
#include <vector>

#include "proto/base/status.h"

namespace smslab::test {

struct MarkdownRow {
  int line = 0;  // from 1
  std::vector<std::string> cells;
};
struct MarkdownTable {
  std::vector<std::string> header;
  std::vector<MarkdownRow> rows;
};

Result<std::vector<MarkdownTable>> markdown_tables(const std::string& text);
// The code spans of a cell, which must hold nothing else but blanks.
Result<std::vector<std::string>> code_spans(const std::string& cell, int line);

Status markdown_error(int line, const std::string& what);  // kInvalidArgument, "line 7: ..."

}  // namespace smslab::test
