#include <fmt/format.h>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/env.h"
#include "store/fsck.h"

namespace smslab::cli {
namespace {
// The stores of a data folder: the site's, and one for each DP.
Result<std::vector<std::string>> stores_of(const std::string& data) {
  std::vector<std::string> stores;
  if (posix_env().info(data + "/site").ok()) stores.push_back(data + "/site");
  if (posix_env().info(data + "/dp").ok()) {
    ASSIGN_OR_RETURN(const auto dps, posix_env().list(data + "/dp"));
    for (const auto& dp : dps) {
      if (dp.type == FileType::kFolder) stores.push_back(data + "/dp/" + dp.name);
    }
  }
  if (stores.empty()) return not_found(data + " holds no lab", "--data");
  return stores;
}

Status check_stores(const Cli& cli) {
  const std::string data = cli.finder.data.empty() ? "smslab-data" : cli.finder.data;
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
