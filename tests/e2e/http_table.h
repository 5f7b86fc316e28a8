// The tables of docs/http.md as data: what to send, what must come back. Pure; tests/e2e/http_table_test.cc runs them.
//
//   ASSIGN_OR_RETURN(HttpTables tables, read_http_tables(text, fill));
//   for (const Row& row : tables.rows) ... row.bytes is sent, row.replies must come, the connection stays open or
//   closes
//
// `fill` turns the text of a code span into bytes (placeholders.h). What cannot be read is an error that names the
// line: a table that says something else than its reader thinks would prove nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/base/status.h"

namespace smslab::test {

using Lines = std::vector<std::pair<std::string, std::string>>;

struct Expected {
  int status = 0;
  Lines fields = {};                               // exactly these values
  std::vector<std::string> absent = {};            // fields that are not there
  std::optional<std::string> body = {};            // exactly this
  std::vector<std::string> has = {}, has_no = {};  // pieces of the body
};

struct Row {
  int line = 0;
  std::string name;
  std::string role;            // "DP" or "MP": whom it is sent to
  std::string method, target;  // of a row that names them
  Lines fields;                // also: as the row has them, without Host and Content-Length
  std::string bytes;           // the whole of what is sent
  std::vector<Expected> replies;
  bool open = true;  // afterwards
};

// One combination of fields, out of a table that has a column for each.
struct Combination {
  int line = 0;  // of the row that decides
  Lines fields;
  Expected get, head;
};

struct HttpTables {
  Lines files;  // name, content
  std::vector<Row> rows;
  std::vector<Combination> combinations;
};

// `role` as in Row; empty for the files.
using Fill = std::function<Result<std::string>(const std::string& text, const std::string& role)>;

// Only the files: `fill` needs them for the rest.
Result<Lines> read_files(const std::string& markdown, const Fill& fill);
Result<HttpTables> read_http_tables(const std::string& markdown, const Fill& fill);

// A request with its Host and, when it has a body and does not say otherwise, its Content-Length.
std::string write_request(const std::string& request_line, const Lines& fields, const std::string& host,
                          const std::string& body = {});

}  // namespace smslab::test
