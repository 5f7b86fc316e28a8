// Strangers before a real lab: its control plane, the receiving side of its DPs, its TLS, the paths of its store, and
// what it says of its secrets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "proto/control/client.h"
#include "proto/control/dp_secret.h"
#include "tests/support/http_probe.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
namespace fs = std::filesystem;
using control::DpSecret;
using testing::HasSubstr;
using testing::Not;

const std::string kToken = "a-token-that-nobody-guesses-0123456789";
const std::string kJson = "Content-Type: application/json\r\n";

HostPort at(const std::string& url) { return parse_url(url, "url")->at; }
HttpProbe::Reply ask(const std::string& url, const std::string& method, const std::string& target,
                     const std::string& fields = {}, const std::string& body = {}) {
  return HttpProbe(at(url)).ask(method, target, fields, body);
}
std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }

// ---- the control plane
TEST(NobodyIn, BeyondThisMachineTheControlPlaneWantsAToken) {
  const TempFolder folder;
  const auto refused = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {SMSLAB_BINARY, "serve", "--data", folder / "data", "--mp", "127.0.0.1:0",
                                         "--dp", "127.0.0.1:0", "--control"});
    const Finished finished = run(arguments, folder.path());
    EXPECT_EQ(finished.exit_status, 1);
    EXPECT_EQ(finished.out, "");
    return finished.err;
  };
  for (const char* open : {"0.0.0.0:0", "[::]:0", "192.0.2.7:0", "lab.example:0"}) {
    EXPECT_THAT(refused({open}), HasSubstr("--control-token-file FILE")) << open;
  }
  write(folder / "short", "short\n");
  write(folder / "blank", "sixteen letters and blanks\n");
  for (const char* bad : {"short", "blank", "absent"}) {
    const std::string text = refused({"0.0.0.0:0", "--control-token-file", folder / bad});
    EXPECT_THAT(text, HasSubstr("[--control-token-file]")) << bad;
    EXPECT_THAT(text, Not(HasSubstr("sixteen letters")));
  }
}

TEST(NobodyIn, WithATokenWhoeverHasItIsLetIn) {
  const TempFolder folder;
  write(folder / "token", kToken + "\n");
  write(folder / "wrong", "another-token-that-is-wrong-0123456789\n");
  write(folder / "secret", "the secret of this lab\n");
  const std::string data = folder / "data";
  Process serve(
      {SMSLAB_BINARY, "mp", "--data", data, "--mp", "127.0.0.1:0", "--control", "0.0.0.0:0", "--control-token-file",
       folder / "token", "--control-name", "lab.example", "--token-file", folder / "secret"},
      folder.path(), "serve");
  ASSERT_NE(serve.first_line(), "") << serve.err();
  const std::string line = serve.first_line();
  const std::string key = "\"control\":\"http://0.0.0.0:";
  const std::string port = line.substr(line.find(key) + key.size(),
                                       line.find('"', line.find(key) + key.size()) - line.find(key) - key.size());
  const std::string url = "http://127.0.0.1:" + port;
  for (const char* path : {"/healthz", "/readyz", "/metrics", "/openapi.json", "/api/v1/packages", "/nowhere"}) {
    EXPECT_EQ(ask(url, "GET", path).status, 401) << path;
    EXPECT_EQ(ask(url, "GET", path, bearer("another-token-that-is-wrong-0123456789")).status, 401) << path;
  }
  EXPECT_EQ(ask(url, "GET", "/healthz", bearer(kToken)).status, 200);
  EXPECT_EQ(ask(url, "POST", "/api/v1/reset").status, 401);

  const auto verb = [&](std::vector<std::string> arguments, const std::vector<std::string>& environment = {}) {
    arguments.insert(arguments.begin(), {SMSLAB_BINARY, "--control", url});
    return run(arguments, folder.path(), environment);
  };
  EXPECT_EQ(verb({"--token-file", folder / "token", "package", "list"}).exit_status, 0);
  EXPECT_EQ(verb({"package", "list", "--token-file", folder / "token"}).exit_status, 0);
  EXPECT_EQ(verb({"package", "list"}, {"SMSLAB_TOKEN=" + kToken}).exit_status, 0);
  EXPECT_EQ(verb({"wait"}, {"SMSLAB_TOKEN=" + kToken}).exit_status, 0);
  EXPECT_EQ(verb({"transcript"}, {"SMSLAB_TOKEN=" + kToken}).exit_status, 0);
  for (const Finished& out : {verb({"package", "list"}), verb({"--token-file", folder / "wrong", "package", "list"})}) {
    EXPECT_EQ(out.exit_status, 1);
    EXPECT_THAT(out.err, HasSubstr("--token-file FILE or $SMSLAB_TOKEN"));
  }
  // Under another name only if it was named.
  const auto under = [&](const std::string& name) {
    HttpProbe probe(at(url));
    probe.send("GET /healthz HTTP/1.1\r\nHost: " + name + "\r\n" + bearer(kToken) + "\r\n");
    return probe.read_reply().status;
  };
  EXPECT_EQ(under("lab.example:8082"), 200);
  EXPECT_EQ(under("evil.example:8082"), 403);

  // A DP proves who it is by the secret that it shares with the site; it has no token.
  Process dp({SMSLAB_BINARY, "dp", "--data", folder / "dp", "--name", "LON-DP-01", "--dp", "127.0.0.2:0", "--control",
              "127.0.0.2:0", "--site-server", url, "--token-file", folder / "secret"},
             folder.path(), "dp");
  EXPECT_NE(dp.first_line(), "") << dp.err();
  EXPECT_THAT(verb({"--token-file", folder / "token", "dp", "list"}).out, HasSubstr("LON-DP-01"));
  for (const std::string& text : {serve.err(), dp.err(), read(data + "/ready.json")}) {
    EXPECT_THAT(text, Not(HasSubstr(kToken)));
    EXPECT_THAT(text, Not(HasSubstr("another-token")));
  }
}

