#include "mp/inboxes.h"

#include <fmt/format.h>

#include <optional>

#include "proto/base/ids.h"
#include "proto/base/time_text.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr std::string_view kPackageBox = "pkginfo.box", kOfferBox = "offerinf.box", kReplicaBox = "replmgr.box";

void add(std::string* text, std::string_view name, std::string_view value) {
  *text += fmt::format("{}={}\r\n", name, value);
}

std::string package_text(const v1::Package& package) {
  std::string text;
  add(&text, "PackageID", package.id());
  add(&text, "Name", package.name());
  add(&text, "SourceVersion", std::to_string(package.source_version()));
  add(&text, "Source", package.source());
  for (const v1::Program& program : package.programs()) {
    add(&text, "Program", program.name());
    add(&text, "CommandLine", program.command_line());
  }
  return text;
}

std::string nal_text(const Site& site, const v1::Package& package) {
  std::string text;
  for (const v1::PackageDp& dp : package.dps()) text += nal_path(dp.dp(), site.options.site) + "\r\n";
  return text;
}

std::string offer_text(const v1::Advert& advert) {
  std::string text;
  add(&text, "AdvertisementID", advert.id());
  add(&text, "Name", advert.name());
  add(&text, "PackageID", advert.package());
  add(&text, "Program", advert.program());
  add(&text, "Collection", advert.collection());
  add(&text, "Start", format_rfc3339(from_timestamp(advert.start())));
  return text;
}

std::string replica_text(const v1::Package& package, const std::vector<std::string>& sites) {
  std::string text;
  add(&text, "PackageID", package.id());
  add(&text, "SourceVersion", std::to_string(package.source_version()));
  for (const std::string& site : sites) add(&text, "Site", site);
  return text;
}

// Absent is nothing; a damaged record is an error.
template <class Record>
Result<std::optional<Record>> find(const store::ReadTxn& txn, const store::Table<Record>& table,
                                   const std::string& id) {
  auto found = table.get(txn, {id});
  if (found.ok()) return std::optional<Record>(*std::move(found));
  if (found.status().code() == Code::kNotFound) return std::optional<Record>();
  return found.status();
}
}  // namespace

std::string Inboxes::path(std::string_view box, const std::string& id, std::string_view suffix) const {
  return fmt::format("{}/{}/{}.{}", folder_, box, id, suffix);
}

Status Inboxes::put_file(const std::string& path, const std::string* text) const {
  if (text != nullptr) return write_file(env_, path, *text);
  const Status removed = env_.remove_file(path);
  return removed.code() == Code::kNotFound ? ok_status() : removed;
}

Status Inboxes::put_package(const Site& site, const std::string& id) const {
  ASSIGN_OR_RETURN(const auto package, find(site.store.read(), store::kPackages, id));
  std::string info, nal, replica;
  if (package) {
    info = package_text(*package);
    nal = nal_text(site, *package);
    replica = replica_text(*package, child_sites_);
    RETURN_IF_ERROR(env_.make_folders(path(kPackageBox, id, "ico")));
  } else {
    RETURN_IF_ERROR(env_.remove_tree(path(kPackageBox, id, "ico")));
  }
  RETURN_IF_ERROR(put_file(path(kPackageBox, id, "pkg"), package ? &info : nullptr));
  RETURN_IF_ERROR(put_file(path(kPackageBox, id, "nal"), package ? &nal : nullptr));
  if (child_sites_.empty()) return ok_status();
  return put_file(path(kReplicaBox, id, "RPT"), package ? &replica : nullptr);
}

Status Inboxes::put_advert(const Site& site, const std::string& id) const {
  ASSIGN_OR_RETURN(const auto advert, find(site.store.read(), store::kAdverts, id));
  const std::string text = advert ? offer_text(*advert) : std::string();
  return put_file(path(kOfferBox, id, "OFR"), advert ? &text : nullptr);
}

Status Inboxes::settle(const Site& site) const {
  RETURN_IF_ERROR(env_.remove_tree(folder_));
  for (const std::string_view box : {kPackageBox, kOfferBox, kReplicaBox}) {
    RETURN_IF_ERROR(env_.make_folders(folder_ + "/" + std::string(box)));
  }
  std::vector<std::string> packages, adverts;
  const auto note = [](std::vector<std::string>* ids) {
    return [ids](const store::Key& key, const auto&) {
      ids->push_back(key.back());
      return true;
    };
  };
  RETURN_IF_ERROR(store::kPackages.each(site.store.read(), {}, note(&packages)));
  RETURN_IF_ERROR(store::kAdverts.each(site.store.read(), {}, note(&adverts)));
  for (const std::string& id : packages) RETURN_IF_ERROR(put_package(site, id));
  for (const std::string& id : adverts) RETURN_IF_ERROR(put_advert(site, id));
  return ok_status();
}

void Inboxes::follow(store::WriteTxn& txn, const Site& site, const std::string& package,
                     const std::string& advert) const {
  if (package.empty() && advert.empty()) return;
  txn.after_commit([this, &site, package, advert] {
    Status done = package.empty() ? ok_status() : put_package(site, package);
    if (done.ok() && !advert.empty()) done = put_advert(site, advert);
    if (!done.ok()) site.log.warning("inboxes: " + done.to_string());
  });
}

}  // namespace smslab::mp
