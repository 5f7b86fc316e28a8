// The hostile table: each row an attack on the real server and what comes of it. After each row the server's memory is
// within its bound, and sixteen other clients have been answered all the while, byte for byte and in time.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/e2e/attacks.h"
#include "tests/support/lab.h"
#include "tests/support/neighbours.h"

namespace smslab::test {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif
constexpr size_t kRoom = (kSanitized ? size_t{1536} : size_t{256}) << 20;  // above what the quiet server takes
constexpr size_t kRoomOfAHandshake = (kSanitized ? size_t{256} : size_t{64}) << 10;
constexpr std::chrono::seconds kMostOfOneRow{60};

size_t resident_bytes(int64_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return static_cast<size_t>(std::stoull(line.substr(6))) * 1024;
  }
  ADD_FAILURE() << "no memory of process " << pid;
  return 0;
}

size_t open_descriptors(int64_t pid) {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

struct Row {
  const char* name;
  Attack attack;
  const char* outcome;
};

class Hostile : public ::testing::Test {
 protected:
  // A lab with two files, and its neighbours at work.
  void start(const std::string& timeouts) {
    lab_ = std::make_unique<Lab>(std::vector<std::string>{"--timeouts", timeouts});
    const std::string source = lab_->folder() + "/source";
    const std::string content = repeat("sixty-four bytes of content, of which there are a thousand ...\r\n", 1000);
    write(source + "/file", content);
    write(source + "/large", repeat(content, 512));
    lab_->must({"package", "create", "LON00001", "--name", "x", "--source", source});
    lab_->must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
    victim_ = {parse_url(lab_->mp(), "url")->at, parse_url(lab_->dp(), "url")->at};
    HttpProbe probe(victim_.mp);
    const HttpProbe::Reply list = probe.ask("GET", "/SMS_MP/.sms_aut?MPLIST");
    ASSERT_EQ(list.status, 200);
    neighbours_ = std::make_unique<Neighbours>(
        Neighbours::Question{victim_.mp, "/SMS_MP/.sms_aut?MPLIST", list.body},
        Neighbours::Question{victim_.dp, "/SMS_DP_SMSPKG$/LON00001/file", content}, trusted());
    neighbours_->go_on();
    quiet_ = resident_bytes(pid());
  }
  ~Hostile() override { neighbours_.reset(); }

  int64_t pid() const { return lab_->ready().pid(); }
  std::string trusted() const { return lab_->data() + "/tls.pem"; }

  void expect_unharmed(size_t room = kRoom) {
    neighbours_->go_on();
    EXPECT_EQ(neighbours_->complaint(), "");
    EXPECT_LT(resident_bytes(pid()), quiet_ + room);
  }

  void expect(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      SCOPED_TRACE(row.name);
      const auto begin = std::chrono::steady_clock::now();
      EXPECT_EQ(row.attack(victim_), row.outcome);
      const auto took = std::chrono::steady_clock::now() - begin;
      EXPECT_LT(took, kMostOfOneRow);
      expect_unharmed();
      std::printf("%-56s %6lld ms %5zu MiB\n", row.name, static_cast<long long>(took / std::chrono::milliseconds(1)),
                  resident_bytes(pid()) >> 20);
    }
    std::printf("neighbours: %llu answers, the longest after %lld ms\n",
                static_cast<unsigned long long>(neighbours_->answers()),
                static_cast<long long>(neighbours_->longest().count()));
  }

  std::unique_ptr<Lab> lab_;
  Victim victim_;
  std::unique_ptr<Neighbours> neighbours_;
  size_t quiet_ = 0;
};

const std::string kPost = "POST /SMS_MP/.sms_aut HTTP/1.1\r\nHost: a\r\n";
const std::string kGet = "GET /SMS_MP/.sms_aut?MPLIST HTTP/1.1\r\nHost: a\r\n";
const std::string kSmuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

