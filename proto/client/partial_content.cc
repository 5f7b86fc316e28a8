#include "proto/client/partial_content.h"

#include "proto/base/hex.h"
#include "proto/base/text.h"

namespace smslab::client {
namespace {
constexpr uint64_t kMaxJournal = uint64_t{256} << 20;

std::string journal_line(const std::string& etag, const std::string& file) { return etag + "\t" + file + "\n"; }
}  // namespace

Result<PartialContent> PartialContent::open(Env& env, const std::string& folder, const Listing& listing) {
  PartialContent partial(folder);
  const std::string names = to_hex(listing.names_digest());
  const std::string path = folder + "/journal";
  if (const auto text = read_file(env, path, kMaxJournal); text.ok()) {
    const auto lines = split(*text, '\n');
    if (lines.front() == names) {
      for (size_t i = 1; i + 1 < lines.size(); i++) {  // what follows the last line end is torn, or nothing
        const size_t tab = lines[i].find('\t');
        if (tab != std::string_view::npos)
          partial.etags_[std::string(lines[i].substr(tab + 1))] = lines[i].substr(0, tab);
      }
    }
  }
  if (partial.etags_.empty()) RETURN_IF_ERROR(env.remove_tree(folder));

  const std::string content = content_folder(folder);
  RETURN_IF_ERROR(env.make_folders(content));
  for (const auto& below : listing.folders) RETURN_IF_ERROR(env.make_folders(content + "/" + below));
  for (const auto& file : listing.files) {
    const size_t slash = file.path.rfind('/');
    if (slash != std::string::npos) RETURN_IF_ERROR(env.make_folders(content + "/" + file.path.substr(0, slash)));
  }
  std::string text = names + "\n";
  for (const auto& [file, etag] : partial.etags_) text += journal_line(etag, file);
  RETURN_IF_ERROR(write_file(env, path, text));
  ASSIGN_OR_RETURN(partial.journal_, env.open_append(path));
  return partial;
}

std::string PartialContent::etag(const std::string& file) const {
  const auto at = etags_.find(file);
  return at == etags_.end() ? "" : at->second;
}

Status PartialContent::note(const std::string& file, const std::string& etag) {
  etags_[file] = etag;
  return journal_->append(journal_line(etag, file));
}

}  // namespace smslab::client