TEST(NobodyIn, NoWebPageDrivesTheLab) {
  Lab lab;
  const std::string control = lab.ready().control(), dp = lab.ready().dp_controls().begin()->second;
  for (const std::string& url : {control, dp}) {
    for (const char* sign : {"Origin: http://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n"}) {
      EXPECT_EQ(ask(url, "GET", "/healthz", sign).status, 403) << sign;
      EXPECT_EQ(ask(url, "POST", "/api/v1/reset", sign + kJson, "{}").status, 403) << sign;
    }
    HttpProbe rebound(at(url));
    rebound.send("GET /api/v1/packages HTTP/1.1\r\nHost: evil.example:8082\r\n\r\n");
    EXPECT_EQ(rebound.read_reply().status, 403);
  }
  const auto form = ask(control, "POST", "/api/v1/collections",
                        "User-Agent: Mozilla/5.0\r\nContent-Type: text/plain\r\n", R"({"name":"x"})");
  EXPECT_EQ(form.status, 403);
  EXPECT_THAT(lab.must({"collection", "list"}), Not(HasSubstr("x  ")));
  EXPECT_EQ(ask(control, "POST", "/api/v1/collections", kJson, R"({"name":"by a program"})").status, 201);
}

// ---- site and DP
TEST(NobodyIn, ADpTakesFromItsSiteAlone) {
  Lab site({}, Lab::Kind::kSite), other({"--site", "AST"}, Lab::Kind::kSite);
  write(other.token_file(), "the secret of another lab\n");
  LabDp dp(site, "LON-DP-01", "127.0.0.2");
  const std::string before = listing(dp.data() + "/dp");
  const DpSecret mine("the secret of this lab"), theirs("the secret of another lab");
  const std::string blob = "/dp/v1/blobs/" + std::string(64, 'A');
  for (const std::string& who :
       {std::string(), bearer(""), bearer("the secret of this lab"), bearer(mine.token("LON-DP-02")),
        bearer(theirs.token("LON-DP-01")), "Authorization: Basic " + mine.token("LON-DP-01") + "\r\n",
        bearer(mine.token("LON-DP-01") + "0")}) {
    EXPECT_EQ(ask(dp.control(), "PUT", blob, who, "bytes").status, 401) << who;
    for (const char* path : {"/dp/v1/offers", "/dp/v1/commits", "/dp/v1/removals", "/dp/v1/damages"}) {
      EXPECT_EQ(ask(dp.control(), "POST", path, who + kJson, "{}").status, 401) << path << who;
    }
    EXPECT_EQ(ask(dp.control(), "GET", "/dp/v1/contents", who).status, 401) << who;
  }
  EXPECT_EQ(listing(dp.data() + "/dp"), before) << "nothing is written for a stranger";
  EXPECT_EQ(ask(dp.control(), "GET", "/dp/v1/contents", bearer(mine.token("LON-DP-01"))).status, 200);
}

