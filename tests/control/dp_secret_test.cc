#include "proto/control/dp_secret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

namespace smslab::control {
namespace {

v1::DpAnnouncement announcement() {
  v1::DpAnnouncement a;
  a.set_name("LON-DP-02");
  a.set_url("http://127.0.0.2:8081");
  a.set_control_url("http://127.0.0.2:40001");
  a.set_site("LON");
  a.set_session("one");
  return a;
}

// HMAC-SHA-256 as another tool computes it: openssl dgst -sha256 -hmac secret, over "5:token9:LON-DP-02".
TEST(DpSecret, TheTokenIsTheKnownConstruction) {
  EXPECT_EQ(DpSecret("secret").token("LON-DP-02"), "C304A11D3C8CCDE987D2A3E32BD065A8E4098CCB8748604CEE201517F1D66B5D");
}

TEST(DpSecret, EveryPartOfAnAnnouncementIsVouchedFor) {
  const DpSecret secret("secret");
  v1::DpAnnouncement good = announcement();
  good.set_proof(secret.prove(good));
  EXPECT_TRUE(secret.vouches_for(good));
  EXPECT_FALSE(DpSecret("another").vouches_for(good));
  const std::vector<std::function<void(v1::DpAnnouncement&)>> changes = {
      [](auto& a) { a.set_name("LON-DP-03"); },
      [](auto& a) { a.set_url("http://127.0.0.2:8082"); },
      [](auto& a) { a.set_control_url("http://127.0.0.9:40001"); },
      [](auto& a) { a.set_site(""); },
      [](auto& a) { a.set_session("two"); },
      [](auto& a) { a.clear_proof(); },
      [](auto& a) { a.mutable_proof()->pop_back(); },
      // The same letters, put elsewhere.
      [](auto& a) {
        a.set_site("LONo");
        a.set_session("ne");
      },
  };
  for (size_t n = 0; n < changes.size(); n++) {
    v1::DpAnnouncement wrong = good;
    changes[n](wrong);
    EXPECT_FALSE(secret.vouches_for(wrong)) << n;
  }
}

TEST(DpSecret, AWelcomeIsForOneSessionOfOneDp) {
  const DpSecret secret("secret");
  v1::DpWelcome welcome;
  welcome.set_site("LON");
  welcome.set_proof(secret.prove(welcome, announcement()));
  EXPECT_TRUE(secret.vouches_for(welcome, announcement()));
  v1::DpAnnouncement later = announcement();
  later.set_session("two");
  EXPECT_FALSE(secret.vouches_for(welcome, later));
  v1::DpWelcome other = welcome;
  other.set_site("AST");
  EXPECT_FALSE(secret.vouches_for(other, announcement()));
}

TEST(DpSecret, WhatIsOneThingIsNoOther) {
  const DpSecret secret("secret");
  v1::DpWelcome welcome;
  EXPECT_EQ(std::set({secret.token("LON-DP-02"), secret.token("LON-DP-03"), secret.prove(announcement()),
                      secret.prove(welcome, announcement())})
                .size(),
            4u);
}

TEST(DpSecret, AFileIsReadWithoutItsBlanks) {
  const std::string path = testing::TempDir() + "smslab-secret-" + std::to_string(::getpid());
  std::ofstream(path) << "  secret\r\n";
  const auto read = DpSecret::read(posix_env(), path, "--token-file");
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_EQ(read->token("X"), DpSecret("secret").token("X"));
  std::ofstream(path) << " \n";
  const auto empty = DpSecret::read(posix_env(), path, "--token-file");
  EXPECT_EQ(empty.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(empty.status().field(), "--token-file");
  std::filesystem::remove(path);
  const auto none = DpSecret::read(posix_env(), path, "--token-file");
  EXPECT_EQ(none.status().code(), Code::kNotFound);
  EXPECT_EQ(none.status().field(), "--token-file");
}

}  // namespace
}  // namespace smslab::control
