#include "proto/fault/pages.h"

#include <algorithm>
#include <array>

namespace smslab::fault {
namespace {
struct Row {
  std::string_view status, title, text;
};
// The texts are the web server's own; that every page has the frame of the kernel's 503 is assumed: whole pages of the
// time are not recorded.
constexpr std::array kPages = {
    Row{"400", "Bad Request", "The request is badly formed."},
    Row{"401", "Not Authorized", "The requested resource requires user authentication."},
    Row{"403", "Forbidden", "Access is denied."},
    Row{"403.7", "Forbidden", "SSL client certificate is required."},
    Row{"404", "Not Found", "The requested resource is not found."},
    Row{"404.7", "Not Found", "File extension denied."},
    Row{"404.8", "Not Found", "Hidden namespace."},
    Row{"404.11", "Not Found", "URL double escaped."},
    Row{"405", "Method Not Allowed", "The HTTP verb used is not allowed."},
    Row{"500", "Internal Server Error", "An internal server error occurred."},
    Row{"501", "Not Implemented", "The HTTP verb used is not supported."},
    Row{"503", "Service Unavailable", "The service is unavailable."},
};
}  // namespace

std::optional<std::string> page_of(std::string_view status) {
  const auto row = std::ranges::find(kPages, status, &Row::status);
  if (row == kPages.end()) return std::nullopt;
  const std::string title(row->title);
  return "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"\"http://www.w3.org/TR/html4/strict.dtd\">\r\n"
         "<HTML><HEAD><TITLE>" +
         title +
         "</TITLE>\r\n"
         "<META HTTP-EQUIV=\"Content-Type\" Content=\"text/html; charset=us-ascii\"></HEAD>\r\n"
         "<BODY><h2>" +
         title + "</h2>\r\n<hr><p>HTTP Error " + std::string(status) + ". " + std::string(row->text) +
         "</p>\r\n</BODY></HTML>\r\n";
}

std::string known_pages() {
  std::string out;
  for (const Row& row : kPages) out += (out.empty() ? "" : ", ") + std::string(row.status);
  return out;
}

}  // namespace smslab::fault
