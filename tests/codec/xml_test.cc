#include "proto/codec/xml.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "proto/schema/client_messages.pb.h"
#include "proto/schema/content.pb.h"
#include "tests/support/random_message.h"
#include "tests/support/status.h"

namespace smslab::codec {
namespace {
using namespace std::string_literals;
using google::protobuf::util::MessageDifferencer;

template <class M>
M read(std::string_view text) {
  M message;
  EXPECT_EQ(from_xml(text, &message), ok_status()) << text;
  return message;
}

std::string property(std::string_view value) {
  return read<v1::PolicyProperty>("<PolicyProperty name=\"n\" type=\"8\">" + std::string(value) + "</PolicyProperty>")
      .values(0)
      .text();
}

TEST(XmlWrite, Presence) {
  v1::ContentLocationReply reply;
  EXPECT_EQ(to_xml(reply), R"(<ContentLocationReply SchemaVersion=""><Sites/></ContentLocationReply>)");
  auto* record = reply.add_sites()->add_records();
  EXPECT_EQ(to_xml(reply), R"(<ContentLocationReply SchemaVersion=""><Sites><Site><LocationRecords><LocationRecord>)"
                           R"(<IPSubnets/></LocationRecord></LocationRecords></Site></Sites></ContentLocationReply>)");
  record->mutable_metric()->set_value("");
  record->mutable_ad_site();
  record->set_version("");
  EXPECT_EQ(to_xml(*record), R"(<LocationRecord><ADSite/><IPSubnets/><Metric Value=""/><Version/></LocationRecord>)");
  v1::ClientRegistrationResponse response;
  response.set_status(0);
  EXPECT_EQ(to_xml(response), R"(<ClientRegistrationResponse ResponseType="" TimeStamp="" Status="0" SMSID=""/>)");
  EXPECT_EQ(to_xml(v1::FileEntry()), R"(<FileEntry Path="" Size="0" Hidden="false"/>)");
}

TEST(XmlWrite, Escapes) {
  v1::NameText both;
  both.set_name("a<b>&\"'\t\r\n\x01\x7F\xEF\xBF\xBEé");
  both.set_text("a<b>&\"'\t\r\n\x01\x7F\xEF\xBF\xBFé");
  EXPECT_EQ(to_xml(both),
            "<NameText Name=\"a&lt;b&gt;&amp;&quot;'&#9;&#13;&#10;\xEF\xBF\xBD\x7F\xEF\xBF\xBDé\">"
            "a&lt;b&gt;&amp;\"'\t&#13;\n\xEF\xBF\xBD\x7F\xEF\xBF\xBDé</NameText>");
  const auto again = read<v1::NameText>(to_xml(both));
  EXPECT_EQ(again.name(), "a<b>&\"'\t\r\n\xEF\xBF\xBD\x7F\xEF\xBF\xBDé");
  EXPECT_EQ(again.text(), "a<b>&\"'\t\r\n\xEF\xBF\xBD\x7F\xEF\xBF\xBDé");

  v1::PolicyValue value;
  value.set_text("x]]>y]]]>]]");
  EXPECT_EQ(to_xml(value), "<PolicyValue><![CDATA[x]]]]><![CDATA[>y]]]]]><![CDATA[>]]]]></PolicyValue>");
  EXPECT_EQ(read<v1::PolicyValue>(to_xml(value)).text(), value.text());
}

TEST(XmlRead, Text) {
  EXPECT_EQ(property("<value>LON20000</value>"), "LON20000");
  EXPECT_EQ(property("<value>\r\n\t\t<![CDATA[ LON20000 ]]>\r\n\t\t</value>"), " LON20000 ");
  EXPECT_EQ(property("<value>\r\n\t\tLON 20000\r\n\t\t</value>"), "LON 20000");
  EXPECT_EQ(property("<value>  </value>"), "");
  EXPECT_EQ(property("<value/>"), "");
  EXPECT_EQ(property("<value />"), "");
  EXPECT_EQ(property("<value xmlns:p2='x' p2:nil='true' />"), "");
  EXPECT_EQ(property("<value>a<!-- b -->c<?d?>e</value>"), "ace");
  EXPECT_EQ(property("<value>&lt;&#233;&#xE9;&amp;lt;</value>"), "<éé&lt;");
  EXPECT_EQ(property("<value><![CDATA[&lt;]]></value>"), "&lt;");
  EXPECT_EQ(property("<value>a\r\nb\rc</value>"), "a\nb\nc");
  v1::PolicyAction action;
  EXPECT_EQ(from_xml("<PolicyAction PolicyActionType='WMI-MOF'>\n<![CDATA[]]>\n</PolicyAction>", &action), ok_status());
  EXPECT_TRUE(action.has_mof());
}

TEST(XmlRead, OrderAndStrangersDoNotMatter) {
  const auto msg = read<v1::Msg>(
      "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-16\"?>\n<!-- hello -->\n"
      "<Msg xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:nil='false' Sender='x' SchemaVersion='1.1'>"
      "<TargetEndpoint>MP_A</TargetEndpoint><Stranger><Body Type='no'/></Stranger>text"
      "<Body Length='5' Type='ByteRange'><Deeper/></Body><ID> x </ID>\n</Msg>\r\n \t");
  EXPECT_EQ(msg.schema_version(), "1.1");
  EXPECT_EQ(msg.target_endpoint(), "MP_A");
  EXPECT_EQ(msg.body().type(), "ByteRange");
  EXPECT_EQ(msg.body().length(), 5u);
  EXPECT_FALSE(msg.body().has_offset());
  EXPECT_EQ(msg.id(), "x");
  // Names are exact.
  EXPECT_EQ(read<v1::Msg>("<Msg><id>x</id></Msg>").id(), "");
}

TEST(XmlRead, Scalars) {
  const auto entry = [](std::string_view attributes) {
    v1::FileEntry e;
    const Status status = from_xml("<FileEntry " + std::string(attributes) + "/>", &e);
    return status.ok() ? e.ShortDebugString() : status.to_string();
  };
  EXPECT_EQ(entry("Size='18446744073709551615' Hidden='1'"), "size: 18446744073709551615 hidden: true");
  EXPECT_EQ(entry("Hidden='true'"), "hidden: true");
  EXPECT_EQ(entry("Hidden='0'"), "");
  EXPECT_EQ(entry("Modified='2026-11-21T20:00:00.5Z'"), "modified { seconds: 1795291200 nanos: 500000000 }");
  EXPECT_EQ(entry("Size='18446744073709551616'"),
            "INVALID_ARGUMENT: '18446744073709551616' is not a value of FileEntry/@Size (field FileEntry/@Size)");
  for (const char* bad : {"Size=''", "Size='-1'", "Size=' 1'", "Size='1x'", "Size='0x1'", "Hidden='yes'", "Hidden=''",
                          "Modified=''", "Modified='2026-11-21'"}) {
    EXPECT_TRUE(entry(bad).starts_with("INVALID_ARGUMENT: ")) << bad;
  }
}

TEST(XmlRead, RefusesWhatIsNotWellFormed) {
  const std::string nul("<Msg>\0</Msg>", 12);
  for (const std::string& bad : std::vector<std::string>{"",
                                                         " ",
                                                         "Msg",
                                                         "<Msg",
                                                         "<Msg>",
                                                         "</Msg>",
                                                         "<Msg></Msh>",
                                                         "<Msg><A></Msg></A>",
                                                         "<Msg/><Msg/>",
                                                         "<Msg/>x",
                                                         "x<Msg/>",
                                                         "<Msg/>&amp;",
                                                         "<Msg/><![CDATA[]]>",
                                                         "<Msg/></Msg>",
                                                         "<Msg a=b/>",
                                                         "<Msg a/>",
                                                         "<Msg a='1/>",
                                                         "<Msg a='1' a='2'/>",
                                                         "<Msg><A b='1' b='1'/></Msg>",
                                                         "<Msg a='<'/>",
                                                         "<Msg>&nbsp;</Msg>",
                                                         "<Msg>&</Msg>",
                                                         "<Msg>& ;</Msg>",
                                                         "<Msg a='&x;'/>",
                                                         "<Msg>&#0;</Msg>",
                                                         "<Msg>&#xD800;</Msg>",
                                                         "<Msg>&#1;</Msg>",
                                                         "<Msg>&#xFFFE;</Msg>",
                                                         "<Msg>\xEF\xBF\xBE</Msg>",
                                                         "<Msg a='\xEF\xBF\xBF'/>",
                                                         "<Msg>&#x110000;</Msg>",
                                                         "<Msg>&#;</Msg>",
                                                         "<Msg>&#x;</Msg>",
                                                         "<Msg>&#-1;</Msg>",
                                                         "<Msg>\x01</Msg>",
                                                         nul,
                                                         "<Msg>\xC3(</Msg>",
                                                         "<Msg><![CDATA[</Msg>",
                                                         "<Msg><!-- </Msg>",
                                                         "<Msg><? </Msg>",
                                                         "< Msg/>",
                                                         "<1/>",
                                                         "<Msg><></></Msg>",
                                                         "<!DOCTYPE Msg><Msg/>",
                                                         "<Msg><!DOCTYPE x></Msg>",
                                                         "<!DOCTYPE Msg [<!ENTITY a \"b\">]><Msg>&a;</Msg>",
                                                         "<!-- a --> <?b?>"}) {
    v1::Msg msg;
    msg.set_id("old");
    EXPECT_EQ(from_xml(bad, &msg).code(), Code::kInvalidArgument) << bad;
    EXPECT_EQ(msg.ByteSizeLong(), 0) << bad;
  }
}

TEST(XmlRead, RefusesWhatDoesNotFit) {
  v1::Msg msg;
  EXPECT_EQ(from_xml("<Message/>", &msg), invalid_argument("the document element is Message, not Msg"));
  EXPECT_EQ(from_xml("<Msg><ID>1</ID><ID>2</ID></Msg>", &msg),
            invalid_argument("element Msg/ID is there twice", "Msg/ID"));
  EXPECT_EQ(from_xml("<Msg><ID>1</ID><Body Length='x'/></Msg>", &msg),
            invalid_argument("'x' is not a value of Msg/Body/@Length", "Msg/Body/@Length"));
  EXPECT_EQ(msg.ByteSizeLong(), 0);
}

TEST(XmlRead, Limits) {
  v1::Msg msg;
  EXPECT_EQ(from_xml("<Msg></Msg>", &msg, {.bytes = 11}), ok_status());
  EXPECT_EQ(from_xml("<Msg> </Msg>", &msg, {.bytes = 11}).code(), Code::kTooLarge);
  EXPECT_EQ(from_xml("<Msg><a><b/></a></Msg>", &msg, {.depth = 3}), ok_status());
  EXPECT_EQ(from_xml("<Msg><a><b><c/></b></a></Msg>", &msg, {.depth = 3}),
            invalid_argument("the XML nests deeper than 3 levels"));
  std::string deep;
  for (int i = 0; i < 1'000'000; i++) deep += "<a>";
  EXPECT_EQ(from_xml(deep, &msg).code(), Code::kInvalidArgument);
}

// Small markup makes a large tree: how large is known before it is built.
TEST(XmlRead, LimitsWhatATreeIsMadeOf) {
  v1::Status status;
  const auto times = [](int n, const std::string& text) {
    std::string all;
    for (int i = 0; i < n; i++) all += text;
    return all;
  };
  EXPECT_EQ(from_xml("<Status><a/>x<!----></Status>", &status, {.pieces = 5}), ok_status());
  EXPECT_EQ(from_xml("<Status><a/>x<!----><?b?></Status>", &status, {.pieces = 5}),
            Status(Code::kTooLarge, "the XML has more than 5 pieces of markup"));
  EXPECT_EQ(from_xml("<Status a='' b='' c=''><d e=''/></Status>", &status, {.pieces = 7, .attributes = 3}),
            ok_status());
  EXPECT_EQ(from_xml("<Status a='' b='' c='' d=''/>", &status, {.attributes = 3}),
            Status(Code::kTooLarge, "the XML has more than 3 attributes in one element"));
  std::string attributes;
  for (int i = 0; i < 400'000; i++) attributes += " a" + std::to_string(i) + "=''";
  EXPECT_EQ(from_xml("<Status" + attributes + "/>", &status).code(), Code::kTooLarge);
  for (const char* piece : {"<!---->", "<a/>", "x<?b?>", "<![CDATA[]]>", "<a b=''/>"}) {
    EXPECT_EQ(from_xml("<Status><Type>" + times(210'000, piece), &status).code(), Code::kTooLarge) << piece;
  }
}

// Whatever is cut off or put in, the readers say yes or no and no more.
TEST(XmlRead, CutAndSpoiltText) {
  const std::string whole =
      "<?xml version='1.0'?><!-- c --><Msg SchemaVersion=\"1.1\"><Body Type='b' Length='5'/>"
      "<ID><![CDATA[x]]>&#233;&amp;</ID><Timeout>60000</Timeout></Msg>";
  v1::Msg msg;
  ASSERT_EQ(from_xml(whole, &msg), ok_status());
  for (size_t length = 0; length < whole.size(); length++) {
    EXPECT_EQ(from_xml(whole.substr(0, length), &msg).code(), Code::kInvalidArgument) << length;
    (void)xml_root_name(whole.substr(0, length));
    EXPECT_FALSE(xml_element_text(whole.substr(0, length), "Msg").ok()) << length;
  }
  for (size_t at = 0; at < whole.size(); at++) {
    for (const char c : "\0<>/&;!?[]-\"'= x\xFF"s) {
      std::string spoilt = whole;
      spoilt[at] = c;
      if (const Status status = from_xml(spoilt, &msg); !status.ok()) {
        EXPECT_EQ(msg.ByteSizeLong(), 0);
      }
      (void)xml_root_name(spoilt);
      (void)xml_element_text(spoilt, "Msg");
    }
  }
}

TEST(XmlRootName, WithoutTheRest) {
  const auto root = [](std::string_view text) {
    const auto result = xml_root_name(text);
    return result.ok() ? *result : "refused";
  };
  EXPECT_EQ(root("<a"), "refused");
  EXPECT_EQ(root("<a>"), "a");
  EXPECT_EQ(root("<a/>"), "a");
  EXPECT_EQ(root("<?xml version='1.0'?><!-- <b> -->\r\n<a b='>'>&nonsense"), "a");
  EXPECT_EQ(root("<!DOCTYPE a><a/>"), "refused");
  EXPECT_EQ(root(""), "refused");
  EXPECT_EQ(root("{}"), "refused");
  EXPECT_EQ(root("<>"), "refused");
  EXPECT_EQ(root("<?a"), "refused");
}

TEST(XmlElementText, BytesAsTheyStand) {
  const auto cut = [](std::string_view text) {
    const auto result = xml_element_text(text, "D");
    return result.ok() ? *result : "refused";
  };
  EXPECT_EQ(cut("<R><D a='x>y' >t</D ></R>"), "<D a='x>y' >t</D >");
  EXPECT_EQ(cut("<R><DD/><D/><D>2</D></R>"), "<D/>");
  EXPECT_EQ(cut("<R><!-- <D>no</D> --><D><D>1</D><![CDATA[</D>]]><!--</D>--></D></R>"),
            "<D><D>1</D><![CDATA[</D>]]><!--</D>--></D>");
  EXPECT_EQ(cut("<D><R/></D>"), "<D><R/></D>");
  EXPECT_EQ(cut("<R><D></R>"), "refused");
  EXPECT_EQ(cut("<R a='<D/>'/>"), "refused");
  EXPECT_EQ(cut(""), "refused");
}

template <class M>
void expect_round_trips() {
  const uint64_t seed = testing::random_seed();
  for (uint64_t n = 0; n < 50; n++) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", message " + std::to_string(n));
    M message, again;
    // No white space at the ends of element text: it would be layout.
    testing::MessageFiller(seed + n, U"aZ09\"<>&']-é€\uFFFD😀").fill(&message);
    ASSERT_EQ(from_xml(to_xml(message), &again), ok_status()) << to_xml(message);
    EXPECT_TRUE(MessageDifferencer::Equals(message, again)) << to_xml(message);
  }
}
TEST(XmlRoundTrip, Manifest) { expect_round_trips<v1::Manifest>(); }
TEST(XmlRoundTrip, Msg) { expect_round_trips<v1::Msg>(); }
TEST(XmlRoundTrip, Policy) { expect_round_trips<v1::Policy>(); }
TEST(XmlRoundTrip, ContentLocationReply) { expect_round_trips<v1::ContentLocationReply>(); }
TEST(XmlRoundTrip, ReplyAssignments) { expect_round_trips<v1::ReplyAssignments>(); }
TEST(XmlRoundTrip, Status) { expect_round_trips<v1::Status>(); }
}  // namespace
}  // namespace smslab::codec
