// What IIS refuses by its request filtering, though it is there and listed (semantics 9, rows 7 to 9).
#include <algorithm>

#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/fault/effects.h"
#include "proto/fault/plan.h"

namespace smslab::fault {
namespace {
// As IIS 7 is installed (assumed from its applicationHost.config).
constexpr std::string_view kSegments[] = {
    "web.config",        "bin",      "App_code",    "App_GlobalResources", "App_LocalResources",
    "App_WebReferences", "App_Data", "App_Browsers"};
constexpr std::string_view kExtensions[] = {
    ".asa",      ".asax",    ".ascx",        ".master",       ".skin",        ".browser",      ".sitemap", ".config",
    ".cs",       ".csproj",  ".vb",          ".vbproj",       ".webinfo",     ".licx",         ".resx",    ".resources",
    ".mdb",      ".vjsproj", ".java",        ".jsl",          ".ldb",         ".dsdgm",        ".ssdgm",   ".lsad",
    ".ssmap",    ".cd",      ".dsprototype", ".lsaprototype", ".sdm",         ".sdmDocument",  ".mdf",     ".ldf",
    ".ad",       ".dd",      ".ldd",         ".sd",           ".adprototype", ".lddprototype", ".exclude", ".refresh",
    ".compiled", ".msgx",    ".vsdisco",     ".rules"};

// "8" of 404.8, and what IIS says to it; nullptr when it serves the path.
struct Refusal {
  std::string_view code, words;
};
constexpr Refusal kDoubleEscape = {
    "11", "The request filtering module is configured to deny a request that contains a double escape sequence."};
constexpr Refusal kHiddenSegment = {
    "8", "The request filtering module is configured to deny a path in the URL that contains a hiddenSegment section."};
constexpr Refusal kExtension = {"7", "The request filtering module is configured to deny the file extension."};

template <class List>
bool has(const List& list, std::string_view word) {
  return std::ranges::any_of(list, [&](const auto& one) { return iequals(one, word); });
}

const Refusal* refusal(const v1::RequestFiltering& filter, const std::string& path) {
  const bool as_installed = filter.segments().empty() && filter.extensions().empty() && !filter.double_escaping();
  if (filter.double_escaping() || as_installed) {
    const auto again = percent_decode(path);
    if (path.find('+') != std::string::npos || (again && *again != path)) return &kDoubleEscape;
  }
  for (const std::string_view segment : split(path, '/')) {
    if (has(filter.segments(), segment) || (as_installed && has(kSegments, segment))) return &kHiddenSegment;
  }
  const size_t dot = path.find_last_of("./");
  if (dot == std::string::npos || path[dot] != '.') return nullptr;
  const std::string extension = path.substr(dot);
  return has(filter.extensions(), extension) || (as_installed && has(kExtensions, extension)) ? &kExtension : nullptr;
}
}  // namespace

bool is_filtered(const v1::RequestFiltering& filter, const std::string& path) {
  return refusal(filter, path) != nullptr;
}

Status check_request_filtering(const v1::FaultRule& rule) {
  for (const auto& segment : rule.request_filtering().segments()) {
    if (segment.empty() || segment.find('/') != std::string::npos) {
      return invalid_argument("a segment is one name of a path, as bin", "requestFiltering.segments");
    }
  }
  for (const auto& extension : rule.request_filtering().extensions()) {
    const bool one =
        extension.size() > 1 && extension[0] == '.' && extension.find_first_of("./", 1) == std::string::npos;
    if (!one) return invalid_argument("an extension has one dot, before it, as .mdb", "requestFiltering.extensions");
  }
  return check_asked(rule, {"content", "propfind"}, {"GET", "HEAD", "PROPFIND"});
}

bool filtering_concerns(const v1::FaultRule& rule, const Occasion& occasion) {
  return (occasion.route == "content" || occasion.route == "propfind") && matches(rule.match(), occasion) &&
         is_filtered(rule.request_filtering(), occasion.file);
}

// IIS's detailed page, shortened (assumed); the status code in the log has the number behind the dot as well.
void request_filtering(const Stroke& stroke) {
  const auto topic = stroke.reply->topic;
  const Refusal& why = *refusal(stroke.rule.request_filtering(), topic->file);
  const std::string title = "HTTP Error 404." + std::string(why.code) + " - Not Found";
  wire::Reply reply;
  reply.status = 404;
  reply.set("Content-Type", "text/html; charset=utf-8");
  reply.body = wire::Body("<html><head><title>" + title + "</title></head><body><h2>" + title + "</h2><h3>" +
                          std::string(why.words) + "</h3></body></html>\r\n");
  reply.topic = topic;
  *stroke.reply = std::move(reply);
}

}  // namespace smslab::fault
