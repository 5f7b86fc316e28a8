#include <algorithm>

#include "mp/output_only.h"
#include "mp/package_dps.h"
#include "mp/scenario.h"
#include "mp/site_record.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// What a scenario says of a record: not what is output only, and no optional field that holds its default.
void keep_input(Message* message) {
  const auto& reflection = *message->GetReflection();
  std::vector<const FieldDescriptor*> set;
  reflection.ListFields(*message, &set);
  for (const FieldDescriptor* field : set) {
    const bool is_default =
        field->has_optional_keyword() &&
        ((field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL && !reflection.GetBool(*message, field)) ||
         (field->cpp_type() == FieldDescriptor::CPPTYPE_UINT32 && reflection.GetUInt32(*message, field) == 0) ||
         (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM && reflection.GetEnumValue(*message, field) == 0));
    if (is_default || is_output_only(*field)) reflection.ClearField(message, field);
  }
}

v1::ScenarioPackage package_of(const v1::Package& from) {
  v1::ScenarioPackage package;
  package.set_id(from.id());
  package.set_name(from.name());
  package.set_manufacturer(from.manufacturer());
  package.set_version(from.version());
  package.set_language(from.language());
  package.set_source(from.source());
  if (from.source_version() > 1) package.set_source_version(from.source_version());
  if (from.direct()) package.set_direct(true);
  *package.mutable_schedule() = from.schedule();
  for (const auto& program : from.programs()) {
    *package.add_programs() = program;
    keep_input(&*package.mutable_programs()->rbegin());
  }
  for (const auto& dp : from.dps()) {
    if (!removing(dp)) package.add_dps(dp.dp());
  }
  return package;
}

template <class M, class List>
Status copy_records(const store::Table<M>& table, const store::ReadTxn& txn, List* list) {
  return table.each(txn, {}, [&](const store::Key&, const M& record) {
    *list->Add() = record;
    keep_input(&*list->rbegin());
    return true;
  });
}
// Here an optional field that holds its default stays: a damage at byte 0 is not one that the seed places.
v1::FaultRule input_of(v1::FaultRule rule) {
  const auto& reflection = *rule.GetReflection();
  std::vector<const FieldDescriptor*> set;
  reflection.ListFields(rule, &set);
  for (const FieldDescriptor* field : set) {
    if (is_output_only(*field)) reflection.ClearField(&rule, field);
  }
  return rule;
}
}  // namespace

Result<v1::Scenario> export_scenario(const Site& site, const DpDirectory& dps) {
  const store::ReadTxn txn = site.store.read();
  v1::Scenario out;
  out.set_site(site.options.site);
  out.set_profile(std::string(site.profile.name));
  ASSIGN_OR_RETURN(const v1::SiteRecord record, site_record(txn));
  if (record.has_settings()) *out.mutable_settings() = record.settings();
  for (const auto& dp : dps.all()) {
    v1::ScenarioDp* to = out.add_dps();
    to->set_name(dp.name);
    to->set_protected_(dp.is_protected);
    to->mutable_boundaries()->Assign(dp.boundaries.begin(), dp.boundaries.end());
  }
  RETURN_IF_ERROR(store::kPackages.each(txn, {}, [&](const store::Key&, const v1::Package& package) {
    if (!package.deleting()) *out.add_packages() = package_of(package);
    return true;
  }));
  RETURN_IF_ERROR(copy_records(store::kCollections, txn, out.mutable_collections()));
  std::sort(out.mutable_collections()->begin(), out.mutable_collections()->end(),
            [](const auto& a, const auto& b) { return a.id() < b.id(); });
  RETURN_IF_ERROR(copy_records(store::kAdverts, txn, out.mutable_adverts()));
  RETURN_IF_ERROR(copy_records(store::kClients, txn, out.mutable_clients()));
  RETURN_IF_ERROR(store::kFaults.each(txn, {}, [&](const store::Key&, const v1::FaultRule& rule) {
    if (!rule.healed()) *out.add_faults() = input_of(rule);
    return true;
  }));
  return out;
}

Result<bool> site_is_empty(const Site& site) {
  const store::ReadTxn txn = site.store.read();
  ASSIGN_OR_RETURN(const v1::SiteRecord record, site_record(txn));
  bool empty = !record.has_settings();
  const auto found = [&](const store::Key&, const auto&) { return empty = false; };
  RETURN_IF_ERROR(store::kPackages.each(txn, {}, found));
  RETURN_IF_ERROR(store::kCollections.each(txn, {}, found));
  RETURN_IF_ERROR(store::kAdverts.each(txn, {}, found));
  RETURN_IF_ERROR(store::kClients.each(txn, {}, found));
  return empty;
}

}  // namespace smslab::mp
