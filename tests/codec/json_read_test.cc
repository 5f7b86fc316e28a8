#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "proto/codec/json.h"
#include "proto/schema/control.pb.h"
#include "tests/support/status.h"

namespace smslab::codec {
namespace {
using namespace std::string_literals;
using google::protobuf::util::MessageDifferencer;

template <class M>
M read_json(std::string_view text) {
  M message;
  EXPECT_EQ(from_json(text, &message), ok_status()) << text;
  return message;
}
template <class M>
M read_yaml(std::string_view text) {
  M message;
  EXPECT_EQ(from_yaml(text, &message), ok_status()) << text;
  return message;
}

struct Bad {
  std::string text, message, field;
};

// Refused with just this message and field, and nothing stays in the message.
template <class M>
void expect_bad(const std::vector<Bad>& cases,
                Status (*read)(std::string_view, google::protobuf::Message*, const ReadLimits&)) {
  for (const auto& [text, message, field] : cases) {
    M parsed;
    const Status status = read(text, &parsed, {});
    EXPECT_EQ(status, invalid_argument(message, field)) << text;
    EXPECT_EQ(parsed.ByteSizeLong(), 0) << text;
  }
}

TEST(JsonRead, BothSpellingsOfAKey) {
  EXPECT_EQ(read_json<v1::Package>(R"({"sourceVersion":3})").source_version(), 3);
  EXPECT_EQ(read_json<v1::Package>(R"({"source_version":3})").source_version(), 3);
}

TEST(JsonRead, Values) {
  const auto package = read_json<v1::Package>(R"( {
    "id": "LON00001", "size": "18446744073709551615", "fileCount": 7, "sourceDate": "2026-11-21T20:00:00.125Z",
    "programs": [ {"name":"a","userContext":true}, {} ], "dps": [{"state":"INSTALL_RETRYING"},{"state":3}],
    "hash": {"sha1":"AB"}
  }
)");
  EXPECT_EQ(package.id(), "LON00001");
  EXPECT_EQ(package.size(), 18446744073709551615u);
  EXPECT_EQ(package.file_count(), 7u);
  EXPECT_EQ(package.source_date().seconds(), 1795291200);
  EXPECT_EQ(package.source_date().nanos(), 125'000'000);
  ASSERT_EQ(package.programs_size(), 2);
  EXPECT_TRUE(package.programs(0).user_context());
  ASSERT_EQ(package.dps_size(), 2);
  EXPECT_EQ(package.dps(0).state(), v1::PackageDp::INSTALL_RETRYING);
  EXPECT_EQ(package.dps(1).state(), v1::PackageDp::INSTALL_FAILED);
  EXPECT_EQ(package.hash().sha1(), "AB");
}

TEST(JsonRead, MapsBytesOneofsAndSignedNumbers) {
  const auto message = read_json<v1::StatusMessage>(R"({"attributes":{"400":"LON00001","401":""}})");
  EXPECT_EQ(message.attributes().at(400), "LON00001");
  EXPECT_TRUE(message.attributes().contains(401));
  EXPECT_EQ(read_json<v1::DamageExtent>(R"({"bytes":"/wB+"})").bytes(), std::string("\xFF\0\x7E", 3));
  EXPECT_EQ(read_json<v1::DamageExtent>(R"({"bytes":"/w=="})").bytes(), "\xFF");
  EXPECT_EQ(read_json<v1::ClockChange>(R"({"advanceMs":"5"})").advance_ms(), 5u);
  EXPECT_EQ(read_json<google::protobuf::UninterpretedOption>(R"({"negativeIntValue":-9223372036854775808})")
                .negative_int_value(),
            INT64_MIN);
  EXPECT_EQ(read_json<google::protobuf::UninterpretedOption>(R"({"doubleValue":-2.5e3})").double_value(), -2500.0);
}

TEST(JsonRead, Strings) {
  const auto name = [](std::string_view text) {
    return read_json<v1::Package>("{\"name\":" + std::string(text) + "}").name();
  };
  EXPECT_EQ(name(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(name(R"("\u00e9\u20AC\ud83d\ude00")"), "é€😀");
  EXPECT_EQ(name(R"("\ufeff")"), "\xEF\xBB\xBF");
  EXPECT_EQ(name("\"é€😀\""), "é€😀");
  EXPECT_EQ(name(R"("\u0041b\u0000")"), std::string("Ab\0", 3));
}

TEST(JsonRead, RefusesWhatIsNotJson) {
  expect_bad<v1::Package>(
      {
          {"", "line 1, column 1: expected a value, but the text ends", ""},
          {"{", "line 1, column 2: expected a key in double quotes, but the text ends", ""},
          {"{\"id\"}", "line 1, column 6: expected ':'", ""},
          {"{\"id\":}", "line 1, column 7: expected a value", ""},
          {"{\n  \"id\": \"LON00001\",\n}", "line 3, column 1: expected a key in double quotes", ""},
          {R"({"id":"a" "name":"b"})", "line 1, column 11: expected ',' or '}'", ""},
          {R"({"programs":[{},]})", "line 1, column 17: expected a value", ""},
          {R"({"programs":[{}})", "line 1, column 16: expected ',' or ']'", ""},
          {"{} x", "line 1, column 4: expected nothing after the value", ""},
          {"{}{}", "line 1, column 3: expected nothing after the value", ""},
          {"{id:1}", "line 1, column 2: expected a key in double quotes", ""},
          {"{'id':1}", "line 1, column 2: expected a key in double quotes", ""},
          {"// note\n{}", "line 1, column 1: expected a value", ""},
          {"\xEF\xBB\xBF{}", "line 1, column 1: expected a value", ""},
          {R"({"size":01})", "line 1, column 9: expected a number without leading zeros", ""},
          {R"({"size":-})", "line 1, column 10: expected a digit", ""},
          {R"({"size":1.})", "line 1, column 11: expected a digit", ""},
          {R"({"size":1e+})", "line 1, column 12: expected a digit", ""},
          {R"({"size":+1})", "line 1, column 9: expected a value", ""},
          {R"({"size":.5})", "line 1, column 9: expected a value", ""},
          {R"({"size":NaN})", "line 1, column 9: expected a value", ""},
          {R"({"size":nul})", "line 1, column 9: expected a value", ""},
          {R"({"id":"a)", "line 1, column 9: expected the string's closing '\"', but the text ends", ""},
          {"{\"id\":\"a\nb\"}",
           "line 1, column 9: expected an escape, such as \\n or \\u0001, in place of a control character", ""},
          {R"({"id":"\x"})", "line 1, column 8: expected one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u", ""},
          {R"({"id":"\u12g4"})", "line 1, column 8: expected \\u and four hex digits", ""},
          {R"({"id":"\u12)", "line 1, column 8: expected \\u and four hex digits", ""},
          {R"({"id":"\ud83d"})", "line 1, column 8: expected both halves of a surrogate pair", ""},
          {R"({"id":"\ude00\ud83d"})", "line 1, column 8: expected both halves of a surrogate pair", ""},
          {R"({"id":"\ud83d\u0041"})", "line 1, column 8: expected both halves of a surrogate pair", ""},
          {"{\"id\":\"\xC3(\"}", "line 1, column 7: the string is not UTF-8", ""},
      },
      from_json);
}

TEST(JsonRead, RefusesWhatDoesNotFit) {
  expect_bad<v1::FaultRule>(
      {
          {"[]", "line 1, column 1: expected an object, not a list", ""},
          {"null", "line 1, column 1: null is no value here; leave the key out", ""},
          {R"({"match":{"dp":"X","dp":"Y"}})", "line 1, column 20: 'dp' is given twice", "match.dp"},
          {R"({"match":[]})", "line 1, column 10: expected an object, not a list", "match"},
          {R"({"match":{"dp":1}})", "line 1, column 16: expected a string, not a number", "match.dp"},
          {R"({"match":{"dp":null}})", "line 1, column 16: null is no value here; leave the key out", "match.dp"},
          {R"({"match":{"version":-1}})", "line 1, column 21: -1 is not in 0 to 4294967295", "match.version"},
          {R"({"match":{"version":4294967296}})", "line 1, column 21: 4294967296 is not in 0 to 4294967295",
           "match.version"},
          {R"({"match":{"version":1.5}})", "line 1, column 21: expected a whole number, not '1.5'", "match.version"},
          {R"({"match":{"version":"1"}})", "line 1, column 21: expected a whole number, not a string", "match.version"},
          {R"({"corrupt":{"where":"WIRES"}})", "line 1, column 21: 'WIRES' is none of STORE, WIRE", "corrupt.where"},
          {R"({"corrupt":{"where":true}})", "line 1, column 21: expected one of STORE, WIRE, not true or false",
           "corrupt.where"},
          {R"({"corrupt":{"offset":"18446744073709551616"}})",
           "line 1, column 22: 18446744073709551616 is not in 0 to 18446744073709551615", "corrupt.offset"},
          {R"({"corrupt":{"offset":"-1"}})", "line 1, column 22: -1 is not in 0 to 18446744073709551615",
           "corrupt.offset"},
          {R"({"corrupt":{"offset":" 1"}})", "line 1, column 22: expected a whole number, not ' 1'", "corrupt.offset"},
          {R"({"corrupt":{"offset":""}})", "line 1, column 22: expected a whole number, not ''", "corrupt.offset"},
          {R"({"healed":1})", "line 1, column 11: expected true or false, not a number", "healed"},
          {R"({"healed":"true"})", "line 1, column 11: expected true or false, not a string", "healed"},
          {R"({"created":"yesterday"})", "line 1, column 12: 'yesterday' is not a time such as 2026-11-21T20:00:00Z",
           "created"},
          {R"({"created":{}})", "line 1, column 12: expected a time such as \"2026-11-21T20:00:00Z\", not an object",
           "created"},
      },
      from_json);
  expect_bad<v1::Package>(
      {
          {R"({"sourceVersion":1,"source_version":1})", "line 1, column 20: 'source_version' is given twice",
           "sourceVersion"},
          {R"({"programs":[{"name":"a"},{"name":2}]})", "line 1, column 35: expected a string, not a number",
           "programs[1].name"},
          {R"({"hash":{"sha3":"X"}})", "line 1, column 10: unknown key 'sha3'; it takes sha1, sha256, md5",
           "hash.sha3"},
          {R"({"hash":{"md5":"é","MD5":"X"}})", "line 1, column 20: unknown key 'MD5'; it takes sha1, sha256, md5",
           "hash.MD5"},
          {R"({"programs":{}})", "line 1, column 13: expected a list, not an object", "programs"},
          {R"({"programs":[null]})", "line 1, column 14: null is no value here; leave the key out", "programs[0]"},
      },
      from_json);
  expect_bad<v1::StatusMessage>(
      {
          {R"({"attributes":{"4":"a","4":"b"}})", "line 1, column 24: '4' is given twice", "attributes.4"},
          {R"({"attributes":{"x":"a"}})", "line 1, column 16: expected a whole number, not 'x'", "attributes.x"},
          {R"({"attributes":[]})", "line 1, column 15: expected an object, not a list", "attributes"},
      },
      from_json);
  expect_bad<v1::ClockChange>(
      {{R"({"advanceMs":1,"run":true})", "line 1, column 16: 'run' and 'advanceMs' exclude each other", "run"}},
      from_json);
  for (const char* text : {"A", "AAA", "AA=A", "A===", "AB==", "AA-_", "AA AA"}) {
    v1::DamageExtent extent;
    EXPECT_EQ(from_json(std::string("{\"bytes\":\"") + text + "\"}", &extent).field(), "bytes") << text;
  }
}

TEST(JsonRead, ForgetsWhatWasThere) {
  v1::Package package;
  package.set_id("old");
  EXPECT_EQ(from_json("{}", &package), ok_status());
  EXPECT_EQ(package.id(), "");
  package.set_id("old");
  EXPECT_EQ(from_json("{", &package).code(), Code::kInvalidArgument);
  EXPECT_EQ(package.id(), "");
}

TEST(JsonRead, Limits) {
  v1::Package package;
  EXPECT_EQ(from_json("{ }", &package, {.bytes = 3}), ok_status());
  EXPECT_EQ(from_json("{  }", &package, {.bytes = 3}).code(), Code::kTooLarge);
  // A message that can hold itself, as no message of ours does.
  const auto nested = [](int depth) {
    std::string text;
    for (int i = 1; i < depth; i++) text += R"({"nestedType":[)";
    text += "{}";
    for (int i = 1; i < depth; i++) text += "]}";
    return text;
  };
  google::protobuf::DescriptorProto self;
  EXPECT_EQ(from_json(nested(5), &self, {.depth = 9}), ok_status());
  EXPECT_EQ(from_json(nested(5), &self, {.depth = 8}),
            invalid_argument("line 1, column " + std::to_string(4 * 15 + 1) + ": nested deeper than 8 levels"));
  EXPECT_EQ(from_json(std::string(1'000'000, '['), &self).code(), Code::kInvalidArgument);
  EXPECT_EQ(from_yaml(nested(5), &self, {.depth = 8}).code(), Code::kInvalidArgument);
  EXPECT_EQ(from_yaml(std::string(100'000, '['), &self).code(), Code::kInvalidArgument);
}

// Whatever is cut off or put in, the reader says yes or no and no more.
TEST(JsonRead, CutAndSpoiltText) {
  const std::string whole = R"({"id":"\u00e9\ud83d\ude00é","size":"12","sourceDate":"2026-11-21T20:00:00Z",)"
                            R"("programs":[{"userContext":true},{}],"dps":[{"state":3}],"hash":{"sha1":"AB"}})";
  v1::Package package;
  ASSERT_EQ(from_json(whole, &package), ok_status());
  for (size_t length = 0; length < whole.size(); length++) {
    EXPECT_EQ(from_json(whole.substr(0, length), &package).code(), Code::kInvalidArgument) << length;
    (void)from_yaml(whole.substr(0, length), &package);
  }
  for (size_t at = 0; at < whole.size(); at++) {
    for (const char c : std::string(1, '\0') + "\"\\{}[],:-0x\xFF\n") {
      std::string spoilt = whole;
      spoilt[at] = c;
      if (const Status status = from_json(spoilt, &package); !status.ok()) {
        EXPECT_EQ(package.ByteSizeLong(), 0);
      }
      (void)from_yaml(spoilt, &package);
    }
  }
}

TEST(YamlRead, Values) {
  const auto package = read_yaml<v1::Package>(R"(
# a package
id: LON00001
name: "Administration Pack"
version: 1.10          # text, since the field is text
language: no
size: 123
sourceVersion: 2
sourceDate: 2026-11-21T20:00:00Z
programs:
  - name: Per-system unattended
    commandLine: msiexec.exe /i adminpak.msi /q
    userContext: true
  - {name: second, durationMinutes: 5}
dps:
  - state: INSTALL_FAILED
  - state: 4
)");
  EXPECT_EQ(package.name(), "Administration Pack");
  EXPECT_EQ(package.version(), "1.10");
  EXPECT_EQ(package.language(), "no");
  EXPECT_EQ(package.size(), 123u);
  EXPECT_EQ(package.source_date().seconds(), 1795291200);
  ASSERT_EQ(package.programs_size(), 2);
  EXPECT_TRUE(package.programs(0).user_context());
  EXPECT_EQ(package.programs(1).duration_minutes(), 5);
  ASSERT_EQ(package.dps_size(), 2);
  EXPECT_EQ(package.dps(0).state(), v1::PackageDp::INSTALL_FAILED);
  EXPECT_EQ(package.dps(1).state(), v1::PackageDp::REMOVAL_PENDING);
  EXPECT_EQ(read_yaml<v1::StatusMessage>("attributes: {400: LON00001}").attributes().at(400), "LON00001");
}

TEST(YamlRead, Refuses) {
  expect_bad<v1::Package>(
      {
          {"", "there is no document in it", ""},
          {"id: a\nname: b\nid: c", "line 3, column 1: 'id' is given twice", "id"},
          {"hash:\n  sha3: a", "line 2, column 3: unknown key 'sha3'; it takes sha1, sha256, md5", "hash.sha3"},
          {"id: &a b", "line 1, column 5: anchors are not taken", ""},
          {"id: !!str b", "line 1, column 5: tags are not taken", ""},
          {"programs: !x []", "line 1, column 11: tags are not taken", ""},
          {"id: a\n---\nid: b", "there is more than one document in it", ""},
          {"id:", "line 1, column 1: null is no value here; leave the key out", "id"},
          {"id: ~", "line 1, column 5: null is no value here; leave the key out", "id"},
          {"size: 0x10", "line 1, column 7: expected a whole number, not '0x10'", "size"},
          {"sourceVersion: two", "line 1, column 16: expected a whole number, not 'two'", "sourceVersion"},
          {"programs:\n  - userContext: yes", "line 2, column 18: expected true or false, not 'yes'",
           "programs[0].userContext"},
          {"? [a, b]\n: c", "line 1, column 3: a key must be a plain text", ""},
          {"- a", "line 1, column 1: expected an object, not a list", ""},
          {"text", "line 1, column 1: expected an object, not 'text'", ""},
          {"name: \xFF", "the text is not UTF-8", ""},
      },
      from_yaml);
  v1::Package package;
  EXPECT_EQ(from_yaml("a: [1", &package).code(), Code::kInvalidArgument);
  EXPECT_EQ(from_yaml("id: *a", &package).code(), Code::kInvalidArgument);
  EXPECT_EQ(from_yaml("id: a\nname: 'x", &package).code(), Code::kInvalidArgument);
  EXPECT_EQ(from_yaml("id: a\n\tname: x", &package).code(), Code::kInvalidArgument);
}
}  // namespace
}  // namespace smslab::codec
