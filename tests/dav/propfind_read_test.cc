#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/dav/propfind.h"
#include "tests/support/status.h"

namespace smslab::dav {
namespace {
using ::testing::ElementsAre;

PropfindRequest read(std::string_view body) {
  const std::string depth = "0";
  const auto request = read_propfind(&depth, body);
  EXPECT_TRUE(request.ok()) << body << ": " << request.status().to_string();
  return request.ok() ? *request : PropfindRequest{};
}

TEST(PropfindRead, Depth) {
  const auto depth = [](const std::string& text) { return read_propfind(&text, "")->depth; };
  EXPECT_EQ(depth("0"), Depth::kZero);
  EXPECT_EQ(depth("1"), Depth::kOne);
  EXPECT_EQ(depth("1,noroot"), Depth::kOneNoRoot);
  EXPECT_EQ(depth("1,NoRoot"), Depth::kOneNoRoot);
  EXPECT_EQ(depth("infinity"), Depth::kInfinity);
  EXPECT_EQ(depth(" Infinity "), Depth::kInfinity);
  EXPECT_EQ(read_propfind(nullptr, "")->depth, Depth::kInfinity);
  for (const std::string bad : {"", "2", "-1", "00", "infinity,noroot", "0,1"}) {
    const auto request = read_propfind(&bad, "");
    EXPECT_EQ(request.status().code(), Code::kInvalidArgument) << bad;
    EXPECT_EQ(request.status().field(), "Depth");
  }
}

TEST(PropfindRead, Asks) {
  EXPECT_EQ(read("").ask, Ask::kAllProp);
  EXPECT_EQ(read("<propfind xmlns='DAV:'><allprop/></propfind>").ask, Ask::kAllProp);
  EXPECT_EQ(read("<?xml version='1.0'?>\r\n<D:propfind xmlns:D='DAV:'>\r\n <D:propname/>\r\n</D:propfind>\r\n").ask,
            Ask::kPropName);
  // RFC 4918, section 9.1.6: allprop with include.
  EXPECT_EQ(read("<D:propfind xmlns:D='DAV:'><D:allprop/><D:include><D:acl/></D:include></D:propfind>").ask,
            Ask::kAllProp);
  EXPECT_EQ(read("<propfind xmlns='DAV:'><x:other xmlns:x='urn:x'/><allprop/></propfind>").ask, Ask::kAllProp);
}

TEST(PropfindRead, NamesAreResolved) {
  const auto request = read(R"(<a:propfind xmlns:a="DAV:" xmlns="urn:default" xmlns:b="urn:b"><a:prop>)"
                            R"(<a:getcontentlength/><b:size xmlns:b="urn:inner"/><b:size/><size/>)"
                            R"(<size xmlns=""/><size xmlns="DAV:"/></a:prop></a:propfind>)");
  EXPECT_EQ(request.ask, Ask::kProp);
  EXPECT_THAT(request.props, ElementsAre(PropName{"DAV:", "getcontentlength"}, PropName{"urn:inner", "size"},
                                         PropName{"urn:b", "size"}, PropName{"urn:default", "size"},
                                         PropName{"", "size"}, PropName{"DAV:", "size"}));
  EXPECT_THAT(read("<propfind xmlns='DAV:'><prop/></propfind>").props, ElementsAre());
}

TEST(PropfindRead, Refuses) {
  std::string many = "<propfind xmlns='DAV:'><prop>";
  for (int i = 0; i < 101; i++) many += "<a/>";
  many += "</prop></propfind>";
  for (const std::string& bad : std::vector<std::string>{
           " ", "junk", "<propfind/>", "<propfind xmlns='dav:'><allprop/></propfind>", "<propfind xmlns='DAV:'/>",
           "<propfind xmlns='DAV:'><allprop/><propname/></propfind>",
           "<propfind xmlns='DAV:'><prop><a:b/></prop></propfind>",
           "<propfind xmlns='DAV:'><prop><a:/></prop></propfind>",
           "<propfind xmlns='DAV:' xmlns:a=''><prop><a:b/></prop></propfind>",
           "<propfind xmlns='DAV:'><prop>text</prop></propfind>", "<propfind xmlns='DAV:'>text<allprop/></propfind>",
           "<D:propfind><D:allprop/></D:propfind>", "<propertyupdate xmlns='DAV:'/>",
           "<propfind xmlns='DAV:'><allprop></propfind>", "<propfind xmlns='DAV:'><allprop/></propfind><x/>",
           "<!DOCTYPE propfind><propfind xmlns='DAV:'><allprop/></propfind>",
           "<!DOCTYPE a [<!ENTITY b 'c'>]><propfind xmlns='DAV:'><allprop/></propfind>", many}) {
    EXPECT_EQ(read_propfind(nullptr, bad).status().code(), Code::kInvalidArgument) << bad;
  }
  EXPECT_EQ(read_propfind(nullptr, std::string(1 << 20, ' ')).status().code(), Code::kTooLarge);
}
}  // namespace
}  // namespace smslab::dav