TEST(NobodyIn, AnAnnouncementIsNobodyElses) {
  Lab site({}, Lab::Kind::kSite);
  LabDp dp(site, "LON-DP-01", "127.0.0.2");
  const DpSecret secret("the secret of this lab"), another("the secret of another lab");
  const auto announce = [&](const v1::DpAnnouncement& announcement) {
    control::HttpClient http({.base = site.ready().control()});
    v1::DpWelcome welcome;
    return http.call("POST", "/api/v1/dps", &announcement, &welcome).code();
  };
  v1::DpAnnouncement overheard;
  overheard.set_name("LON-DP-02");
  overheard.set_url("http://127.0.0.9:1");
  overheard.set_control_url("http://127.0.0.9:2");
  overheard.set_site("LON");
  overheard.set_session("one");
  overheard.set_proof(secret.prove(overheard));
  ASSERT_EQ(announce(overheard), Code::kOk);
  const std::string before = site.must({"dp", "list", "--json"});
  EXPECT_EQ(announce(overheard), Code::kOk) << "again, it says the same again";
  v1::DpAnnouncement moved = overheard;
  moved.set_control_url("http://127.0.0.66:2");
  EXPECT_EQ(announce(moved), Code::kUnauthenticated);
  v1::DpAnnouncement renamed = overheard;
  renamed.set_name("LON-DP-01");
  EXPECT_EQ(announce(renamed), Code::kUnauthenticated) << "what was said of one DP is not said of another";
  v1::DpAnnouncement crossed = moved;
  crossed.set_proof(another.prove(crossed));
  EXPECT_EQ(announce(crossed), Code::kUnauthenticated) << "another lab's";
  v1::DpAnnouncement bare = moved;
  bare.clear_proof();
  EXPECT_EQ(announce(bare), Code::kUnauthenticated);
  EXPECT_EQ(site.must({"dp", "list", "--json"}), before);
}

