#include "mp/adverts.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "mp/checks.h"
#include "mp/collections.h"
#include "mp/commit.h"
#include "mp/dependencies.h"
#include "mp/free_ids.h"
#include "mp/output_only.h"
#include "mp/packages.h"
#include "mp/policy_body.h"
#include "mp/programs.h"
#include "mp/schedule.h"
#include "mp/site_record.h"
#include "mp/status.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
Result<v1::Advert> get_advert(const store::ReadTxn& txn, const std::string& id) {
  ASSIGN_OR_RETURN(const std::string parsed, parse_advert_id(id, "id"));
  auto advert = store::kAdverts.get(txn, {parsed});
  if (advert.status().code() == Code::kNotFound) return not_found("there is no advert " + parsed, "id");
  return advert;
}

// The beginning of 1970 stands for "no time".
bool is_none(const google::protobuf::Timestamp& time) { return time.seconds() == 0 && time.nanos() == 0; }

// Times that stand for none go; without a start, the advert starts now.
void settle_times(const Site& site, v1::Advert* advert) {
  if (is_none(advert->expires())) advert->clear_expires();
  if (is_none(advert->mandatory())) advert->clear_mandatory();
  if (is_none(advert->start())) *advert->mutable_start() = to_timestamp(site.clock.now());
}

Status check_times(const v1::Advert& advert) {
  if (advert.has_expires() && from_timestamp(advert.expires()) <= from_timestamp(advert.start())) {
    return invalid_argument("the advert would expire before it starts", "expires");
  }
  return ok_status();
}

// As tokens, whatever words they came in.
Status read_schedule(const google::protobuf::RepeatedPtrField<std::string>& from, v1::Advert* advert) {
  constexpr int kMost = 15;  // semantics 2.5
  if (from.size() > kMost) return invalid_argument("an advert has at most 15 schedule tokens", "schedule");
  std::vector<std::string> tokens;
  for (int i = 0; i < from.size(); i++) {
    ASSIGN_OR_RETURN(const Schedule schedule, parse_schedule(from[i], "schedule[" + std::to_string(i) + "]"));
    tokens.push_back(schedule.token());
  }
  advert->mutable_schedule()->Assign(tokens.begin(), tokens.end());
  return ok_status();
}

PackageLookup stored_packages(const store::ReadTxn& txn) {
  return [&txn](const std::string& id) -> std::shared_ptr<const v1::Package> {
    auto package = store::kPackages.get(txn, {id});
    return package.ok() ? std::make_shared<const v1::Package>(*std::move(package)) : nullptr;
  };
}

// Everything that the advert tells its clients.
std::string told(const Site& site, const v1::Advert& advert, const PackageLookup& packages) {
  std::string text;
  bool dependent = false;
  for (const ChainLink& link : program_chain(advert.package(), advert.program(), packages)) {
    text += advert_policy(site, advert, *link.package, *link.program, dependent).bytes;
    dependent = true;
  }
  return text;
}

// Whether what the advert tells is made of this package too.
bool leads_to(const v1::Advert& advert, const std::string& package, const PackageLookup& packages) {
  bool asked = false;
  program_chain(advert.package(), advert.program(), [&](const std::string& id) {
    asked = asked || id == package;
    return asked ? nullptr : packages(id);
  });
  return asked;
}

void raise(const Site& site, v1::Advert* advert) {
  advert->set_policy_version(advert->policy_version() + 1);
  *advert->mutable_policy_changed() = to_timestamp(site.clock.now());
}

Status raise_where(store::WriteTxn& txn, const Site& site, const std::function<bool(const v1::Advert&)>& concerned) {
  std::vector<v1::Advert> adverts;
  RETURN_IF_ERROR(store::kAdverts.each(txn, {}, [&](const store::Key&, const v1::Advert& advert) {
    if (concerned(advert)) adverts.push_back(advert);
    return true;
  }));
  for (v1::Advert& advert : adverts) {
    raise(site, &advert);
    RETURN_IF_ERROR(store::kAdverts.put(txn, {advert.id()}, advert));
  }
  return adverts.empty() ? ok_status() : policy_changed(txn, site);
}

Status tell(store::WriteTxn& txn, const Site& site, uint32_t message, const v1::Advert& advert) {
  return emit(txn, site,
              {.id = message,
               .strings = {site.options.user, advert.id(), advert.name()},
               .advert = advert.id(),
               .user = site.options.user});
}

