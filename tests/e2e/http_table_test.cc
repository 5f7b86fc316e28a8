// docs/http.md is true: each row of its tables against a running lab, over http and https, in one piece and byte by
// byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "tests/e2e/http_table.h"
#include "tests/e2e/placeholders.h"
#include "tests/support/lab.h"
#include "tests/support/tls_probe.h"

namespace smslab::test {
namespace {
using ::testing::HasSubstr;
using ::testing::Not;

const char kClock[] = "2026-11-21T20:00:00Z";
const char kDate[] = "Sat, 21 Nov 2026 20:00:00 GMT";
const auto kModified = std::chrono::sys_seconds(std::chrono::seconds(1'083'827'289));  // 2004-05-06 07:08:09

struct Way {
  const char* name;
  bool tls, byte_by_byte;
};

class HttpTable : public ::testing::TestWithParam<Way> {
 protected:
  static void SetUpTestSuite() {
    doc_ = new std::string(read(SMSLAB_SOURCE "/docs/http.md"));
    lab_ = new Lab({"--clock", kClock});
    const Placeholders none({}, {});
    const auto files =
        read_files(*doc_, [&](const std::string& text, const std::string& role) { return none.fill(text, role); });
    ASSERT_TRUE(files.ok()) << files.status().to_string();
    files_ = new Lines(*files);
    publish();
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(lab_->stop(), 0);
    delete lab_;
    delete doc_;
    delete files_;
  }

  void SetUp() override {
    const Placeholders words(*files_, {{"pkg", "/SMS_DP_SMSPKGD$/LON00001"},
                                       {"host DP", host("DP")},
                                       {"host MP", host("MP")},
                                       {"origin DP", scheme() + host("DP")},
                                       {"origin MP", scheme() + host("MP")}});
    auto tables = read_http_tables(
        *doc_, [&](const std::string& text, const std::string& role) { return words.fill(text, role); });
    ASSERT_TRUE(tables.ok()) << tables.status().to_string();
    tables_ = *std::move(tables);
    ASSERT_GT(tables_.rows.size(), 0U);
    ASSERT_GT(tables_.combinations.size(), 0U);
  }

  static std::string host(const std::string& role) {
    return format_host_port(parse_url(role == "DP" ? lab_->dp() : lab_->mp(), "url")->at);
  }
  static std::string scheme() { return GetParam().tls ? "https://" : "http://"; }

  static std::unique_ptr<HttpProbe> connect(const std::string& role) {
    const HostPort at = *parse_host_port(host(role), "host");
    std::unique_ptr<HttpProbe> probe;
    if (GetParam().tls) {
      auto tls = std::make_unique<TlsProbe>(at, lab_->data() + "/tls.pem");
      EXPECT_TRUE(tls->connected()) << tls->problem();
      probe = std::move(tls);
    } else {
      probe = std::make_unique<HttpProbe>(at);
      EXPECT_TRUE(probe->connected());
    }
    return probe;
  }

  // A refusal may come, and the connection go, before all is sent.
  static void send(HttpProbe& probe, std::string_view bytes) {
    const size_t step = GetParam().byte_by_byte ? 1 : bytes.size();
    for (; !bytes.empty() && probe.send(bytes.substr(0, step)); bytes.remove_prefix(std::min(step, bytes.size()))) {
    }
  }

  static HttpProbe::Reply receive(HttpProbe& probe, bool to_head) {
    HttpProbe::Reply reply = probe.read_reply(to_head);
    return reply.status == 100 ? probe.read_reply(to_head) : reply;  // 100: only when the body was late
  }

  static HttpProbe::Reply ask(HttpProbe& probe, const std::string& method, const std::string& target,
                              const Lines& fields) {
    send(probe, write_request(method + " " + target, fields, "probe"));
    return receive(probe, method == "HEAD");
  }

  static size_t count(const HttpProbe::Reply& reply, std::string_view name) {
    return static_cast<size_t>(std::count_if(reply.fields.begin(), reply.fields.end(),
                                             [&](const auto& field) { return iequals(field.first, name); }));
  }

  // What docs/http.md promises of every reply.
  static void expect_in_order(const HttpProbe::Reply& reply, bool to_head) {
    EXPECT_THAT(reply.head, ::testing::StartsWith("HTTP/1.1 " + std::to_string(reply.status) + " "));
    EXPECT_EQ(reply.field("Date"), kDate);
    EXPECT_EQ(count(reply, "Date"), 1U);
    EXPECT_EQ(count(reply, "Transfer-Encoding"), 0U);
    EXPECT_EQ(count(reply, "Content-Encoding"), 0U);
    EXPECT_EQ(count(reply, "Content-Length"), reply.status == 304 ? 0U : 1U);
    if (to_head || reply.status == 304) {
      EXPECT_EQ(reply.body, "");
    }
    if (count(reply, "Accept-Ranges") != 0) {
      EXPECT_EQ(count(reply, "ETag"), 1U);
      EXPECT_THAT(reply.field("ETag"), ::testing::MatchesRegex("\"[0-9A-F]{64}(-[a-z]+)?\"")) << "strong";
    }
  }

  static void expect_reply(const HttpProbe::Reply& reply, const Expected& expected, bool to_head) {
    ASSERT_EQ(reply.status, expected.status) << reply.head << reply.body.substr(0, 2000);
    expect_in_order(reply, to_head);
    for (const auto& [name, value] : expected.fields) EXPECT_EQ(reply.field(name), value) << name;
    for (const std::string& name : expected.absent) EXPECT_EQ(count(reply, name), 0U) << name;
    if (expected.body) {
      EXPECT_TRUE(reply.body == *expected.body) << "the body is\n"
                                                << reply.body.substr(0, 2000) << "\nand not\n"
                                                << expected.body->substr(0, 2000);
    }
    for (const std::string& piece : expected.has) EXPECT_THAT(reply.body, HasSubstr(piece));
    for (const std::string& piece : expected.has_no) EXPECT_THAT(reply.body, Not(HasSubstr(piece)));
  }

  // The next request on this connection, or on a new one.
  static void expect_served(HttpProbe& probe, const std::string& role) {
    const std::string target =
        role == "DP" ? "/SMS_DP_SMSPKGD$/LON00001/" + files_->front().first : "/SMS_MP/.sms_aut?MPLIST";
    const HttpProbe::Reply reply = ask(probe, "GET", target, {});
    EXPECT_EQ(reply.status, 200) << "the request after it";
    if (role == "DP") {
      EXPECT_EQ(reply.body, files_->front().second);
    }
  }

  static void run(const Row& row) {
    const auto probe = connect(row.role);
    send(*probe, row.bytes);
    const bool to_head = row.bytes.starts_with("HEAD ");
    HttpProbe::Reply reply;
    for (const Expected& expected : row.replies) {
      reply = receive(*probe, to_head);
      expect_reply(reply, expected, to_head);
      if (::testing::Test::HasFatalFailure()) return;
    }
    EXPECT_EQ(iequals(reply.field("Connection"), "close"), !row.open) << reply.head;
    if (row.open) {
      expect_served(*probe, row.role);
    } else {
      EXPECT_TRUE(probe->at_end()) << "the server was to close";
      expect_served(*connect(row.role), row.role);
    }
  }

  static std::string path_of(const std::string& name) {
    std::string path = lab_->folder() + "/source";
    return path + "/" + name;
  }

  static void publish() {
    for (const auto& [name, content] : *files_) {
      write(path_of(name), content);
      std::filesystem::last_write_time(path_of(name), std::chrono::file_clock::from_sys(kModified));
    }
    lab_->must({"package", "create", "LON00001", "--name", "Tables", "--source", lab_->folder() + "/source",
                "--program", "Install=setup.exe"});
    lab_->must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
  }

  static inline std::string* doc_ = nullptr;
  static inline Lab* lab_ = nullptr;
  static inline Lines* files_ = nullptr;
  HttpTables tables_;
};

TEST_P(HttpTable, EveryRow) {
  for (const Row& row : tables_.rows) {
    SCOPED_TRACE("docs/http.md:" + std::to_string(row.line) + ": " + row.name);
    run(row);
  }
  std::cout << tables_.rows.size() << " rows\n";
}

TEST_P(HttpTable, EveryCombination) {
  const std::string target = "/SMS_DP_SMSPKGD$/LON00001/" + files_->front().first;
  const auto probe = connect("DP");
  for (const Combination& one : tables_.combinations) {
    std::string shown = "docs/http.md:" + std::to_string(one.line) + ":";
    for (const auto& [name, value] : one.fields) shown += " " + name + ": " + value;
    SCOPED_TRACE(shown);
    expect_reply(ask(*probe, "GET", target, one.fields), one.get, false);
    expect_reply(ask(*probe, "HEAD", target, one.fields), one.head, true);
    if (HasFatalFailure()) break;
  }
  std::cout << tables_.combinations.size() << " combinations\n";
}

// Field by field; a Range is nothing to HEAD.
TEST_P(HttpTable, HeadIsGetWithoutItsContent) {
  size_t compared = 0;
  for (const Row& row : tables_.rows) {
    if (row.method != "GET" || !row.open) continue;
    SCOPED_TRACE("docs/http.md:" + std::to_string(row.line) + ": " + row.name);
    Lines fields = row.fields;
    const auto probe = connect(row.role);
    const HttpProbe::Reply head = ask(*probe, "HEAD", row.target, fields);
    std::erase_if(fields, [](const auto& field) { return iequals(field.first, "Range"); });
    const HttpProbe::Reply get = ask(*probe, "GET", row.target, fields);
    EXPECT_EQ(head.head, get.head);
    compared++;
  }
  EXPECT_GT(compared, 0U);
  std::cout << compared << " replies compared\n";
}

INSTANTIATE_TEST_SUITE_P(Fed, HttpTable,
                         ::testing::Values(Way{"http_at_once", false, false}, Way{"http_byte_by_byte", false, true},
                                           Way{"https_at_once", true, false}, Way{"https_byte_by_byte", true, true}),
                         [](const auto& one) { return one.param.name; });

// The reader itself: what it cannot read fails, and is not passed over.
Result<HttpTables> read_text(const std::string& rows) {
  static const Placeholders words({{"a.txt", "0123"}}, {{"host DP", "lab"}});
  return read_http_tables(rows,
                          [](const std::string& text, const std::string& role) { return words.fill(text, role); });
}
const std::string kHeader = "| at the DP | request | reply | connection |\n|---|---|---|---|\n";

TEST(HttpTableReader, ReadsARow) {
  const auto tables =
      read_text(kHeader + "| x | `GET /a` `X: {a.txt 1-2}` | `200` `Y: \\x41` `no Z` `body:` | open |\n");
  ASSERT_TRUE(tables.ok()) << tables.status().to_string();
  ASSERT_EQ(tables->rows.size(), 1U);
  const Row& row = tables->rows.front();
  EXPECT_EQ(row.bytes, "GET /a HTTP/1.1\r\nHost: lab\r\nX: 12\r\n\r\n");
  EXPECT_EQ(row.target, "/a");
  EXPECT_EQ(row.replies.front().fields, (Lines{{"Y", "A"}}));
  EXPECT_EQ(row.replies.front().absent, (std::vector<std::string>{"Z"}));
  EXPECT_EQ(row.replies.front().body, "");
}

TEST(HttpTableReader, RefusesWhatItCannotRead) {
  for (const std::string row : {
           "| x | `GET /{nothing}` | `200` | open |",
           "| x | `GET /{a.txt 2-9}` | `200` | open |",
           "| x | `GET /{a.txt` | `200` | open |",
           "| x | `GET /\\q` | `200` | open |",
           "| x | `GET /` | `200` | perhaps |",
           "| x | `GET /` | 200 | open |",
           "| x | `GET /` |  | open |",
           "| x | `GET /` | `X: y` | open |",
           "| x | `GET /` | `200` `what` | open |",
           "| x |  | `200` | open |",
           "| x | `GET / | `200` | open |",
           "| x | `GET` | `200` | open |",
           "| x | `GET /` | `200` |",
       }) {
    const auto tables = read_text(kHeader + row + "\n");
    EXPECT_FALSE(tables.ok()) << row;
    EXPECT_THAT(tables.status().message(), HasSubstr("line 3")) << row;
  }
  EXPECT_FALSE(read_text("| what | is this |\n|---|---|\n| a | b |\n").ok());
}

TEST(HttpTableReader, CombinesEveryWordOnce) {
  const std::string words =
      "| field | word | value |\n|---|---|---|\n| `A` | absent | |\n| `A` | one | `1` |\n| `B` | two | `2` |\n"
      "| `B` | more | `3` |\n\n| `A` | `B` | GET | HEAD |\n|---|---|---|---|\n";
  const auto tables = read_text(words + "| one | two or more | `200` | `204` |\n| any | any | `304` | `304` |\n");
  ASSERT_TRUE(tables.ok()) << tables.status().to_string();
  ASSERT_EQ(tables->combinations.size(), 4U);
  EXPECT_EQ(tables->combinations[0].fields, (Lines{{"B", "2"}}));
  EXPECT_EQ(tables->combinations[0].get.status, 304);
  EXPECT_EQ(tables->combinations[1].fields, (Lines{{"A", "1"}, {"B", "2"}}));
  EXPECT_EQ(tables->combinations[1].head.status, 204);
  EXPECT_FALSE(read_text(words + "| one | any | `200` | `204` |\n").ok()) << "not all fit a row";
  EXPECT_FALSE(read_text(words + "| any | any | `200` | `204` |\n| one | two | `200` | `200` |\n").ok())
      << "a row that nothing fits";
}

}  // namespace
}  // namespace smslab::test
