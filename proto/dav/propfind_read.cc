#include "proto/base/text.h"
#include "proto/codec/xml_document.h"
#include "proto/dav/namespaces.h"
#include "proto/dav/propfind.h"

namespace smslab::dav {
namespace {
constexpr codec::XmlLimits kLimits{.bytes = size_t{64} << 10, .depth = 16};
constexpr size_t kMostProps = 100;
constexpr size_t kMostNameBytes = 4096;  // of all names: each unknown one is repeated for every item of the answer

Result<Depth> read_depth(const std::string* field) {
  if (field == nullptr) return Depth::kInfinity;
  const std::string text = ascii_lower(trim(*field));
  if (text == "0") return Depth::kZero;
  if (text == "1") return Depth::kOne;
  if (text == "1,noroot") return Depth::kOneNoRoot;
  if (text == "infinity") return Depth::kInfinity;
  return invalid_argument("Depth '" + *field + "' is none of 0, 1, 1,noroot and infinity", "Depth");
}
}  // namespace

Result<PropfindRequest> read_propfind(const std::string* depth, std::string_view body) {
  PropfindRequest out;
  ASSIGN_OR_RETURN(out.depth, read_depth(depth));
  if (body.empty()) return out;

  pugi::xml_document document;
  RETURN_IF_ERROR(codec::load_xml(body, kLimits, &document));
  const auto root = document.document_element();
  if (!is_dav(root, "propfind")) return invalid_argument("the body is not a propfind document");
  int asks = 0;
  size_t name_bytes = 0;
  for (const auto& child : root.children()) {
    if (child.type() != pugi::node_element) return invalid_argument("text inside propfind");
    if (is_dav(child, "allprop")) {
      out.ask = Ask::kAllProp;
    } else if (is_dav(child, "propname")) {
      out.ask = Ask::kPropName;
    } else if (is_dav(child, "prop")) {
      out.ask = Ask::kProp;
      for (const auto& prop : child.children()) {
        if (prop.type() != pugi::node_element) return invalid_argument("text inside prop");
        ASSIGN_OR_RETURN(PropName name, expanded_name(prop));
        name_bytes += name.space.size() + name.local.size();
        if (out.props.size() == kMostProps || name_bytes > kMostNameBytes) {
          return invalid_argument("propfind asks for too many properties");
        }
        out.props.push_back(std::move(name));
      }
    } else {
      continue;  // include, and what others add: to be ignored (RFC 4918, section 17)
    }
    asks++;
  }
  if (asks != 1) return invalid_argument("propfind must hold exactly one of allprop, propname and prop");
  return out;
}

}  // namespace smslab::dav
