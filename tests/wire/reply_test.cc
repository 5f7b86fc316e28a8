// What goes out: bodies, router, preconditions, ranges, entities, reply heads. No sockets.
#include <gtest/gtest.h>

#include <algorithm>

#include "proto/base/time_text.h"
#include "proto/wire/entity.h"
#include "proto/wire/multipart.h"
#include "proto/wire/precondition.h"
#include "proto/wire/range.h"
#include "proto/wire/reply_head.h"
#include "proto/wire/router.h"

namespace smslab::wire {
namespace {
class MemoryFile final : public ReadableFile {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<size_t> pread(uint64_t offset, std::span<char> buffer) const override {
    const size_t start = std::min<size_t>(offset, bytes_.size());
    return bytes_.copy(buffer.data(), std::min<size_t>(buffer.size(), 3), start);  // never all at once
  }
  uint64_t size() const override { return bytes_.size(); }
  int fd() const override { return -1; }

 private:
  std::string bytes_;
};

Request request(const std::string& method, const std::string& path, Fields fields = {}) {
  Request r;
  r.method = method;
  r.target = r.path = path;
  r.fields = std::move(fields);
  return r;
}

std::string field(const Reply& reply, std::string_view name) {
  if (name == "Content-Range" && reply.range) {
    return content_range({reply.range->first, reply.range->last}, reply.range->size);
  }
  const std::string* value = find_field(reply.fields, name);
  return value ? *value : "";
}

Body mixed_body() {  // "0123456789abcdef" in four pieces
  Body body("0123");
  body.append(std::make_shared<const MemoryFile>("xx456789yy"), 2, 6);
  body.append(std::make_shared<const std::string>("--abc--"), 2, 3);
  body.append(std::string("def"));
  return body;
}

TEST(BodyTest, EverySliceIsThePartOfTheWhole) {
  const Body body = mixed_body();
  const std::string whole = "0123456789abcdef";
  ASSERT_EQ(body.size(), whole.size());
  for (size_t offset = 0; offset <= whole.size(); offset++) {
    for (size_t size = 0; size <= whole.size() - offset; size++) {
      const Body part = body.slice(offset, size);
      ASSERT_EQ(part.size(), size);
      const auto bytes = part.read_all();
      ASSERT_TRUE(bytes.ok());
      ASSERT_EQ(*bytes, whole.substr(offset, size));
    }
  }
}

TEST(BodyTest, AppendsItselfAndDropsEmptyPieces) {
  Body body("ab");
  body.append(body);
  body.append(std::string());
  body.append(Body());
  EXPECT_EQ(body.pieces().size(), 2U);
  EXPECT_EQ(*body.read_all(), "abab");
}

TEST(BodyTest, AFileThatIsTooShortIsAnError) {
  Body body;
  body.append(std::make_shared<const MemoryFile>("abc"), 1, 5);
  EXPECT_EQ(body.size(), 5U);
  EXPECT_EQ(body.read_all().status().code(), Code::kDataLoss);
}

Handler says(const std::string& what) {
  return [what](const Request&) -> Result<Reply> {
    Reply reply;
    reply.body = Body(what);
    return reply;
  };
}

Router make_router() {
  Router router;
  router.add({"GET"}, "/sms*", says("short"));
  router.add({"GET", "HEAD", "PROPFIND"}, "/SMS_DP_SMSPKG*", says("content"));
  router.add({"GET", "HEAD"}, "/SMS_MP/.sms_pol", says("policy"));
  router.add({"CCM_POST", "POST"}, "/ccm_system/request", says("message"));
  router.add({"GET"}, "/CCM_System/Request", says("info"));
  return router;
}

std::string routed(const Router& router, const std::string& method, const std::string& path) {
  const auto reply = router.route(request(method, path));
  if (!reply.ok()) return std::string(code_name(reply.status().code()));
  return reply->status == 200 ? *reply->body.read_all() : std::to_string(reply->status);
}

TEST(RouterTest, FindsTheBestPathInAnyLetterCase) {
  const Router router = make_router();
  EXPECT_EQ(routed(router, "GET", "/sms_mp/.SMS_POL"), "policy");
  EXPECT_EQ(routed(router, "GET", "/sms_mp/.sms_polx"), "short");
  EXPECT_EQ(routed(router, "PROPFIND", "/sms_dp_smspkgd$/LON00001/"), "content");
  EXPECT_EQ(routed(router, "GET", "/SMS_DP_SMSPKG"), "content");
  EXPECT_EQ(routed(router, "CCM_POST", "/CCM_SYSTEM/request"), "message");
  EXPECT_EQ(routed(router, "GET", "/ccm_system/request"), "info");
}

TEST(RouterTest, SaysWhyNot) {
  const Router router = make_router();
  EXPECT_EQ(routed(router, "GET", "/"), "NOT_FOUND");
  EXPECT_EQ(routed(router, "GET", "/ccm_system/request/"), "NOT_FOUND");
  EXPECT_EQ(routed(router, "BREW", "/ccm_system/request"), "501");
  EXPECT_EQ(routed(router, "get", "/ccm_system/request"), "501");
  EXPECT_EQ(routed(router, "PROPFIND", "/ccm_system/request"), "405");
  EXPECT_EQ(routed(router, "PUT", "/ccm_system/request"), "405") << "known, though no path takes it";
  EXPECT_EQ(routed(router, "PUT", "/nowhere"), "NOT_FOUND");
  EXPECT_EQ(routed(router, "OPTIONS", "/nowhere"), "NOT_FOUND");
  const auto refused = router.route(request("PROPFIND", "/ccm_system/request"));
  EXPECT_EQ(field(*refused, "Allow"), "CCM_POST, POST, GET, OPTIONS");
}

TEST(RouterTest, AnswersOptions) {
  Router router = make_router();
  const auto content = router.route(request("OPTIONS", "/SMS_DP_SMSPKG$/x"));
  EXPECT_EQ(content->status, 200);
  EXPECT_EQ(field(*content, "Allow"), "GET, HEAD, PROPFIND, OPTIONS");
  EXPECT_EQ(field(*content, "DAV"), "1");
  const auto policy = router.route(request("OPTIONS", "/SMS_MP/.sms_pol"));
  EXPECT_EQ(field(*policy, "Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(find_field(policy->fields, "DAV"), nullptr);
  Request server = request("OPTIONS", "/");
  server.target = "*";
  EXPECT_EQ(field(*router.route(server), "Allow"), "GET, HEAD, PROPFIND, CCM_POST, POST, OPTIONS");
  router.add({"OPTIONS"}, "/own", says("own"));
  EXPECT_EQ(routed(router, "OPTIONS", "/own"), "own");
}

struct RangeCase {
  const char* value;
  uint64_t size;
  const char* expect;  // "whole", "none", or the ranges
};

std::string told(const RangeRequest& range) {
  if (range.kind == RangeRequest::Kind::kWhole) return "whole";
  if (range.kind == RangeRequest::Kind::kUnsatisfiable) return "none";
  std::string text;
  for (const ByteRange& part : range.ranges) {
    text += (text.empty() ? "" : " ") + std::to_string(part.first) + "-" + std::to_string(part.last);
  }
  return text;
}

TEST(RangeTest, IsReadAsRfc9110Says) {
  for (const RangeCase& one : std::vector<RangeCase>{
           {"bytes=0-0", 10, "0-0"},
           {"bytes=0-", 10, "0-9"},
           {"bytes=2-5", 10, "2-5"},
           {"BYTES=2-5", 10, "2-5"},
           {"bytes=2-99", 10, "2-9"},
           {"bytes=2-18446744073709551616", 10, "2-9"},
           {"bytes=9-", 10, "9-9"},
           {"bytes=10-", 10, "none"},
           {"bytes=10-20", 10, "none"},
           {"bytes=99999999999999999999-", 10, "none"},
           {"bytes=4294967296-4294967297", 5'000'000'000, "4294967296-4294967297"},
           {"bytes=-3", 10, "7-9"},
           {"bytes=-10", 10, "0-9"},
           {"bytes=-99", 10, "0-9"},
           {"bytes=-0", 10, "none"},
           {"bytes=0-", 0, "none"},
           {"bytes=-1", 0, "whole"},
           {"bytes=-0", 0, "none"},
           {"bytes=0-1,4-5", 10, "0-1 4-5"},
           {"bytes=0-1, ,-2,", 10, "0-1 8-9"},
           {"bytes=8-9,0-1", 10, "8-9 0-1"},
           {"bytes=0-1,2-3", 10, "0-1 2-3"},
           {"bytes=0-2,2-3", 10, "0-3"},
           {"bytes=0-1,6-7,4-5,1-4", 10, "0-5 6-7"},
           {"bytes=20-30,1-2", 10, "1-2"},
           {"bytes=20-30,40-", 10, "none"},
           {"bytes=", 10, "whole"},
           {"bytes=,", 10, "whole"},
           {"bytes", 10, "whole"},
           {"bytes=-", 10, "whole"},
           {"bytes=5", 10, "whole"},
           {"bytes=5-2", 10, "whole"},
           {"bytes=a-b", 10, "whole"},
           {"bytes=1-2x", 10, "whole"},
           {"bytes=1--2", 10, "whole"},
           {"bytes=+1-2", 10, "whole"},
           {"bytes=1 -2", 10, "whole"},
           {"bytes=0-1,x", 10, "whole"},
           {"bytes =0-1", 10, "whole"},
           {"lines=0-1", 10, "whole"},
           {"bytes=0-1, bytes=2-3", 10, "whole"},
           {"", 10, "whole"},
       }) {
    EXPECT_EQ(told(parse_range(one.value, one.size)), one.expect) << one.value << " of " << one.size;
  }
}

const std::string kModified = "Sat, 21 Nov 2026 20:00:00 GMT";
const std::string kEarlier = "Sat, 21 Nov 2026 19:59:59 GMT";
const std::string kLater = "Saturday, 21-Nov-26 20:00:01 GMT";
const std::string kSameAsctime = "Sat Nov 21 20:00:00 2026";

Entity entity(const std::string& bytes = "0123456789") {
  return {.body = Body(bytes),
          .content_type = "application/octet-stream",
          .etag = "\"e\"",
          .modified = *parse_rfc3339("2026-11-21T20:00:00.700Z")};
}

struct EntityCase {
  const char* name;
  std::string method;
  Fields fields;
  int status;
};

TEST(EntityTest, MeetsPreconditionsInTheirOrder) {
  const std::string get = "GET";
  for (const EntityCase& one : std::vector<EntityCase>{
           {"none", get, {}, 200},
           {"match", get, {{"If-Match", "\"e\""}}, 200},
           {"match one of", get, {{"If-Match", "\"a\", \"e\""}}, 200},
           {"match in a second line", get, {{"If-Match", "\"a\""}, {"if-match", "\"e\""}}, 200},
           {"match any", get, {{"If-Match", "*"}}, 200},
           {"match weak", get, {{"If-Match", "W/\"e\""}}, 412},
           {"match other", get, {{"If-Match", "\"a\""}}, 412},
           {"match unquoted", get, {{"If-Match", "e"}}, 412},
           {"match tag with a comma", get, {{"If-Match", "\"a,b\",\"e\""}}, 200},
           {"match hides unmodified", get, {{"If-Match", "\"e\""}, {"If-Unmodified-Since", kEarlier}}, 200},
           {"unmodified same", get, {{"If-Unmodified-Since", kModified}}, 200},
           {"unmodified same, asctime", get, {{"If-Unmodified-Since", kSameAsctime}}, 200},
           {"unmodified later, rfc 850", get, {{"If-Unmodified-Since", kLater}}, 200},
           {"unmodified earlier", get, {{"If-Unmodified-Since", kEarlier}}, 412},
           {"unmodified, no date", get, {{"If-Unmodified-Since", "yesterday"}}, 200},
           {"unmodified, two dates", get, {{"If-Unmodified-Since", kEarlier}, {"If-Unmodified-Since", kEarlier}}, 200},
           {"none match", get, {{"If-None-Match", "\"e\""}}, 304},
           {"none match weak", get, {{"If-None-Match", "W/\"e\""}}, 304},
           {"none match list", get, {{"If-None-Match", "\"a\" , W/\"b\",\"e\""}}, 304},
           {"none match any", get, {{"If-None-Match", "*"}}, 304},
           {"none match other", get, {{"If-None-Match", "\"a\""}}, 200},
           {"none match for HEAD", "HEAD", {{"If-None-Match", "\"e\""}}, 304},
           {"none match for others", "POST", {{"If-None-Match", "\"e\""}}, 412},
           {"none match hides modified", get, {{"If-None-Match", "\"a\""}, {"If-Modified-Since", kLater}}, 200},
           {"modified same", get, {{"If-Modified-Since", kModified}}, 304},
           {"modified same, asctime", get, {{"If-Modified-Since", kSameAsctime}}, 304},
           {"modified later, rfc 850", get, {{"If-Modified-Since", kLater}}, 304},
           {"modified earlier", get, {{"If-Modified-Since", kEarlier}}, 200},
           {"modified, no date", get, {{"If-Modified-Since", "soon"}}, 200},
           {"modified, two dates", get, {{"If-Modified-Since", kLater}, {"If-Modified-Since", kLater}}, 200},
           {"modified for POST", "POST", {{"If-Modified-Since", kLater}}, 200},
           {"match fails before none match", get, {{"If-None-Match", "\"e\""}, {"If-Match", "\"a\""}}, 412},
           {"match, then none match", get, {{"If-Match", "\"e\""}, {"If-None-Match", "\"e\""}}, 304},
           {"precondition before range", get, {{"If-None-Match", "\"e\""}, {"Range", "bytes=0-1"}}, 304},
           {"precondition before 416", get, {{"If-Match", "\"a\""}, {"Range", "bytes=99-"}}, 412},
           {"range", get, {{"Range", "bytes=0-1"}}, 206},
           {"range for HEAD", "HEAD", {{"Range", "bytes=0-1"}}, 200},
           {"two ranges", get, {{"Range", "bytes=0-1,4-5"}}, 206},
           {"two ranges, one beyond", get, {{"Range", "bytes=0-1,40-"}}, 206},
           {"two ranges beyond", get, {{"Range", "bytes=10-,20-"}}, 416},
           {"two ranges for HEAD", "HEAD", {{"Range", "bytes=0-1,4-5"}}, 200},
           {"two ranges, if-range other tag", get, {{"Range", "bytes=0-1,4-5"}, {"If-Range", "\"a\""}}, 200},
           {"bad range", get, {{"Range", "bytes=5-2"}}, 200},
           {"range beyond", get, {{"Range", "bytes=10-"}}, 416},
           {"if-range tag", get, {{"Range", "bytes=0-1"}, {"If-Range", "\"e\""}}, 206},
           {"if-range weak tag", get, {{"Range", "bytes=0-1"}, {"If-Range", "W/\"e\""}}, 200},
           {"if-range other tag", get, {{"Range", "bytes=0-1"}, {"If-Range", "\"a\""}}, 200},
           {"if-range date", get, {{"Range", "bytes=0-1"}, {"If-Range", kModified}}, 200},
           {"if-range earlier", get, {{"Range", "bytes=0-1"}, {"If-Range", kEarlier}}, 200},
           {"if-range later", get, {{"Range", "bytes=0-1"}, {"If-Range", kLater}}, 200},
           {"if-range nonsense", get, {{"Range", "bytes=0-1"}, {"If-Range", "e"}}, 200},
           {"if-range hides 416", get, {{"Range", "bytes=10-"}, {"If-Range", "\"a\""}}, 200},
       }) {
    EXPECT_EQ(entity_reply(request(one.method, "/", one.fields), entity()).status, one.status) << one.name;
  }
}

TEST(EntityTest, NoDateSpeaksForContentWithoutOne) {
  const Entity damaged{
      .body = Body("0123456789"), .etag = "\"e\"", .modified = *parse_http_date(kModified), .dated = false};
  const auto status = [&](const Fields& fields) { return entity_reply(request("GET", "/x", fields), damaged).status; };
  EXPECT_EQ(status({{"If-Modified-Since", kLater}}), 200);
  EXPECT_EQ(status({{"If-Unmodified-Since", kLater}}), 412);
  EXPECT_EQ(status({{"If-None-Match", "\"e\""}}), 304);
  EXPECT_EQ(field(entity_reply(request("GET", "/x"), damaged), "Last-Modified"), kModified);
}

TEST(EntityTest, WithoutValidatorsNothingMatchesButTheStar) {
  const Entity plain{.body = Body("x")};
  const auto status = [&](const Fields& fields) { return entity_reply(request("GET", "/", fields), plain).status; };
  EXPECT_EQ(status({{"If-Match", "\"\""}}), 412);
  EXPECT_EQ(status({{"If-Match", "*"}}), 200);
  EXPECT_EQ(status({{"If-None-Match", "\"\""}}), 200);
  EXPECT_EQ(status({{"If-Modified-Since", kLater}}), 200);
  EXPECT_EQ(status({{"If-Unmodified-Since", kEarlier}}), 200);
  EXPECT_EQ(status({{"Range", "bytes=0-0"}, {"If-Range", kModified}}), 200);
  EXPECT_EQ(status({{"Range", "bytes=0-0"}}), 206);
}

TEST(EntityTest, EachStatusHasItsFields) {
  const Reply whole = entity_reply(request("GET", "/"), entity());
  EXPECT_EQ(*whole.body.read_all(), "0123456789");
  EXPECT_EQ(field(whole, "Content-Type"), "application/octet-stream");
  EXPECT_EQ(field(whole, "Accept-Ranges"), "bytes");
  EXPECT_EQ(field(whole, "ETag"), "\"e\"");
  EXPECT_EQ(field(whole, "Last-Modified"), kModified);

  const Reply part = entity_reply(request("GET", "/", {{"Range", "bytes=-4"}}), entity());
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(*part.body.read_all(), "6789");
  EXPECT_EQ(field(part, "Content-Range"), "bytes 6-9/10");
  EXPECT_EQ(field(part, "Content-Type"), "application/octet-stream");
  EXPECT_EQ(field(part, "ETag"), "\"e\"");

  const Reply same = entity_reply(request("GET", "/", {{"If-None-Match", "\"e\""}}), entity());
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body.size(), 0U);
  EXPECT_EQ(field(same, "ETag"), "\"e\"");
  EXPECT_EQ(find_field(same.fields, "Content-Type"), nullptr);

  const Reply beyond = entity_reply(request("GET", "/", {{"Range", "bytes=10-"}}), entity());
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(field(beyond, "Content-Range"), "bytes */10");

  const Reply nothing = entity_reply(request("GET", "/", {{"Range", "bytes=0-"}}), entity(""));
  EXPECT_EQ(nothing.status, 416);
  EXPECT_EQ(field(nothing, "Content-Range"), "bytes */0");
}

std::string written(const Reply& reply, std::string_view connection, BodyEnd end = BodyEnd::kLength) {
  std::string head;
  write_reply_head(reply, "now", connection, end, &head);
  return head;
}

TEST(ReplyHeadTest, IsWrittenInOrder) {
  Reply reply = error_reply(404, "no such thing");
  EXPECT_EQ(written(reply, "close"),
            "HTTP/1.1 404 Not Found\r\nDate: now\r\nConnection: close\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 14\r\n\r\n");
  reply = {};
  EXPECT_EQ(written(reply, ""), "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(written(reply, "", BodyEnd::kChunked),
            "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(written(reply, "close", BodyEnd::kClose), "HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\n");
  reply.set("X", "1");
  reply.lines = std::make_shared<const std::string>("Y: 2\r\nZ: 3\r\n");
  reply.range = ContentRange{5, 18446744073709551614U, 18446744073709551615U};
  reply.body = Body("hello");
  EXPECT_EQ(written(reply, ""),
            "HTTP/1.1 200 OK\r\nDate: now\r\nX: 1\r\nY: 2\r\nZ: 3\r\n"
            "Content-Range: bytes 5-18446744073709551614/18446744073709551615\r\nContent-Length: 5\r\n\r\n");
  reply = {};
  reply.status = 204;
  EXPECT_EQ(written(reply, ""), "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n");
}

TEST(ReplyHeadTest, AHandlersMistakesAreFound) {
  const auto with = [](std::string name, std::string value) {
    Reply reply;
    reply.set(std::move(name), std::move(value));
    return check_reply(reply).code();
  };
  EXPECT_EQ(with("X", "y"), Code::kOk);
  EXPECT_EQ(with("X", "y\r\nSet-Cookie: z"), Code::kInternal);
  EXPECT_EQ(with("X Y", "z"), Code::kInternal);
  EXPECT_EQ(with("", "z"), Code::kInternal);
  EXPECT_EQ(with("content-length", "3"), Code::kInternal);
  EXPECT_EQ(with("Connection", "close"), Code::kInternal);
  Reply interim;
  interim.status = 100;
  EXPECT_EQ(check_reply(interim).code(), Code::kInternal);
}

TEST(DateTextTest, FollowsTheSecond) {
  DateText date;
  const LabTime start = *parse_rfc3339("2026-11-21T20:00:00Z");
  EXPECT_EQ(date.at(start), kModified);
  EXPECT_EQ(date.at(start + std::chrono::milliseconds(999)), kModified);
  EXPECT_EQ(date.at(start + std::chrono::milliseconds(1000)), "Sat, 21 Nov 2026 20:00:01 GMT");
  EXPECT_EQ(date.at(start - std::chrono::milliseconds(1)), kEarlier);
}

}  // namespace
}  // namespace smslab::wire
