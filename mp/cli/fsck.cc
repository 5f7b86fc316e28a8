// `smslab fsck`: every stored byte looked at, and put right where that is possible.
#include <fmt/format.h>

#include <algorithm>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/env.h"
#include "store/fsck.h"
#include "store/repair.h"

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

Result<v1::FsckReply> check_store(const std::vector<std::string>& stores, const std::string& folder, bool repair) {
  if (!repair) return store::fsck(posix_env(), folder);
  std::vector<std::string> others = stores;
  std::erase(others, folder);
  return store::repair(posix_env(), folder, others);
}

Result<v1::FsckReply> check_stores(const std::vector<std::string>& stores, bool repair) {
  v1::FsckReply total;
  for (const std::string& folder : stores) {
    const auto checked = check_store(stores, folder, repair);
    if (checked.status().code() == Code::kDataLoss) {  // the others may be sound
      total.add_problems(folder + ": " + checked.status().message());
      continue;
    }
    RETURN_IF_ERROR(checked.status());
    const v1::FsckReply& report = *checked;
    total.set_blobs(total.blobs() + report.blobs());
    total.set_bytes(total.bytes() + report.bytes());
    total.set_manifests(total.manifests() + report.manifests());
    for (const auto& problem : report.problems()) total.add_problems(folder + ": " + problem);
    for (const auto& repaired : report.repaired()) total.add_repaired(folder + ": " + repaired);
    for (const auto& leftover : report.leftovers()) total.add_leftovers(folder + ": " + leftover);
  }
  return total;
}

Status tell(const Cli& cli, size_t stores, const v1::FsckReply& report, const std::string& what_next) {
  if (cli.json) {
    print_json(report);
  } else {
    for (const auto& repaired : report.repaired()) fmt::print("repaired: {}\n", repaired);
    for (const auto& leftover : report.leftovers()) fmt::print("left by a crash, harmless: {}\n", leftover);
    for (const auto& problem : report.problems()) fmt::print("{}\n", problem);
    fmt::print("{} {}, {} manifests, {} blobs, {}: {}\n", stores, stores == 1 ? "store" : "stores", report.manifests(),
               report.blobs(), shown_size(report.bytes()), report.problems().empty() ? "clean" : "damaged");
  }
  if (report.problems().empty()) return ok_status();
  return {Code::kDataLoss, std::to_string(report.problems_size()) + " problems found; " + what_next};
}

struct Wanted {
  bool repair = false;
};

Status check_folder(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(const std::string data, cli.finder.data_folder());
  ASSIGN_OR_RETURN(const auto stores, stores_of(data));
  ASSIGN_OR_RETURN(const v1::FsckReply report, check_stores(stores, wanted.repair));
  return tell(cli, stores.size(), report,
              wanted.repair ? "of these, only what a refresh or an update brings again can be mended"
                            : "smslab fsck --repair --data " + data + " mends what can be");
}

Status check_lab(const Cli& cli, LabClient& lab) {
  v1::FsckReply report;
  RETURN_IF_ERROR(lab.call("POST", "/api/v1/fsck", nullptr, &report));
  return tell(cli, 1, report, "stop the lab and mend them with smslab fsck --repair --data DIR");
}

Status check(const Cli& cli, const Wanted& wanted) {
  if (cli.finder.data.empty()) {
    if (wanted.repair) return invalid_argument("stop the lab, and say which folder it serves", "--data");
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    return check_lab(cli, lab);
  }
  Status checked = check_folder(cli, wanted);
  const bool serves = checked.code() == Code::kFailedPrecondition;  // and has it locked
  if (!serves || wanted.repair) return checked;
  auto lab = LabClient::find(cli.finder);
  return lab.ok() ? check_lab(cli, *lab) : checked;
}
}  // namespace

void add_fsck(CLI::App& app, Cli& cli) {
  auto wanted = std::make_shared<Wanted>();
  CLI::App* verb = add_verb(app, cli, "fsck",
                            "Check every stored byte: of the running lab's site, or with --data of a whole data folder "
                            "when no lab has it open",
                            [&cli, wanted] { return check(cli, *wanted); });
  verb->add_flag("--repair", wanted->repair,
                 "with --data: mend what can be, from the other stores in the folder; the rest stays as it is");
}

}  // namespace smslab::cli
