#include <algorithm>
#include <iterator>

#include "proto/base/time_text.h"
#include "proto/codec/xml.h"
#include "proto/dav/namespaces.h"

namespace smslab::dav {

// What an item can be asked for (RFC 4918, section 15; iscollection and ishidden are Microsoft's). One that does not
// hold for an item is as if it were unknown.
struct LiveProp {
  std::string_view name;
  bool (*holds)(const Item&);
  void (*write)(const Item&, std::string*);
};

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

bool always(const Item&) { return true; }
// In the order of writing.
constexpr LiveProp kProps[] = {
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

const LiveProp* find_prop(const PropName& name) {
  if (name.space != kDav) return nullptr;
  const auto* found =
      std::find_if(std::begin(kProps), std::end(kProps), [&](const LiveProp& p) { return p.name == name.local; });
  return found == std::end(kProps) ? nullptr : found;
}

void append_missing(const PropName& name, std::string* out) {
  if (name.space == kDav) return append_empty(name.local, out);
  *out += '<' + name.local + " xmlns=\"";
  codec::append_xml_escaped(name.space, true, out);
  *out += "\"/>";
}
}  // namespace

MultistatusWriter::MultistatusWriter(const PropfindRequest& ask) : ask_(ask.ask) {
  if (ask_ != Ask::kProp) {
    for (const LiveProp& prop : kProps) known_.push_back(&prop);
    return;
  }
  std::set<PropName> seen;
  for (const PropName& name : ask.props) {
    if (!seen.insert(name).second) continue;
    if (const LiveProp* prop = find_prop(name)) {
      known_.push_back(prop);
    } else {
      append_missing(name, &unknown_);
    }
  }
}

void MultistatusWriter::begin(std::string* out) const {
  *out += R"(<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:">)";
}

void MultistatusWriter::add(const Item& item, std::string* out) const {
  std::string missing;
  *out += "<D:response>";
  append_text("href", item.href, out);
  *out += "<D:propstat><D:status>HTTP/1.1 200 OK</D:status><D:prop>";
  for (const LiveProp* prop : known_) {
    if (!prop->holds(item)) {
      append_empty(prop->name, &missing);
    } else if (ask_ == Ask::kPropName) {
      append_empty(prop->name, out);
    } else {
      prop->write(item, out);
    }
  }
  *out += "</D:prop></D:propstat>";
  if (ask_ == Ask::kProp) {
    missing += unknown_;
    if (!missing.empty()) {
      *out += "<D:propstat><D:status>HTTP/1.1 404 Not Found</D:status><D:prop>" + missing + "</D:prop></D:propstat>";
    }
  }
  *out += "</D:response>";
}

void MultistatusWriter::end(std::string* out) const { *out += "</D:multistatus>"; }

std::string write_multistatus(const std::vector<Item>& items, const PropfindRequest& ask) {
  const MultistatusWriter writer(ask);
  std::string out;
  writer.begin(&out);
  for (const Item& item : items) writer.add(item, &out);
  writer.end(&out);
  return out;
}

}  // namespace smslab::dav