Status erase_advert(store::WriteTxn& txn, const Site& site, const v1::Advert& advert) {
  RETURN_IF_ERROR(forget_advert(txn, advert.id()));
  RETURN_IF_ERROR(tell(txn, site, 30008, advert));
  RETURN_IF_ERROR(policy_changed(txn, site));
  RETURN_IF_ERROR(give_back_id(txn, site, IdOf::kAdvert, advert.id()));
  return store::kAdverts.erase(txn, {advert.id()});
}

Result<std::vector<v1::Advert>> adverts_where(const store::ReadTxn& txn,
                                              const std::function<bool(const v1::Advert&)>& wanted) {
  std::vector<v1::Advert> found;
  RETURN_IF_ERROR(store::kAdverts.each(txn, {}, [&](const store::Key&, const v1::Advert& advert) {
    if (wanted(advert)) found.push_back(advert);
    return true;
  }));
  return found;
}

Result<std::string> first_id(const store::ReadTxn& txn, const std::function<bool(const v1::Advert&)>& wanted) {
  ASSIGN_OR_RETURN(const auto found, adverts_where(txn, wanted));
  return found.empty() ? std::string() : found.front().id();
}

// A fixed field may be repeated in a change, not altered.
Status check_fixed(const std::string& now, const std::string& change, const std::string& field) {
  if (change.empty() || iequals(now, change)) return ok_status();
  return invalid_argument("an advert keeps its " + field + "; delete it and create another", field);
}
}  // namespace

Result<v1::Advert> record_advert(store::WriteTxn& txn, const Site& site, const v1::Advert& request) {
  if (!request.name().empty()) RETURN_IF_ERROR(check_name(request.name(), "name"));
  if (!request.id().empty()) RETURN_IF_ERROR(parse_advert_id(request.id(), "id").status());
  if (request.package().empty()) return invalid_argument("the package is missing", "package");
  if (request.program().empty()) return invalid_argument("the program is missing", "program");
  if (request.collection().empty()) return invalid_argument("the collection is missing", "collection");
  v1::Advert advert = request;
  advert.clear_summary();
  advert.clear_clients();
  if (request.id().empty()) {
    const auto taken = [&](const std::string& id) { return store::kAdverts.has(txn, {id}); };
    ASSIGN_OR_RETURN(*advert.mutable_id(), take_free_id(txn, site, IdOf::kAdvert, taken));
  } else {
    ASSIGN_OR_RETURN(*advert.mutable_id(), parse_advert_id(request.id(), "id"));
    if (store::kAdverts.has(txn, {advert.id()})) {
      return already_exists("advert " + advert.id() + " exists already", "id");
    }
  }
  ASSIGN_OR_RETURN(v1::Package package, get_usable_package(txn, request.package(), "package"));
  ASSIGN_OR_RETURN(const v1::Program* program, find_program(&package, request.program(), "program"));
  ASSIGN_OR_RETURN(const v1::Collection collection, get_collection(txn, request.collection(), "collection"));
  advert.set_package(package.id());
  advert.set_program(program->name());
  advert.set_collection(collection.name());
  if (advert.name().empty()) advert.set_name(program->name());
  settle_times(site, &advert);
  RETURN_IF_ERROR(check_times(advert));
  RETURN_IF_ERROR(read_schedule(request.schedule(), &advert));
  advert.set_download(request.download());  // present from now on, so that it is shown
  advert.set_rerun(request.rerun());
  advert.set_policy_version(1);
  *advert.mutable_policy_changed() = to_timestamp(site.clock.now());
  RETURN_IF_ERROR(tell(txn, site, 30006, advert));
  RETURN_IF_ERROR(policy_changed(txn, site));
  RETURN_IF_ERROR(store::kAdverts.put(txn, {advert.id()}, advert));
  return advert;
}

Result<v1::Advert> create_advert(Site& site, const v1::Advert& request) {
  return commit_result(site, [&](store::WriteTxn& txn) { return record_advert(txn, site, request); });
}