// ---- no path out of the store
TEST(NobodyIn, NoNameIsAPath) {
  Lab lab;
  write(lab.folder() + "/source/file", "content");
  lab.must({"package", "create", "LON00001", "--name", "x", "--source", lab.folder() + "/source"});
  write(lab.folder() + "/outside/ready.json", "kept");
  const std::string outside = listing(lab.folder() + "/outside");
  const std::string control = lab.ready().control();
  const std::string dp = lab.ready().dp_controls().begin()->second;
  const std::vector<std::string> names = {"..",
                                          "../../outside",
                                          "%2e%2e",
                                          "..%2f..%2foutside%2fready.json",
                                          "%2fetc%2fpasswd",
                                          "..%5c..%5coutside",
                                          "%252e%252e%252fetc",
                                          "LON00001%00",
                                          "LON00001%2f..%2f..",
                                          "%c0%ae%c0%ae%2fetc",
                                          "C:%5cboot.ini",
                                          "LON00001%0d%0aX:%20y"};
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    for (const char* room : {"packages", "collections", "adverts", "dps", "clients", "faults"}) {
      const std::string target = std::string("/api/v1/") + room + "/" + name;
      for (const char* method : {"GET", "DELETE", "PATCH"}) {
        const auto reply = ask(control, method, target, kJson, std::string(method) == "PATCH" ? "{}" : "");
        EXPECT_TRUE(reply.status == 400 || reply.status == 404 || reply.status == 405)
            << method << " " << target << " " << reply.status << " " << reply.body;
        EXPECT_THAT(reply.body, Not(HasSubstr("root:x:")));
      }
    }
    for (const char* query :
         {"/api/v1/journal?client=", "/api/v1/journal?package=", "/api/v1/status-messages?package="}) {
      EXPECT_LT(ask(control, "GET", query + name).status, 500) << query;
    }
    const int put = ask(dp, "PUT", "/dp/v1/blobs/" + name, "", "bytes").status;
    EXPECT_TRUE(put == 401 || put == 400) << put;
  }
  // The same names in bodies, where they are to make something.
  for (const std::string name : {"../../outside", "/etc/passwd", "..", "LON0000/", "..\\\\..\\\\outside"}) {
    SCOPED_TRACE(name);
    const std::string text = "\"" + name + "\"";
    const std::string source = R"(,"name":"x","source":")" + lab.folder() + R"(/source"})";
    EXPECT_EQ(ask(control, "POST", "/api/v1/packages", kJson, R"({"id":)" + text + source).status, 400);
    EXPECT_EQ(ask(control, "POST", "/api/v1/clients", kJson, R"({"name":)" + text + "}").status, 400);
    EXPECT_GE(ask(control, "POST", "/api/v1/adverts", kJson, R"({"id":)" + text + R"(,"package":"LON00001"})").status,
              400);
    const auto rule =
        ask(control, "POST", "/api/v1/faults", kJson,
            R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001","version":1,"file":)" + text + R"(},"corrupt":{}})");
    EXPECT_GE(rule.status, 400) << rule.body;
    const std::string scenario = R"({"site":"LON","packages":[{"id":)" + text + R"(,"name":"x"}]})";
    EXPECT_GE(ask(control, "POST", "/api/v1/scenario", kJson, scenario).status, 400);
  }
  EXPECT_EQ(listing(lab.folder() + "/outside"), outside);
  EXPECT_EQ(read(lab.folder() + "/outside/ready.json"), "kept");
  // A DP's name is a folder's name: one that leads elsewhere is refused at the start.
  for (const char* name : {"../../outside", "..", "/tmp/x", "a/b"}) {
    const Finished refused =
        run({SMSLAB_BINARY, "dp", "--data", lab.folder() + "/dp", "--name", name, "--dp", "127.0.0.2:0", "--control",
             "127.0.0.2:0", "--site-server", control, "--token-file", lab.folder() + "/outside/ready.json"},
            lab.folder());
    EXPECT_EQ(refused.exit_status, 1) << name;
    EXPECT_THAT(refused.err, HasSubstr("--name")) << name;
  }
  EXPECT_EQ(lab.must({"package", "show", "LON00001", "--json"}).empty(), false);
}

// ---- TLS, as a scanner sees it
TEST(NobodyIn, TlsAsAScannerLikesIt) {
  Lab lab;
  const std::string address = lab.dp().substr(7);
  const auto scan = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"openssl", "s_client", "-connect", address, "-CAfile", lab.data() + "/tls.pem"});
    const Finished finished = run(arguments, lab.folder());
    return finished.out + finished.err;
  };
  const auto refused = [](const std::string& text) {
    return text.find("Cipher is (NONE)") != std::string::npos ||
           text.find("no protocols available") != std::string::npos;
  };
  const std::string usual = scan({});
  EXPECT_THAT(usual, HasSubstr("TLSv1.3"));
  EXPECT_THAT(usual, HasSubstr("Verification: OK"));
  EXPECT_THAT(usual, HasSubstr("Compression: NONE"));
  const std::string older = scan({"-tls1_2"});
  EXPECT_THAT(older, HasSubstr("TLSv1.2"));
  EXPECT_THAT(older, HasSubstr("ECDHE"));
  EXPECT_THAT(older, HasSubstr("Secure Renegotiation IS supported"));
  EXPECT_THAT(older, HasSubstr("Extended master secret: yes"));
  EXPECT_THAT(scan({"-comp", "-tls1_2"}), HasSubstr("Compression: NONE"));
  for (const char* old : {"-tls1", "-tls1_1"}) EXPECT_TRUE(refused(scan({old, "-cipher", "ALL:@SECLEVEL=0"}))) << old;
  for (const char* weak :
       {"AES128-SHA", "AES128-GCM-SHA256", "AES256-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
        "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256", "NULL-SHA256", "ADH-AES128-SHA", "PSK-AES128-CBC-SHA",
        "ECDHE-ECDSA-ARIA128-GCM-SHA256", "ECDHE-ECDSA-CAMELLIA128-SHA256", "ECDHE-ECDSA-AES128-CCM8"}) {
    EXPECT_TRUE(refused(scan({"-tls1_2", "-cipher", std::string(weak) + ":@SECLEVEL=0"}))) << weak;
  }
  for (const char* strong :
       {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"}) {
    EXPECT_FALSE(refused(scan({"-tls1_2", "-cipher", strong}))) << strong;
  }
  // A fifo that this shell keeps open: s_client gets its R, and no end.
  const Finished again = run({"sh", "-c",
                              "mkfifo $1/keys && exec 3<>$1/keys && echo R >&3 && "
                              "openssl s_client -connect $0 -CAfile $2 -tls1_2 <&3",
                              address, lab.folder(), lab.data() + "/tls.pem"},
                             lab.folder());
  EXPECT_THAT(again.out + again.err, HasSubstr("no renegotiation"));
}

