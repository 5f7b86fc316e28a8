#include <fmt/format.h>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/env.h"
#include "store/fsck.h"

namespace smslab::cli {
namespace {
Result<std::vector<std::string>> folders_in(const std::string& folder) {
  std::vector<std::string> folders;
  if (!posix_env().info(folder).ok()) return folders;
  ASSIGN_OR_RETURN(const auto entries, posix_env().list(folder));
  for (const auto& entry : entries) {
    if (entry.type == FileType::kFolder) folders.push_back(folder + "/" + entry.name);
  }
  return folders;
}

// The stores of a data folder: the site's, and one for each DP; and so for each lab in it.
Result<std::vector<std::string>> stores_of(const std::string& data) {
  std::vector<std::string> stores;
  ASSIGN_OR_RETURN(std::vector<std::string> labs, folders_in(data + "/labs"));
  labs.insert(labs.begin(), data);
  for (const std::string& lab : labs) {
    if (posix_env().info(lab + "/site").ok()) stores.push_back(lab + "/site");
    ASSIGN_OR_RETURN(const auto dps, folders_in(lab + "/dp"));
    stores.insert(stores.end(), dps.begin(), dps.end());
  }
  if (stores.empty()) return not_found(data + " holds no lab", "--data");
  return stores;
}

Status check_stores(const Cli& cli) {
  ASSIGN_OR_RETURN(const std::string data, cli.finder.data_folder());
  ASSIGN_OR_RETURN(const auto stores, stores_of(data));
  v1::FsckReply total;
  for (const std::string& folder : stores) {
    ASSIGN_OR_RETURN(const v1::FsckReply report, store::fsck(posix_env(), folder));
    total.set_blobs(total.blobs() + report.blobs());
    total.set_bytes(total.bytes() + report.bytes());
    total.set_manifests(total.manifests() + report.manifests());
    for (const auto& problem : report.problems()) total.add_problems(folder + ": " + problem);
  }
  if (cli.json) {
    print_json(total);
  } else {
    for (const auto& problem : total.problems()) fmt::print("{}\n", problem);
    fmt::print("{} stores, {} manifests, {} blobs, {}: {}\n", stores.size(), total.manifests(), total.blobs(),
               shown_size(total.bytes()), total.problems().empty() ? "clean" : "damaged");
  }
  if (total.problems().empty()) return ok_status();
  return {Code::kDataLoss,
          std::to_string(total.problems_size()) + " problems found; a refresh or an update mends damaged content"};
}
}  // namespace

void add_fsck(CLI::App& app, Cli& cli) {
  add_verb(app, cli, "fsck", "Check every stored byte of a data folder that no lab has open",
           [&cli] { return check_stores(cli); });
}

}  // namespace smslab::cli
