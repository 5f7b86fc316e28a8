// What ordinary HTTP clients fetch from a DP is byte-identical, whole and resumed.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "proto/base/uri.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
namespace fs = std::filesystem;

std::string content_of(int n) {
  std::string bytes;
  for (int i = 0; i < n % 97; i++) bytes += "line " + std::to_string(n * 31 + i) + "\n";
  return bytes;
}

// 1,000 files with the names that break clients.
std::vector<std::string> write_thousand(const std::string& folder) {
  const char* spices[] = {
      "plain",      "two words", "a+b",   "hash#", "50%", "\xC3\xA4\xC3\xB6", "\xE6\x97\xA5\xE6\x9C\xAC",
      "semi;colon", "amp&er",    "(x)[y]"};
  std::vector<std::string> names;
  for (int n = 0; n < 1000; n++) {
    const std::string name = "d" + std::to_string(n % 10) + "/sub " + std::to_string(n % 7) + "/" + spices[n % 10] +
                             std::to_string(n) + ".txt";
    write(folder + "/" + name, content_of(n));
    names.push_back(name);
  }
  return names;
}

void publish(const Lab& lab, const std::string& id, const std::string& source) {
  lab.must({"package", "create", id, "--name", id, "--source", source});
  lab.must({"package", "distribute", id, "--dp", "LON-DCSMS-01", "--wait"});
}

class Download : public testing::Test {
 protected:
  std::string url(const std::string& id, const std::string& name) const {
    return lab_.dp() + "/SMS_DP_SMSPKG$/" + id + "/" + percent_encode_path(name);
  }
  // Every fetched file against its source.
  void expect_same(const std::vector<std::string>& names, const std::string& source, const std::string& fetched) const {
    for (const auto& name : names) ASSERT_EQ(read(fetched + "/" + name), read(source + "/" + name)) << name;
  }

  Lab lab_;
};

TEST_F(Download, CurlAndWgetFetchAThousandFiles) {
  const std::string source = lab_.folder() + "/source";
  const auto names = write_thousand(source);
  publish(lab_, "LON00001", source);

  std::string config;
  for (const auto& name : names) {
    config += "url = \"" + url("LON00001", name) + "\"\noutput = \"" + lab_.folder() + "/curl/" + name + "\"\n";
  }
  write(lab_.folder() + "/curl.config", config);
  const Finished curl = run({"curl", "-sSf", "--create-dirs", "-K", lab_.folder() + "/curl.config"}, lab_.folder());
  ASSERT_EQ(curl.exit_status, 0) << curl.err;
  expect_same(names, source, lab_.folder() + "/curl");

  // wget spells some names its own way on disk; one after the other into one file it cannot.
  std::string urls, all;
  for (const auto& name : names) {
    urls += url("LON00001", name) + "\n";
    all += read(source + "/" + name);
  }
  write(lab_.folder() + "/urls", urls);
  const Finished wget = run({"wget", "-q", "-O", lab_.folder() + "/all", "-i", lab_.folder() + "/urls"}, lab_.folder());
  ASSERT_EQ(wget.exit_status, 0) << wget.err;
  EXPECT_EQ(read(lab_.folder() + "/all"), all);
}

TEST_F(Download, TwoGibibytesWholeAndResumed) {
  const std::string source = lab_.folder() + "/source";
  constexpr off_t kSize = (off_t{2} << 30) + 1;  // one byte beyond what 31 bits can say
  write(source + "/big.bin", "begin");
  ASSERT_EQ(::truncate((source + "/big.bin").c_str(), kSize - 4), 0);
  {
    const std::string end = "end!";
    FILE* file = ::fopen((source + "/big.bin").c_str(), "ab");
    ASSERT_EQ(::fwrite(end.data(), 1, end.size(), file), end.size());
    ASSERT_EQ(::fclose(file), 0);
  }
  publish(lab_, "LON00002", source);
  const std::string from = url("LON00002", "big.bin"), whole = lab_.folder() + "/whole", part = lab_.folder() + "/part";

  ASSERT_EQ(run({"curl", "-sSf", "-o", whole, from}, lab_.folder()).exit_status, 0);
  EXPECT_EQ(run({"cmp", whole, source + "/big.bin"}, lab_.folder()).exit_status, 0);

  for (const std::vector<std::string>& resume : std::vector<std::vector<std::string>>{
           {"curl", "-sSf", "-C", "-", "-o", part, from}, {"wget", "-q", "-c", "-O", part, from}}) {
    fs::rename(whole, part);
    ASSERT_EQ(::truncate(part.c_str(), kSize / 2 + 12345), 0);
    const Finished finished = run(resume, lab_.folder());
    ASSERT_EQ(finished.exit_status, 0) << resume[0] << ": " << finished.err;
    EXPECT_EQ(run({"cmp", part, source + "/big.bin"}, lab_.folder()).exit_status, 0) << resume[0];
    fs::rename(part, whole);
  }
}

}  // namespace
}  // namespace smslab::test
