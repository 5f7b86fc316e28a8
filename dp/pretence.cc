#include "dp/pretence.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dp/content.h"
#include "proto/base/names.h"
#include "store/manifest.h"

namespace smslab::dp {

const fault::StorePretence* pretence_of(const wire::Request& request) {
  return request.pretence ? dynamic_cast<const fault::StorePretence*>(request.pretence.get()) : nullptr;
}

LoadedPtr pretend(const LoadedPtr& installed, const fault::StorePretence& pretence) {
  const bool other = pretence.version != nullptr && !pretence.beginning;
  if (!other && pretence.changes.empty()) return installed;
  auto shown = std::make_shared<Loaded>();
  shown->content = installed->content;
  if (!other) {
    shown->damages = installed->damages;
    shown->open = installed->open;
  } else {
    shown->content.set_version(pretence.version->manifest.version());
    shown->content.set_manifest_digest(store::manifest_digest(pretence.version->manifest));
    shown->open = pretence.version->open;
  }
  v1::Manifest manifest = other ? pretence.version->manifest : installed->manifest();
  for (const auto& change : pretence.changes) change(&manifest);
  shown->tree = store::ContentTree::build(std::move(manifest));
  return shown;
}

Result<wire::Body> pretended_body(const Contents& contents, const Loaded& shown, const v1::FileEntry& file,
                                  const fault::StorePretence& pretence) {
  ASSIGN_OR_RETURN(const wire::Body body, contents.body(shown, file));
  if (!pretence.beginning) return body;
  const std::string folded = fold_name(file.path());
  const auto& files = pretence.version->manifest.files();
  const auto old = std::ranges::find_if(
      files, [&](const v1::FileEntry& one) { return fold_name(one.path()) == folded && one.size() > 0; });
  if (old == files.end()) return body;
  ASSIGN_OR_RETURN(const auto bytes, pretence.version->open(old->hash().sha256()));
  const uint64_t torn_at = std::min({pretence.torn_at.value_or(file.size() / 2), old->size(), file.size()});
  wire::Body torn;
  torn.append(bytes, 0, torn_at);
  torn.append(body.slice(torn_at, body.size() - torn_at));
  return torn;
}

Listing and_made_up(Listing listing, uint64_t files, std::string url) {
  return [listing = std::move(listing), files, url = std::move(url), n = uint64_t{0}]() mutable {
    if (auto item = listing()) return item;
    if (n == files) return std::optional<dav::Item>();
    dav::Item item;
    item.name = fmt::format("made-up-{:08}.bin", ++n);
    item.href = url + '/' + item.name;
    item.size = n;
    item.content_type = content_type_of(item.name);
    item.etag = '"' + item.name + '"';
    return std::optional<dav::Item>(std::move(item));
  };
}

}  // namespace smslab::dp