// ---- what it says of its secrets
TEST(NobodyIn, SecretsAreInNoLog) {
  Lab lab({"--inboxes", "AST"}, Lab::Kind::kSite);
  LabDp dp(lab, "LON-DP-01", "127.0.0.2");
  write(lab.folder() + "/source/setup.exe", "content");
  lab.must({"package", "create", "LON00001", "--name", "x", "--source", lab.folder() + "/source", "--program",
            "Setup=setup.exe"});
  lab.must({"package", "distribute", "LON00001", "--dp", "LON-DP-01", "--wait"});
  lab.must({"collection", "create", "All", "--member", "WRK-1"});
  lab.must({"advert", "create", "LON20000", "--package", "LON00001", "--program", "Setup", "--collection", "All",
            "--mandatory", "now", "--download"});
  EXPECT_EQ(lab.client("WRK-1", {"--bind", "127.0.0.9"}).exit_status, 0);
  // Whoever comes with a secret at the wrong door.
  const DpSecret secret("the secret of this lab");
  const std::string token = secret.token("LON-DP-01");
  const std::string guess = "a-guess-that-must-not-be-written-down";
  for (const std::string& url : {dp.control(), lab.ready().control(), lab.mp(), dp.url()}) {
    ask(url, "GET", "/nowhere", bearer(token));
    ask(url, "PUT", "/dp/v1/blobs/x", bearer(guess), "bytes");
    ask(url, "GET", "/api/v1/packages/x", bearer(guess));
  }
  const std::vector<std::string> secrets = {"the secret of this lab", token, guess};
  const auto expect_none = [&](const std::string& text, const std::string& where) {
    for (const std::string& each : secrets) EXPECT_EQ(text.find(each), std::string::npos) << each << " in " << where;
  };
  size_t files = 0;
  for (const std::string& folder : {lab.data(), dp.data()}) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      files++;
      if (entry.path().filename() != "data.mdb") expect_none(read(entry.path()), entry.path());
      struct stat info {};
      ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
      if (entry.path().extension() == ".mdb") {
        EXPECT_EQ(info.st_mode & 0077U, 0u) << entry.path() << " holds what the site shows to its DPs";
      }
      EXPECT_EQ(info.st_mode & 0022U, 0u) << entry.path() << " is for nobody else to write";
    }
  }
  EXPECT_GT(files, 10u);
  expect_none(lab.log(), "standard error of the site");
  expect_none(dp.log(), "standard error of the DP");
  for (const std::vector<std::string>& verb :
       std::vector<std::vector<std::string>>{{"journal", "list", "--json"},
                                             {"transcript"},
                                             {"status", "--json"},
                                             {"dp", "show", "LON-DP-01", "--json"},
                                             {"dp", "list", "--json"},
                                             {"client", "list", "--json"}}) {
    expect_none(lab.must(verb), verb.front());
  }
}

}  // namespace
}  // namespace smslab::test
