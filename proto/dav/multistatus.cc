#include <algorithm>
#include <iterator>

#include "proto/base/time_text.h"
#include "proto/codec/xml.h"
#include "proto/dav/namespaces.h"

namespace smslab::dav {
namespace {
void append_text(std::string_view element, std::string_view text, std::string* out) {
  *out += "<D:";
  *out += element;
  *out += '>';
  codec::append_xml_escaped(text, false, out);
  *out += "</D:";
  *out += element;
  *out += '>';
}

void append_empty(std::string_view element, std::string* out) {
  *out += "<D:";
  *out += element;
  *out += "/>";
}

// What an item can be asked for, in the order of writing (RFC 4918, section 15; iscollection and ishidden are
// Microsoft's). A row that does not hold for an item is as if it were unknown.
struct Prop {
  std::string_view name;
  bool (*holds)(const Item&);
  void (*write)(const Item&, std::string*);
};
bool always(const Item&) { return true; }
constexpr Prop kProps[] = {
    {"displayname", always, [](const Item& i, std::string* out) { append_text("displayname", i.name, out); }},
    {"getcontentlength", always,
     [](const Item& i, std::string* out) {
       append_text("getcontentlength", i.folder ? "0" : std::to_string(i.size), out);
     }},
    {"getlastmodified", always,
     [](const Item& i, std::string* out) { append_text("getlastmodified", format_rfc1123(i.modified), out); }},
    {"creationdate", always,
     [](const Item& i, std::string* out) { append_text("creationdate", format_rfc3339(i.created), out); }},
    {"resourcetype", always,
     [](const Item& i, std::string* out) {
       *out += i.folder ? "<D:resourcetype><D:collection/></D:resourcetype>" : "<D:resourcetype/>";
     }},
    {"getetag", [](const Item& i) { return !i.etag.empty(); },
     [](const Item& i, std::string* out) { append_text("getetag", i.etag, out); }},
    {"getcontenttype", [](const Item& i) { return !i.content_type.empty(); },
     [](const Item& i, std::string* out) { append_text("getcontenttype", i.content_type, out); }},
    {"lockdiscovery", always, [](const Item&, std::string* out) { append_empty("lockdiscovery", out); }},
    {"supportedlock", always, [](const Item&, std::string* out) { append_empty("supportedlock", out); }},
    {"iscollection", always,
     [](const Item& i, std::string* out) { append_text("iscollection", i.folder ? "1" : "0", out); }},
    {"ishidden", always, [](const Item& i, std::string* out) { append_text("ishidden", i.hidden ? "1" : "0", out); }},
};

const Prop* find_prop(const PropName& name) {
  if (name.space != kDav) return nullptr;
  const auto* found =
      std::find_if(std::begin(kProps), std::end(kProps), [&](const Prop& p) { return p.name == name.local; });
  return found == std::end(kProps) ? nullptr : found;
}

void append_missing(const PropName& name, std::string* out) {
  if (name.space == kDav) return append_empty(name.local, out);
  *out += '<' + name.local + " xmlns=\"";
  codec::append_xml_escaped(name.space, true, out);
  *out += "\"/>";
}

// What of a request is the same for every item.
struct Plan {
  std::vector<const Prop*> known;  // in the order asked
  std::string unknown;             // their propstat, written out
};

Plan plan_for(const PropfindRequest& ask) {
  Plan plan;
  if (ask.ask != Ask::kProp) {
    for (const Prop& prop : kProps) plan.known.push_back(&prop);
    return plan;
  }
  std::set<PropName> seen;
  for (const PropName& name : ask.props) {
    if (!seen.insert(name).second) continue;
    const Prop* prop = find_prop(name);
    if (prop != nullptr) {
      plan.known.push_back(prop);
    } else {
      append_missing(name, &plan.unknown);
    }
  }
  return plan;
}

void append_response(const Item& item, const PropfindRequest& ask, const Plan& plan, std::string* out) {
  std::string missing;
  *out += "<D:response>";
  append_text("href", item.href, out);
  *out += "<D:propstat><D:status>HTTP/1.1 200 OK</D:status><D:prop>";
  for (const Prop* prop : plan.known) {
    if (!prop->holds(item)) {
      append_empty(prop->name, &missing);
    } else if (ask.ask == Ask::kPropName) {
      append_empty(prop->name, out);
    } else {
      prop->write(item, out);
    }
  }
  *out += "</D:prop></D:propstat>";
  if (ask.ask == Ask::kProp) {
    missing += plan.unknown;
    if (!missing.empty()) {
      *out += "<D:propstat><D:status>HTTP/1.1 404 Not Found</D:status><D:prop>" + missing + "</D:prop></D:propstat>";
    }
  }
  *out += "</D:response>";
}
}  // namespace

std::string write_multistatus(const std::vector<Item>& items, const PropfindRequest& ask) {
  constexpr size_t kUsualBytes = 900;  // of one response
  const Plan plan = plan_for(ask);
  std::string out;
  out.reserve(256 + items.size() * kUsualBytes);
  out += R"(<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:">)";
  for (const Item& item : items) append_response(item, ask, plan, &out);
  out += "</D:multistatus>";
  return out;
}

}  // namespace smslab::dav