Result<v1::Advert> set_advert(Site& site, const std::string& id, const v1::Advert& change) {
  RETURN_IF_ERROR(refuse_output_only(change));
  if (!change.name().empty()) RETURN_IF_ERROR(check_name(change.name(), "name"));
  return commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::Advert> {
    ASSIGN_OR_RETURN(v1::Advert advert, get_advert(txn, id));
    const v1::Advert before = advert;
    RETURN_IF_ERROR(check_fixed(advert.id(), change.id(), "id"));
    RETURN_IF_ERROR(check_fixed(advert.package(), change.package(), "package"));
    RETURN_IF_ERROR(check_fixed(advert.program(), change.program(), "program"));
    RETURN_IF_ERROR(check_fixed(advert.collection(), change.collection(), "collection"));
    v1::Advert rest = change;  // NOLINT(misc-const-correctness): it is cleared below
    for (const auto clear : {&v1::Advert::clear_id, &v1::Advert::clear_package, &v1::Advert::clear_program,
                             &v1::Advert::clear_collection}) {
      (rest.*clear)();
    }
    if (rest.ByteSizeLong() == 0) return advert;
    if (!change.name().empty()) advert.set_name(change.name());
    if (change.has_start()) *advert.mutable_start() = change.start();
    if (change.has_expires()) *advert.mutable_expires() = change.expires();
    if (change.has_mandatory()) *advert.mutable_mandatory() = change.mandatory();
    if (change.has_download()) advert.set_download(change.download());
    if (change.has_rerun()) advert.set_rerun(change.rerun());
    settle_times(site, &advert);
    RETURN_IF_ERROR(check_times(advert));
    if (change.schedule_size() == 1 && change.schedule(0) == "none") {
      advert.clear_schedule();
    } else if (!change.schedule().empty()) {
      RETURN_IF_ERROR(read_schedule(change.schedule(), &advert));
    }
    const PackageLookup packages = stored_packages(txn);
    if (told(site, before, packages) != told(site, advert, packages)) {
      raise(site, &advert);
      RETURN_IF_ERROR(policy_changed(txn, site));
    }
    RETURN_IF_ERROR(tell(txn, site, 30007, advert));
    RETURN_IF_ERROR(store::kAdverts.put(txn, {advert.id()}, advert));
    return advert;
  });
}

Status delete_advert(Site& site, const std::string& id) {
  return site.store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(const v1::Advert advert, get_advert(txn, id));
    return erase_advert(txn, site, advert);
  });
}

Result<v1::Advert> show_advert(const Site& site, const std::string& id) {
  const store::ReadTxn txn = site.store.read();
  ASSIGN_OR_RETURN(v1::Advert advert, get_advert(txn, id));
  ASSIGN_OR_RETURN(*advert.mutable_summary(), advert_summary(txn, advert.id()));
  std::map<std::string, v1::AdvertClient> clients;
  ASSIGN_OR_RETURN(const std::set<std::string> members, all_members(txn, advert.collection()));
  for (const std::string& member : members) clients[member].set_client(member);
  RETURN_IF_ERROR(
      store::kAdvertClients.each(txn, {advert.id()}, [&](const store::Key&, const v1::AdvertClient& client) {
        clients[client.client()] = client;
        return true;
      }));
  for (auto& [name, client] : clients) *advert.add_clients() = std::move(client);
  return advert;
}

Result<v1::AdvertList> list_adverts(const Site& site) {
  const store::ReadTxn txn = site.store.read();
  v1::AdvertList list;
  RETURN_IF_ERROR(store::kAdverts.each(txn, {}, [&](const store::Key&, const v1::Advert& advert) {
    *list.add_adverts() = advert;
    return true;
  }));
  for (auto& advert : *list.mutable_adverts()) {
    ASSIGN_OR_RETURN(*advert.mutable_summary(), advert_summary(txn, advert.id()));
  }
  return list;
}

Status delete_adverts_of(store::WriteTxn& txn, const Site& site, const std::string& package) {
  ASSIGN_OR_RETURN(const auto adverts, adverts_where(txn, [&](const v1::Advert& a) { return a.package() == package; }));
  for (const auto& advert : adverts) RETURN_IF_ERROR(erase_advert(txn, site, advert));
  return ok_status();
}

Status raise_adverts_of(store::WriteTxn& txn, const Site& site, const v1::Package& before, const v1::Package& now) {
  const PackageLookup stored = stored_packages(txn);
  const auto with = [&](const v1::Package& package) -> PackageLookup {
    return [&stored, known = std::make_shared<const v1::Package>(package)](const std::string& id) {
      return id == known->id() ? known : stored(id);
    };
  };
  const PackageLookup old_packages = with(before), new_packages = with(now);
  return raise_where(txn, site, [&](const v1::Advert& advert) {
    return leads_to(advert, now.id(), stored) && told(site, advert, old_packages) != told(site, advert, new_packages);
  });
}

Status raise_all_adverts(store::WriteTxn& txn, const Site& site) {
  return raise_where(txn, site, [](const v1::Advert&) { return true; });
}

Result<std::string> advert_of_program(const store::ReadTxn& txn, const std::string& package,
                                      const std::string& program) {
  return first_id(txn, [&](const v1::Advert& a) { return a.package() == package && iequals(a.program(), program); });
}

Result<std::string> advert_of_collection(const store::ReadTxn& txn, const std::string& collection) {
  return first_id(txn,
                  [&](const v1::Advert& a) { return collection_key(a.collection()) == collection_key(collection); });
}

}  // namespace smslab::mp
