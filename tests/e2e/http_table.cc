#include "tests/e2e/http_table.h"

#include <algorithm>
#include <map>
#include <set>

#include "proto/base/text.h"
#include "tests/support/markdown.h"

namespace smslab::test {
namespace {
// `fill`, whose errors name the line.
Fill at_line(int line, const Fill& fill) {
  return [line, &fill](const std::string& text, const std::string& role) -> Result<std::string> {
    auto bytes = fill(text, role);
    if (!bytes.ok()) return markdown_error(line, bytes.status().message());
    return bytes;
  };
}

Result<std::pair<std::string, std::string>> field_of(const std::string& text, int line) {
  const auto colon = text.find(':');
  if (colon == std::string::npos || colon == 0) return markdown_error(line, "'" + text + "' is no field");
  return std::pair(text.substr(0, colon), std::string(trim(text.substr(colon + 1))));
}

bool is_status(const std::string& span) {
  return span.size() == 3 && std::all_of(span.begin(), span.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What follows `word` in the span, filled in; nullopt when the span begins otherwise.
Result<std::optional<std::string>> after_word(const std::string& span, const std::string& word, const Fill& fill,
                                              const std::string& role) {
  if (!span.starts_with(word)) return std::optional<std::string>();
  ASSIGN_OR_RETURN(std::string text, fill(std::string(trim(span.substr(word.size()))), role));
  return std::optional(std::move(text));
}

Status expect_span(const std::string& span, int line, const Fill& fill, const std::string& role, Expected* expected) {
  ASSIGN_OR_RETURN(const auto body, after_word(span, "body:", fill, role));
  ASSIGN_OR_RETURN(const auto has, after_word(span, "has:", fill, role));
  ASSIGN_OR_RETURN(const auto has_no, after_word(span, "has no:", fill, role));
  if (body) {
    expected->body = body;
  } else if (has) {
    expected->has.push_back(*has);
  } else if (has_no) {
    expected->has_no.push_back(*has_no);
  } else if (span.starts_with("no ")) {
    expected->absent.push_back(span.substr(3));
  } else {
    ASSIGN_OR_RETURN(auto field, field_of(span, line));
    ASSIGN_OR_RETURN(field.second, fill(field.second, role));
    expected->fields.push_back(std::move(field));
  }
  return {};
}

// `206` `Content-Range: bytes 0-4/10` `body: 01234`, once or several times.
Result<std::vector<Expected>> replies_of(const std::string& cell, int line, const Fill& fill, const std::string& role) {
  ASSIGN_OR_RETURN(const auto spans, code_spans(cell, line));
  std::vector<Expected> replies;
  for (const std::string& span : spans) {
    if (is_status(span)) {
      replies.push_back({.status = static_cast<int>(*parse_u64(span))});
    } else if (replies.empty()) {
      return markdown_error(line, "a reply begins with its status");
    } else {
      RETURN_IF_ERROR(expect_span(span, line, fill, role, &replies.back()));
    }
  }
  if (replies.empty()) return markdown_error(line, "no reply is expected");
  return replies;
}

// `GET /path` `Field: value` `body: text`
Status read_request(const std::vector<std::string>& spans, const Fill& fill, Row* row) {
  ASSIGN_OR_RETURN(const std::string start, fill(spans.front(), row->role));
  const auto blank = start.find(' ');
  if (blank == std::string::npos) return markdown_error(row->line, "a request begins with method and target");
  row->method = start.substr(0, blank);
  row->target = start.substr(blank + 1, start.rfind(" HTTP/") - blank - 1);
  std::string body;
  for (size_t i = 1; i < spans.size(); i++) {
    ASSIGN_OR_RETURN(const auto text, after_word(spans[i], "body:", fill, row->role));
    if (text) {
      body += *text;
      continue;
    }
    ASSIGN_OR_RETURN(auto field, field_of(spans[i], row->line));
    ASSIGN_OR_RETURN(field.second, fill(field.second, row->role));
    row->fields.push_back(std::move(field));
  }
  ASSIGN_OR_RETURN(const std::string host, fill("{host}", row->role));
  row->bytes = write_request(start, row->fields, host, body);
  return {};
}

// | at the DP | request or bytes | reply | connection |
Result<Row> read_row(const MarkdownRow& text, const std::string& role, bool raw, const Fill& fill) {
  Row row;
  row.line = text.line;
  row.name = text.cells[0];
  row.role = role;
  ASSIGN_OR_RETURN(const auto spans, code_spans(text.cells[1], text.line));
  if (spans.empty()) return markdown_error(text.line, "nothing is sent");
  if (raw) {
    for (const std::string& span : spans) {
      ASSIGN_OR_RETURN(const std::string bytes, at_line(text.line, fill)(span, role));
      row.bytes += bytes;
    }
  } else {
    RETURN_IF_ERROR(read_request(spans, at_line(text.line, fill), &row));
  }
  ASSIGN_OR_RETURN(row.replies, replies_of(text.cells[2], text.line, at_line(text.line, fill), role));
  if (text.cells[3] != "open" && text.cells[3] != "closed")
    return markdown_error(text.line, "the connection is open or closed");
  row.open = text.cells[3] == "open";
  return row;
}

// What the words of a table of combinations mean: field -> word -> value.
using Vocabulary = std::map<std::string, Lines>;

Result<Vocabulary> read_vocabulary(const MarkdownTable& table, const Fill& fill) {
  Vocabulary words;
  for (const MarkdownRow& row : table.rows) {
    ASSIGN_OR_RETURN(const auto field, code_spans(row.cells[0], row.line));
    ASSIGN_OR_RETURN(const auto value, code_spans(row.cells[2], row.line));
    if (field.size() != 1 || value.size() > 1)
      return markdown_error(row.line, "a word has one field and at most one value");
    ASSIGN_OR_RETURN(std::string text, at_line(row.line, fill)(value.empty() ? "" : value[0], "DP"));
    words[field[0]].emplace_back(row.cells[1], std::move(text));
  }
  return words;
}

bool word_fits(const std::string& cell, const std::string& word) {
  std::string_view rest = cell;
  while (true) {
    const auto at = rest.find(" or ");
    const std::string_view one = rest.substr(0, at);
    if (one == "any" || one == word) return true;
    if (at == std::string_view::npos) return false;
    rest.remove_prefix(at + 4);
  }
}

// Every combination of the words, each with the first row that fits it. A row that fits none has no place.
Status combine(const MarkdownTable& table, const Vocabulary& words, const Fill& fill, std::vector<Combination>* out) {
  const size_t columns = table.header.size() - 2;
  std::vector<const Lines*> choices;  // of each column
  size_t count = 1;
  for (size_t i = 0; i < columns; i++) {
    const auto found = words.find(std::string(split(table.header[i], '`')[1]));
    if (found == words.end()) return markdown_error(table.rows[0].line, "no words are known for " + table.header[i]);
    choices.push_back(&found->second);
    count *= found->second.size();
  }
  std::set<int> used;
  for (size_t n = 0; n < count; n++) {
    std::vector<std::string> chosen;
    Combination combination;
    size_t rest = n;
    for (size_t i = 0; i < columns; i++) {
      const auto& [word, value] = (*choices[i])[rest % choices[i]->size()];
      rest /= choices[i]->size();
      chosen.push_back(word);
      if (!value.empty()) combination.fields.emplace_back(split(table.header[i], '`')[1], value);
    }
    const auto row = std::find_if(table.rows.begin(), table.rows.end(), [&](const MarkdownRow& r) {
      for (size_t i = 0; i < columns; i++) {
        if (!word_fits(r.cells[i], chosen[i])) return false;
      }
      return true;
    });
    if (row == table.rows.end()) return markdown_error(table.rows[0].line, "a combination has no row");
    used.insert(row->line);
    combination.line = row->line;
    ASSIGN_OR_RETURN(const auto get, replies_of(row->cells[columns], row->line, at_line(row->line, fill), "DP"));
    ASSIGN_OR_RETURN(const auto head, replies_of(row->cells[columns + 1], row->line, at_line(row->line, fill), "DP"));
    combination.get = get.front();
    combination.head = head.front();
    out->push_back(std::move(combination));
  }
  for (const MarkdownRow& row : table.rows) {
    if (!used.contains(row.line)) return markdown_error(row.line, "no combination fits this row");
  }
  return {};
}
}  // namespace

Result<Lines> read_files(const std::string& markdown, const Fill& fill) {
  ASSIGN_OR_RETURN(const auto tables, markdown_tables(markdown));
  Lines files;
  for (const MarkdownTable& table : tables) {
    if (table.header[0] != "file") continue;
    for (const MarkdownRow& row : table.rows) {
      ASSIGN_OR_RETURN(const auto name, code_spans(row.cells[0], row.line));
      ASSIGN_OR_RETURN(const auto content, code_spans(row.cells[1], row.line));
      if (name.size() != 1 || content.size() > 1) return markdown_error(row.line, "a file has one name, one content");
      ASSIGN_OR_RETURN(std::string bytes, at_line(row.line, fill)(content.empty() ? "" : content[0], ""));
      files.emplace_back(name[0], std::move(bytes));
    }
  }
  return files;
}

Result<HttpTables> read_http_tables(const std::string& markdown, const Fill& fill) {
  ASSIGN_OR_RETURN(const auto tables, markdown_tables(markdown));
  HttpTables out;
  Vocabulary words;
  for (const MarkdownTable& table : tables) {
    if (table.rows.empty()) return markdown_error(0, "a table has no rows");
    const std::vector<std::string>& header = table.header;
    const std::vector<std::string> rest(header.begin() + 1, header.end());
    const bool request = rest == std::vector<std::string>{"request", "reply", "connection"};
    const bool raw = rest == std::vector<std::string>{"bytes", "reply", "connection"};
    if (header[0] == "file" && rest.size() == 1) {
      ASSIGN_OR_RETURN(out.files, read_files(markdown, fill));
    } else if (header == std::vector<std::string>{"field", "word", "value"}) {
      ASSIGN_OR_RETURN(words, read_vocabulary(table, fill));
    } else if ((request || raw) && (header[0] == "at the DP" || header[0] == "at the MP")) {
      for (const MarkdownRow& text : table.rows) {
        ASSIGN_OR_RETURN(Row row, read_row(text, header[0].substr(7), raw, fill));
        out.rows.push_back(std::move(row));
      }
    } else if (header.size() > 2 && header[0].starts_with('`') && header.back() == "HEAD") {
      RETURN_IF_ERROR(combine(table, words, fill, &out.combinations));
    } else {
      return markdown_error(table.rows[0].line, "the table above has a header that says nothing to the test");
    }
  }
  return out;
}

std::string write_request(const std::string& request_line, const Lines& fields, const std::string& host,
                          const std::string& body) {
  std::string head = request_line + (request_line.find(" HTTP/") == std::string::npos ? " HTTP/1.1\r\n" : "\r\n");
  const auto has = [&fields](std::string_view name) {
    return std::any_of(fields.begin(), fields.end(), [name](const auto& field) { return iequals(field.first, name); });
  };
  if (!has("Host")) head += "Host: " + host + "\r\n";
  for (const auto& [name, value] : fields) head += name + ": " + value + "\r\n";
  if (!body.empty() && !has("Content-Length") && !has("Transfer-Encoding")) {
    head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return head + "\r\n" + body;
}

}  // namespace smslab::test
