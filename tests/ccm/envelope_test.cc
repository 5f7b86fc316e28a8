#include "proto/ccm/envelope.h"
#include "proto/ccm/shared_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "proto/base/time_text.h"
#include "proto/base/utf16.h"
#include "proto/ccm/mime.h"
#include "proto/ccm/zlib.h"
#include "proto/codec/xml.h"
#include "tests/support/golden.h"
#include "tests/support/recorded.h"

namespace smslab::ccm {
namespace {
using smslab::testing::expect_golden;
using smslab::testing::recorded;
using smslab::testing::Recorded;
using smslab::testing::test_data;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kPosts[] = {"06-site-information",    "08-local-mp-location",    "09-enumerate-mp-location",
                                  "10-client-registration", "11-ddr-heartbeat",        "12-policy-assignments",
                                  "14-content-location",    "15-status-hash-mismatch", "16-state-message"};

Result<Envelope> read(const Recorded& post, const EnvelopeLimits& limits = {}) {
  return read_request(post.field("Content-Type"), post.body, limits);
}
std::string utf16(std::string_view text) { return utf16le_from_utf8(text); }
const std::string kNul(2, '\0');
const std::string kBom = "\xFF\xFE";

// An envelope by hand, so that each test can get one thing wrong.
std::string post(const std::string& msg, const std::string& payload) {
  return "--b\r\n\r\n" + msg + "\r\n--b\r\n\r\n" + payload + "\r\n--b--";
}
Result<Envelope> read_post(const std::string& msg, const std::string& payload, const EnvelopeLimits& limits = {}) {
  return read_request("multipart/mixed; boundary=b", post(msg, payload), limits);
}
std::string msg(const std::string& inside) { return kBom + utf16("<Msg SchemaVersion=\"1.1\">" + inside + "</Msg>"); }
const std::string kZlibHook = "<Hooks><Hook3 Name=\"zlib-compress\"/></Hooks>";

TEST(ReadRequest, TakesEveryRecordedPost) {
  for (const char* name : kPosts) {
    const auto in = read(recorded(std::string("requests/") + name));
    ASSERT_TRUE(in.ok()) << name << ": " << in.status().to_string();
    EXPECT_EQ(in->header.target_address(), "mp:" + in->endpoint()) << name;
    EXPECT_EQ(in->header.source_host(), "WRK-LON-001") << name;
    EXPECT_TRUE(in->has_hook("ZLIB-compress")) << name;
    EXPECT_TRUE(in->payload.starts_with("\x58\x85")) << name;
    for (const std::string& document : in->documents) {
      EXPECT_THAT(document, StartsWith("<")) << name;
      EXPECT_THAT(document, EndsWith(">")) << name;
    }
  }
}

TEST(ReadRequest, SplitsDocumentsByOffset) {
  const auto in = read(recorded("requests/11-ddr-heartbeat"));
  ASSERT_TRUE(in.ok()) << in.status().to_string();
  EXPECT_TRUE(in->async());
  ASSERT_EQ(in->documents.size(), 2u);
  EXPECT_EQ(in->documents[0], in->documents[1]);
  EXPECT_THAT(in->documents[1], StartsWith("<Report><ReportHeader>"));
}

TEST(ReadRequest, GivesHookProperties) {
  const auto in = read(recorded("requests/12-policy-assignments"));
  ASSERT_TRUE(in.ok()) << in.status().to_string();
  EXPECT_FALSE(in->async());
  EXPECT_TRUE(in->has_hook("clientauth"));
  EXPECT_EQ(in->hook_property("clientauth", "AuthSenderMachine"), "WRK-LON-001");
  EXPECT_EQ(in->hook_property("ClientAuth", "hashalgorithm"), "1.2.840.113549.1.1.11");
  EXPECT_EQ(in->hook_property("clientauth", "none"), "");
  EXPECT_EQ(in->hook_property("none", "PublicKey"), "");
}

TEST(ReadRequest, RoutesByEndpointElseByAddress) {
  const std::pair<const char*, const char*> cases[] = {
      {"<TargetEndpoint>MP_A</TargetEndpoint><TargetAddress>mp:MP_B</TargetAddress>", "MP_A"},
      {"<TargetAddress>mp:MP_B</TargetAddress>", "MP_B"},
      {"<TargetEndpoint/><TargetAddress>mp:[http]MP_B</TargetAddress>", "MP_B"},
      {"<TargetAddress>raw:httpsync:HOST:MP_B</TargetAddress>", "MP_B"},
      {"<TargetAddress>MP_B</TargetAddress>", "MP_B"},
      {"", ""},
  };
  for (const auto& [inside, endpoint] : cases) {
    const auto in = read_post(msg(inside), utf16("<a/>"));
    ASSERT_TRUE(in.ok()) << inside << in.status().to_string();
    EXPECT_EQ(in->endpoint(), endpoint) << inside;
  }
}

TEST(ReadRequest, ForgivesPayloadEnds) {
  const std::string xml = utf16("<a b=\"\xC3\xA9\xF0\x9F\x98\x80\"/>");
  for (const std::string& payload :
       {xml, xml + kNul, xml + kNul + "\r\n", xml + kNul + kNul, xml + std::string(3, '\0'), kBom + xml + kNul,
        xml + std::string(1, '\0'), xml + utf16("\r\n\t ")}) {
    for (const bool compress : {false, true}) {
      const auto in = read_post(msg(compress ? kZlibHook : "<Hooks/>"), compress ? deflate(payload) : payload);
      ASSERT_TRUE(in.ok()) << in.status().to_string();
      EXPECT_THAT(in->documents, ::testing::ElementsAre("<a b=\"\xC3\xA9\xF0\x9F\x98\x80\"/>"));
    }
  }
}

TEST(ReadRequest, ForgivesHeadersWithoutBomAndWithWrongLengths) {
  const std::string body = "<Body Type=\"ByteRange\" Length=\"99999\" Offset=\"0\"/><Unknown x=\"y\"><z/></Unknown>";
  for (const std::string& header : {msg(body), msg(body).substr(2), msg(body) + kNul, msg(body) + utf16("\r\n")}) {
    const auto in = read_post(header, utf16("<a/>"));
    ASSERT_TRUE(in.ok()) << in.status().to_string();
    EXPECT_THAT(in->documents, ::testing::ElementsAre("<a/>"));
  }
}

TEST(ReadRequest, FindsDocumentsWhenOffsetsAreNonsense) {
  const std::string payload = utf16("<a/>") + kNul + kBom + utf16("<b/>") + "\r\n";
  for (const char* attachments :
       {"<Attachment Length=\"10\" Offset=\"0\"/><Attachment Length=\"10\" Offset=\"10\"/>",       // right
        "<Attachment Length=\"1\" Offset=\"0\"/><Attachment Length=\"1\" Offset=\"10\"/>",         // lengths wrong
        "<Attachment Length=\"10\" Offset=\"0\"/><Attachment Length=\"10\" Offset=\"0\"/>",        // same place
        "<Attachment Length=\"10\" Offset=\"0\"/><Attachment Length=\"10\" Offset=\"7\"/>",        // odd
        "<Attachment Length=\"10\" Offset=\"0\"/><Attachment Length=\"10\" Offset=\"9999999\"/>",  // outside
        "<Attachment Length=\"10\" Offset=\"10\"/><Attachment Length=\"10\" Offset=\"2\"/>",       // backwards
        "<Attachment/><Attachment Offset=\"18446744073709551614\"/>",
        "<Attachment Offset=\"0\"/><Attachment Offset=\"2\"/>"}) {  // inside a document
    const auto in = read_post(msg(attachments), payload);
    ASSERT_TRUE(in.ok()) << attachments << ": " << in.status().to_string();
    EXPECT_THAT(in->documents, ::testing::ElementsAre("<a/>", "<b/>")) << attachments;
  }
}

TEST(ReadRequest, RefusesNamedBadInputs) {
  const std::string good = utf16("<a/>");
  const std::string surrogate = utf16("<a>") + std::string("\x00\xD8", 2) + utf16("</a>");
  const std::string stream = deflate(good);
  struct Case {
    const char* name;
    std::string header, payload;
  };
  const std::vector<Case> cases{
      {"no Msg", kBom + utf16("<Other/>"), good},
      {"empty header", "", good},
      {"header is UTF-8", "<Msg SchemaVersion=\"1.1\"></Msg>", good},
      {"header is not well-formed", kBom + utf16("<Msg><Body></Msg>"), good},
      {"header has a DOCTYPE", kBom + utf16("<!DOCTYPE Msg []><Msg/>"), good},
      {"surrogate in the header", kBom + utf16("<Msg><ID>") + std::string("\x00\xDC", 2) + utf16("</ID></Msg>"), good},
      {"empty payload", msg(""), ""},
      {"payload without XML", msg(""), utf16("hello")},
      {"payload is UTF-8", msg(""), "<a/>"},
      {"payload shifted by a byte", msg(""), std::string(1, '\0') + good},
      {"unpaired surrogate", msg(""), surrogate},
      {"not zlib", msg(kZlibHook), good},
      {"zlib cut", msg(kZlibHook), stream.substr(0, stream.size() - 1)},
      {"zlib of nothing", msg(kZlibHook), deflate("")},
      {"zlib without its hook", msg(""), stream},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(read_post(c.header, c.payload).status().code(), Code::kInvalidArgument) << c.name;
  }
}

TEST(ReadRequest, HoldsItsLimits) {
  EXPECT_EQ(read_post(msg(kZlibHook), deflate(utf16("<a>" + std::string(5000, 'x') + "</a>")), {.payload_bytes = 1000})
                .status()
                .code(),
            Code::kTooLarge);
  EXPECT_EQ(read_post(msg(""), utf16("<a>" + std::string(5000, 'x') + "</a>"), {.payload_bytes = 1000}).status().code(),
            Code::kTooLarge);
  EXPECT_EQ(
      read_post(msg("<ID>" + std::string(5000, 'x') + "</ID>"), utf16("<a/>"), {.header_bytes = 1000}).status().code(),
      Code::kTooLarge);
  std::string attachments, documents;
  for (int i = 0; i < 65; i++) {
    attachments += "<Attachment Offset=\"" + std::to_string(10 * i) + "\"/>";
    documents += utf16("<a/>") + kNul;
  }
  EXPECT_EQ(read_post(msg(attachments), documents).status().code(), Code::kTooLarge);
  EXPECT_EQ(read_post(msg("<Attachment Offset=\"1\"/>"), documents).status().code(), Code::kTooLarge);
}

TEST(ReadRequest, RefusesEveryPrefixOfARecordedPost) {
  for (const char* name : kPosts) {
    const Recorded whole = recorded(std::string("requests/") + name);
    for (size_t size = 0; size < whole.body.size(); size++) {
      const auto in = read_request(whole.field("Content-Type"), std::string_view(whole.body).substr(0, size));
      ASSERT_EQ(in.status().code(), Code::kInvalidArgument) << name << " cut at " << size;
    }
  }
}

TEST(ReadRequest, SurvivesChangedBytes) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (const char* name : kPosts) {
    const Recorded whole = recorded(std::string("requests/") + name);
    for (int i = 0; i < 300; i++) {
      std::string body = whole.body;
      for (int n = 0; n < 3; n++) body[random() % body.size()] = static_cast<char>(random());
      if (const auto in = read_request(whole.field("Content-Type"), body); in.ok()) {
        EXPECT_FALSE(in->documents.empty());
      }
    }
  }
}

TEST(ReadReply, TakesEveryRecordedReply) {
  for (const char* name : kPosts) {
    const Recorded reply = recorded(std::string("replies/") + name);
    const auto xml = read_reply(reply.field("Content-Type"), reply.body);
    ASSERT_TRUE(xml.ok()) << name << ": " << xml.status().to_string();
    EXPECT_EQ(xml->empty(), reply.body.empty()) << name;
  }
}

ReplyContext context() {
  return {.message_id = "8B1C9C39-C725-4D02-873C-0796B151510E",
          .source_host = "LON-DCSMS-01",
          .sent = *parse_rfc3339("2026-11-21T20:00:56.789Z")};
}

TEST(WriteReply, MirrorsTheRequestAndReadsBack) {
  const auto in = read(recorded("requests/06-site-information"));
  ASSERT_TRUE(in.ok()) << in.status().to_string();
  const std::string xml = "<SiteInfoReply SchemaVersion=\"1.00\"><Sites/></SiteInfoReply>";
  for (const std::string compression : {"zlib", "none"}) {
    v1::Msg request = in->header;
    request.set_reply_compression(compression);
    const Multipart out = write_reply(request, xml, context());
    EXPECT_EQ(out.content_type, "multipart/mixed; boundary=\"aAbBcCdDv1234567890VxXyYzZ\"");
    expect_golden("ccm/reply-" + compression + ".bin", out.body);

    const auto back = read_request(out.content_type, out.body);
    ASSERT_TRUE(back.ok()) << back.status().to_string();
    EXPECT_EQ(back->header.id(), "{8B1C9C39-C725-4D02-873C-0796B151510E}");
    EXPECT_EQ(back->header.correlation_id(), "{FEC2C844-8B1C-4772-8F48-854EDB1B12F7}");
    EXPECT_EQ(back->header.target_address(), "direct:vm:SccmMessaging");
    EXPECT_EQ(back->header.reply_to(), "mp:MP_LocationManager");
    EXPECT_EQ(back->header.sent_time(), "2026-11-21T20:00:56Z");
    EXPECT_EQ(back->header.body().length(), 2 * (xml.size() + 1));
    EXPECT_EQ(back->has_hook("zlib-compress"), compression == "zlib");
    EXPECT_EQ(*read_reply(out.content_type, out.body), xml);
  }
}

TEST(WriteReply, CompressesWhenTheRequestDoesNotSay) {
  v1::Msg request;
  const auto back =
      read_request("multipart/mixed; boundary=" + std::string(kBoundary), write_reply(request, "<a/>", context()).body);
  ASSERT_TRUE(back.ok()) << back.status().to_string();
  EXPECT_TRUE(back->has_hook("zlib-compress"));
  EXPECT_TRUE(back->payload.starts_with("\x78\x9C"));
  const auto inflated = inflate(back->payload, 100);
  ASSERT_TRUE(inflated.ok());
  EXPECT_EQ(*inflated, utf16("<a/>") + kNul);
}

// The client's direction gives the recorded bytes: the header to the byte, the payload up to zlib's window.
TEST(WriteRequest, RebuildsRecordedPosts) {
  for (const char* name : kPosts) {
    const Recorded whole = recorded(std::string("requests/") + name);
    const auto in = read(whole);
    ASSERT_TRUE(in.ok()) << name;
    v1::Msg header = in->header;
    const std::string payload = encode_payload(in->documents, true, &header);
    EXPECT_EQ(*inflate(payload, 1 << 20), *inflate(in->payload, 1 << 20)) << name;
    for (int i = 0; i < header.attachments_size(); i++) {
      header.mutable_attachments(i)->set_name(in->header.attachments(i).name());  // a GUID of the recorder's
    }
    EXPECT_EQ(codec::to_xml(header), codec::to_xml(in->header)) << name;
    const Multipart out = write_request(header, in->payload);
    const auto recorded_parts = read_parts(whole.field("Content-Type"), whole.body, 1 << 20);
    const auto our_parts = read_parts(out.content_type, out.body, 1 << 20);
    ASSERT_TRUE(recorded_parts.ok() && our_parts.ok()) << name;
    EXPECT_EQ(our_parts->payload, recorded_parts->payload) << name;
    EXPECT_EQ(out.content_type, whole.field("Content-Type")) << name;
  }
}

TEST(WriteRequest, SendsPlainDocumentsToo) {
  v1::Msg header;
  header.set_schema_version("1.1");
  const std::string payload = encode_payload({"<a/>", "<b/>"}, false, &header);
  EXPECT_EQ(payload, utf16("<a/>") + kNul + kBom + utf16("<b/>") + "\r\n");
  const Multipart out = write_request(header, payload);
  const auto in = read_request(out.content_type, out.body);
  ASSERT_TRUE(in.ok()) << in.status().to_string();
  EXPECT_FALSE(in->has_hook("zlib-compress"));
  EXPECT_THAT(in->documents, ::testing::ElementsAre("<a/>", "<b/>"));
}

// What is compressed once and filled in for each client reads as what is compressed whole.
TEST(SharedDocument, ReadsAsTheDocumentFilledIn) {
  const ReplyContext context = {.message_id = "0A", .source_host = "LON-DCSMS-01", .sent = LabTime()};
  const std::string before = "<A><B>\xC3\xBC", after = "</B>" + std::string(5'000, ' ') + "<C/></A>";
  const SharedDocument document(before, after);
  for (const std::string& own :
       {std::string(), std::string("GUID:1"), std::string(100'000, 'x'), std::string("\xC3\x9C")}) {
    for (const char* compression : {"zlib", "none"}) {
      v1::Msg request;
      request.set_reply_compression(compression);
      const Multipart shared = write_reply(request, document, own, context);
      const Multipart whole = write_reply(request, before + own + after, context);
      const auto read = read_reply(shared.content_type, shared.body);
      ASSERT_TRUE(read.ok()) << read.status().to_string();
      EXPECT_TRUE(*read == before + own + after) << own.size() << compression;
      EXPECT_EQ(shared.body == whole.body, std::string(compression) == "none") << own.size();
    }
  }
}

TEST(SharedDocuments, GiveTheSameOneForTheSameText) {
  SharedDocuments said;
  const auto first = said.of("<A/>");
  EXPECT_EQ(said.of("<A/>"), first);
  EXPECT_NE(said.of("<B/>"), first);
  for (int i = 0; i < 1000; i++) said.of("<A" + std::to_string(i) + "/>");
  EXPECT_EQ(said.of("<A/>")->payload("", true).bytes, first->payload("", true).bytes);
}

}  // namespace
}  // namespace smslab::ccm
