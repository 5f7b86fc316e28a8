#include "dp/manifest.h"

#include <unordered_map>

#include "proto/base/ids.h"
#include "proto/base/names.h"
#include "proto/base/text.h"
#include "proto/base/tree_hash.h"
#include "proto/codec/json.h"
#include "proto/codec/xml.h"
#include "proto/schema/timestamp.h"
#include "proto/wire/entity.h"

namespace smslab::dp {
namespace {

enum class Form { kJson, kProtobuf, kXml };
struct FormRow {
  std::string_view type;
  Form form;
};
constexpr FormRow kForms[] = {
    // the first is the default
    {"application/json", Form::kJson},
    {"application/x-protobuf", Form::kProtobuf},
    {"text/xml", Form::kXml},
    {"application/xml", Form::kXml},
};

// The first form that Accept names; the default when it names none.
const FormRow& negotiate(const std::string* accept) {
  for (std::string_view range : split(accept ? std::string_view(*accept) : std::string_view(), ',')) {
    const std::string_view type = trim(range.substr(0, range.find(';')));
    for (const FormRow& row : kForms) {
      if (iequals(type, row.type)) return row;
    }
  }
  return kForms[0];
}

std::string encode(const v1::Manifest& manifest, Form form) {
  switch (form) {
    case Form::kProtobuf: return manifest.SerializeAsString();
    case Form::kXml: return codec::to_xml(manifest);
    case Form::kJson: break;
  }
  return codec::to_json(manifest);
}

std::string_view suffix(Form form) { return form == Form::kProtobuf ? "-pb" : form == Form::kXml ? "-xml" : "-json"; }

bool is_digest(std::string_view hex, size_t digits) {
  return hex.size() == digits && hex.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

Status check_hash(const v1::Hash& hash, const std::string& of) {
  if (is_digest(hash.md5(), 32) && is_digest(hash.sha1(), 40) && is_digest(hash.sha256(), 64)) return ok_status();
  return invalid_argument(of + " lacks a digest, or one is not upper-case hex of its length", "manifest");
}

// Names seen so far, whatever their case, and whether they are folders.
class Names {
 public:
  Status add(const std::string& path, bool folder) {
    RETURN_IF_ERROR(check_content_path(path));
    if (!seen_.emplace(fold_name(path), folder).second) {
      return invalid_argument("'" + path + "' stands twice, or differs from another name only in case", "manifest");
    }
    return ok_status();
  }
  // Once all are added: the folder that holds `path` must be one of them.
  Status check_parent(const std::string& path) const {
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ok_status();
    const auto parent = seen_.find(fold_name(path.substr(0, slash)));
    if (parent != seen_.end() && parent->second) return ok_status();
    return invalid_argument("the folder of '" + path + "' is not listed", "manifest");
  }

 private:
  std::unordered_map<std::string, bool> seen_;
};

ContentDigests digests_of(const v1::Hash& hash) { return {hash.md5(), hash.sha1(), hash.sha256()}; }

}  // namespace

Result<wire::Reply> serve_manifest(const Loaded& package, const wire::Request& request) {
  const FormRow& row = negotiate(request.field("Accept"));
  wire::Reply reply = wire::entity_reply(
      request, {.body = wire::Body(encode(package.manifest(), row.form)),
                .content_type = std::string(row.type),
                .etag = '"' + package.content.manifest_digest() + std::string(suffix(row.form)) + '"',
                .modified = from_timestamp(package.content.installed())});
  reply.set("Vary", "Accept");
  return reply;
}

Status check_manifest(const v1::Manifest& manifest) {
  const auto package_id = parse_package_id(manifest.package_id(), "manifest.package_id");
  if (!package_id.ok()) return package_id.status();
  if (*package_id != manifest.package_id()) {
    return invalid_argument("the package ID '" + manifest.package_id() + "' is not in upper case",
                            "manifest.package_id");
  }
  if (manifest.version() == 0) return invalid_argument("versions begin with 1", "manifest.version");

  Names names;
  for (const auto& folder : manifest.folders()) RETURN_IF_ERROR(names.add(folder.path(), true));
  for (const auto& file : manifest.files()) RETURN_IF_ERROR(names.add(file.path(), false));
  for (const auto& folder : manifest.folders()) RETURN_IF_ERROR(names.check_parent(folder.path()));
  for (const auto& file : manifest.files()) RETURN_IF_ERROR(names.check_parent(file.path()));

  uint64_t size = 0;
  std::unordered_map<std::string_view, const v1::FileEntry*> by_content;
  for (const auto& file : manifest.files()) {
    RETURN_IF_ERROR(check_hash(file.hash(), "'" + file.path() + "'"));
    const auto& same = *by_content.emplace(file.hash().sha256(), &file).first->second;
    if (same.size() != file.size() || digests_of(same.hash()) != digests_of(file.hash())) {
      return invalid_argument("'" + same.path() + "' and '" + file.path() + "' have one SHA-256 but differ",
                              "manifest");
    }
    if (__builtin_add_overflow(size, file.size(), &size))
      return invalid_argument("the sizes overflow", "manifest.size");
  }
  if (size != manifest.size()) {
    return invalid_argument(
        "the files have " + std::to_string(size) + " bytes together, not " + std::to_string(manifest.size()),
        "manifest.size");
  }
  if (digests_of(package_hash(manifest)) != digests_of(manifest.hash())) {
    return invalid_argument("the package hash is not that of the files listed", "manifest.hash");
  }
  return ok_status();
}

v1::Hash package_hash(const v1::Manifest& manifest, const std::map<std::string, v1::Hash>& changed) {
  PackageTree tree;
  for (const auto& folder : manifest.folders()) tree.add_folder(folder.path());
  for (const auto& file : manifest.files()) {
    const auto found = changed.find(file.path());
    tree.add_file(file.path(), digests_of(found == changed.end() ? file.hash() : found->second));
  }
  v1::Hash hash;
  hash.set_md5(tree.hash(Algorithm::kMd5));
  hash.set_sha1(tree.hash(Algorithm::kSha1));
  hash.set_sha256(tree.hash(Algorithm::kSha256));
  return hash;
}

}  // namespace smslab::dp