// What one reader would take for a body and another for a request is answered once, and then there is silence.
TEST_F(Hostile, Smuggling) {
  start("head=10s");
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  expect({
      {"length and chunked", to_mp(kPost + "Content-Length: 5\r\n" + chunked + "\r\n0\r\n\r\n" + kSmuggled),
       "400, closed"},
      {"chunked and length", to_mp(kPost + chunked + "Content-Length: 5\r\n\r\n0\r\n\r\n" + kSmuggled), "400, closed"},
      {"two lengths", to_mp(kPost + "Content-Length: 0\r\nContent-Length: 38\r\n\r\n" + kSmuggled), "400, closed"},
      {"a list of lengths", to_mp(kPost + "Content-Length: 0, 0\r\n\r\n" + kSmuggled), "400, closed"},
      {"a signed length", to_mp(kPost + "Content-Length: +0\r\n\r\n" + kSmuggled), "400, closed"},
      {"a negative length", to_mp(kPost + "Content-Length: -1\r\n\r\n" + kSmuggled), "400, closed"},
      {"a hexadecimal length", to_mp(kPost + "Content-Length: 0x0\r\n\r\n" + kSmuggled), "400, closed"},
      {"a length beyond 64 bits", to_mp(kPost + "Content-Length: 18446744073709551616\r\n\r\n" + kSmuggled),
       "413, closed"},
      {"an unknown coding", to_mp(kPost + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + kSmuggled), "501, closed"},
      {"two codings", to_mp(kPost + chunked + chunked + "\r\n0\r\n\r\n" + kSmuggled), "400, closed"},
      {"a list of codings", to_mp(kPost + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + kSmuggled),
       "501, closed"},
      {"a coding with a tab",
       to_mp(kPost +
             "Transfer-Encoding: \x0b"
             "chunked\r\n\r\n0\r\n\r\n" +
             kSmuggled),
       "400, closed"},
      {"a coding before its colon", to_mp(kPost + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + kSmuggled),
       "400, closed"},
      {"a folded coding", to_mp(kPost + "X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kSmuggled),
       "400, closed"},
      {"a coding in HTTP/1.0",
       to_mp("POST / HTTP/1.0\r\nConnection: keep-alive\r\n" + chunked + "\r\n0\r\n\r\n" + kSmuggled), "400, closed"},
      {"bare line feeds", to_mp("POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n" + kSmuggled), "400, closed"},
      {"a bare carriage return", to_mp(kPost + "X: a\rContent-Length: 38\r\n\r\n" + kSmuggled), "400, closed"},
      {"a NUL in a field", to_mp(kPost + "X: a" + std::string(1, '\0') + "b\r\n\r\n" + kSmuggled), "400, closed"},
      {"two hosts", to_mp("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + kSmuggled), "400, closed"},
      {"a chunk size with a sign", to_mp(kPost + chunked + "\r\n-1\r\n" + kSmuggled), "400, closed"},
      {"a chunk size in another base", to_mp(kPost + chunked + "\r\n0x0\r\n\r\n" + kSmuggled), "400, closed"},
      {"a chunk size beyond 64 bits", to_mp(kPost + chunked + "\r\n10000000000000000\r\n" + kSmuggled), "413, closed"},
      {"a chunk longer than its size", to_mp(kPost + chunked + "\r\n1\r\nab\r\n0\r\n\r\n" + kSmuggled), "400, closed"},
      {"a chunk that ends in a bare line feed", to_mp(kPost + chunked + "\r\n0\n\n" + kSmuggled), "400, closed"},
      {"a trailer that is no field", to_mp(kPost + chunked + "\r\n0\r\n" + kSmuggled), "400, closed"},
      {"HTTP/2 with prior knowledge", to_mp("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505, closed"},
      {"no HTTP", to_mp(std::string("\0\x01\x02\x03", 4)), "400, closed"},
  });
}

TEST_F(Hostile, Slowness) {
  start("head=1s,body=1s,progress=1s");
  const std::string hello = client_hello(trusted());
  ASSERT_GT(hello.size(), 100U);
  expect({
      {"a head that never ends", trickle(kGet + "X: ", "x"), "408, closed"},
      {"a request line that never ends", trickle("GET /", "x"), "408, closed"},
      {"a head that stops", crowd(300, "GET / HTTP/1.1\r\nHo"), "408, closed"},
      {"a body that never ends", trickle(kPost + "Content-Length: 1000000\r\n\r\n", "x"), "408, closed"},
      {"chunks of one byte", trickle(kPost + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"), "408, closed"},
      {"a body that stops", crowd(300, kPost + "Content-Length: 1000000\r\n\r\nx"), "408, closed"},
      {"a body that was to be continued", crowd(50, kPost + "Content-Length: 9\r\nExpect: 100-continue\r\n\r\n"),
       "100, 408, closed"},
      {"a client that reads nothing", deaf("/SMS_DP_SMSPKG$/LON00001/large"), "cut"},
      {"a handshake that stops within its first message", crowd(300, hello.substr(0, 11)), "closed"},
      {"a handshake that stops before the last", crowd(100, hello), "no HTTP, closed"},
  });
}

TEST_F(Hostile, Bombs) {
  start("head=20s,body=20s");
  const std::string chunked = "Transfer-Encoding: chunked\r\n\r\n";
  const std::string line(size_t{64} * 1024, 'x');
  const std::string large = "GET /SMS_DP_SMSPKG$/LON00001/large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
  std::string entities;
  for (int i = 1; i < 10; i++) {
    entities += "<!ENTITY e" + std::to_string(i) + " \"" + repeat("&e" + std::to_string(i - 1) + ";", 10) + "\">";
  }
  expect({
      {"a target of 64 MiB", flood("GET /", line), "414, closed"},
      {"a field of 64 MiB", flood(kGet + "X: ", line), "431, closed"},
      {"fields without end", flood(kGet, "X: y\r\n"), "431, closed"},
      {"101 fields", to_mp("GET / HTTP/1.1\r\nHost: a\r\n" + repeat("X: y\r\n", 100) + "\r\n"), "431, closed"},
      {"a target of 9 KiB", to_mp("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"), "414, closed"},
      {"blank lines without end", flood("", repeat("\r\n", 1000)), "400, closed"},
      {"a chunk's line of 64 MiB", flood(kPost + chunked + "1;", line), "400, closed"},
      {"a trailer of 64 MiB", flood(kPost + chunked + "0\r\nX: ", line), "400, closed"},
      {"trailers without end", flood(kPost + chunked + "0\r\n", "X: y\r\n"), "431, closed"},
      {"a body of 64 MiB, announced", flood(kPost + "Content-Length: 67108864\r\n\r\n", line), "413, closed"},
      {"a body of 64 MiB, in chunks", flood(kPost + chunked, "10000\r\n" + line + "\r\n"), "413, closed"},
      {"16 MiB of one MIME line",
       to_mp("CCM_POST /ccm_system/request HTTP/1.1\r\nHost: a\r\nContent-Type: "
             "multipart/mixed; boundary=b\r\nContent-Length: 16777216\r\n\r\n--b\r\n" +
             std::string((size_t{16} << 20) - 5, 'x')),
       "400, open"},
      {"nearly boundaries",
       to_mp("CCM_POST /ccm_system/request HTTP/1.1\r\nHost: a\r\nContent-Type: "
             "multipart/mixed; boundary=b\r\nContent-Length: 5000000\r\n\r\n" +
             repeat("\n--bx", 1'000'000)),
       "400, open"},
      {"a zip bomb of 64 MiB", to_mp(ccm_bomb("", repeat(" ", 1024), size_t{32} * 1024)), "413, open"},
      {"a zip bomb within the limit", to_mp(ccm_bomb("", repeat("<a>", 1024), 2600)), "200, open"},
      {"a zip bomb of ends", to_mp(ccm_bomb("", repeat(">", 1024), 8000)), "200, open"},
      {"a million comments", to_mp(ccm_bomb("<Status>", repeat("<!---->", 1000), 1000, "</Status>")), "200, open"},
      {"two million elements", to_mp(ccm_bomb("<Status>", repeat("<a/>", 1000), 2000, "</Status>")), "200, open"},
      {"500,000 CDATA sections",
       to_mp(ccm_bomb("<Status><Type>", repeat("<![CDATA[]]>", 1000), 500, "</Type></Status>")), "200, open"},
      {"400,000 attributes", to_mp(ccm_bomb("<Status", repeat(" a=''", 1000), 400, "/>")), "200, open"},
      {"a million references", to_mp(ccm_bomb("<Status><Type>", repeat("&lt;", 1000), 1000, "</Type></Status>")),
       "200, open"},
      {"a billion laughs",
       to_mp(ccm_bomb("<!DOCTYPE Status [<!ENTITY e0 \"ha\">" + entities + "]><Status><Type>", "&e9;", 1,
                      "</Type></Status>")),
       "200, open"},
      {"attributes of the header", to_mp(ccm_post("<Msg" + repeat(" a=''", 1000) + "/>", "<a/>")), "413, open"},
      {"a header of 2 MiB", to_mp(ccm_post("<Msg a='" + repeat("x", size_t{1} << 20) + "'/>", "<a/>")), "413, open"},
      {"a header of nothing but starts", to_mp(ccm_post(repeat("<a>", 100'000), "<a/>")), "400, open"},
      {"a thousand documents",
       to_mp(ccm_post("<Msg>" + repeat("<Attachment Offset='0'/>", 1000) + "</Msg>",
                      repeat(std::string("<a/>\0", 5), 1000))),
       "413, open"},
      {"a thousand ranges of one file", to_dp(large + "Range: bytes=" + repeat("0-,", 1000) + "\r\n\r\n"),
       "200, closed"},
      {"500 ranges that overlap", to_dp(large + "Range: bytes=" + repeat("0-,", 500) + "\r\n\r\n"), "206, closed"},
      {"a PROPFIND of 64 KiB and a byte",
       to_dp("PROPFIND /SMS_DP_SMSPKG$/LON00001 HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n" +
             std::string(65'537, 'x')),
       "413, open"},
      {"a PROPFIND with 10,000 properties",
       to_dp("PROPFIND /SMS_DP_SMSPKG$/LON00001 HTTP/1.1\r\nHost: a\r\nContent-Length: 40054\r\n\r\n" +
             ("<D:propfind xmlns:D='DAV:'><D:prop>" + repeat("<a/>", 10'000) + "</D:prop></D:propfind>")
                 .substr(0, 40'054)),
       "400, open"},
  });
}

TEST_F(Hostile, PathsOutOfTheStore) {
  start("head=10s");
  const std::string root = "/SMS_DP_SMSPKG$/LON00001/";
  struct Path {
    std::string path;
    const char* outcome;
  };
  std::vector<Path> paths;
  for (const char* up : {"..", "%2e%2e", "%2E%2e", ".%2e", "%2e."}) {
    paths.push_back({root + repeat(std::string(up) + "/", 8) + "etc/passwd", "400, open"});
  }
  for (const char* encoded : {"..%2f..%2fetc/passwd", "..%5c..%5cetc/passwd", "..\\..\\etc\\passwd",
                              "%c0%ae%c0%ae/etc/passwd", "%e0%80%ae%e0%80%ae/etc/passwd", "%u002e%u002e/etc/passwd",
                              "file%00", "%", "%2", "%zz", "%ff%fe", "./file", "file/.", "%0d%0aX:%20y"}) {
    paths.push_back({root + encoded, "400, open"});
  }
  for (const char* absent : {"%252e%252e/%252e%252e/etc/passwd", "..;/..;/etc/passwd", "....//....//etc/passwd",
                             "/etc/passwd", "//etc/passwd", "file/", "file/x", "%EF%BC%8E%EF%BC%8E/etc/passwd",
                             "C:/boot.ini", "file::$DATA", "FILE~1", "..%20/x", "...", "~root"}) {
    paths.push_back({root + absent, "404, open"});
  }
  paths.push_back({root + "sccm?/../../etc/passwd", "400, open"});  // a listed name, whose path goes on behind the '?'
  paths.push_back({root + "fi le", "400, closed"});
  paths.push_back({"etc/passwd", "400, open"});
  paths.push_back({"file:///etc/passwd", "400, open"});
  paths.push_back({"http://a/SMS_DP_SMSPKG$/../../etc/passwd", "400, open"});
  std::vector<Row> rows;
  rows.reserve(paths.size());
  for (const Path& path : paths) {
    rows.push_back({path.path.c_str(), to_dp("GET " + path.path + " HTTP/1.1\r\nHost: a\r\n\r\n"), path.outcome});
  }
  expect(rows);
}

// As many as the descriptors of this machine allow, ten thousand where they do. They hold nobody up while they last,
// and leave nothing behind.
TEST_F(Hostile, HalfOpenHandshakes) {
  start("head=60s");
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  const size_t before = open_descriptors(pid());
  const size_t most = std::min<size_t>(10'000, limit.rlim_max > 1000 ? limit.rlim_max - 500 : limit.rlim_max / 2);
  const std::string hello = client_hello(trusted());
  std::vector<std::unique_ptr<HttpProbe>> halves;
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < most; i++) {
    halves.push_back(std::make_unique<HttpProbe>(victim_.mp, "127.0.2.1"));
    const bool answered = i % 10 == 0;  // the server has done its part, or has not all it needs
    ASSERT_TRUE(halves.back()->send(answered ? hello : hello.substr(0, hello.size() / 2))) << i;
  }
  while (open_descriptors(pid()) < before + most && neighbours_->complaint().empty()) neighbours_->go_on();
  const auto took = std::chrono::steady_clock::now() - begin;
  const size_t room = kRoom + most * kRoomOfAHandshake;
  expect_unharmed(room);
  std::printf("%zu half-open handshakes in %lld ms, %zu MiB, %zu descriptors; the longest answer after %lld ms\n", most,
              static_cast<long long>(took / std::chrono::milliseconds(1)), resident_bytes(pid()) >> 20,
              open_descriptors(pid()), static_cast<long long>(neighbours_->longest().count()));
  halves.clear();
  while (open_descriptors(pid()) > before + Neighbours::kCount && neighbours_->complaint().empty())
    neighbours_->go_on();
  expect_unharmed(room);
}

}  // namespace
}  // namespace smslab::test
