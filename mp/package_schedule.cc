#include "mp/package_schedule.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "mp/schedule.h"
#include "mp/settings.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr int kMaxTokens = 15;
}  // namespace

Status set_schedule(v1::Package* package, const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::vector<std::string> tokens;
  if (texts.size() > kMaxTokens) return invalid_argument("a schedule has 15 tokens at most", "schedule");
  for (const std::string& text : texts) {
    if (texts.size() == 1 && text == "none") break;
    ASSIGN_OR_RETURN(const Schedule schedule, parse_schedule(text, "schedule"));
    tokens.push_back(schedule.token());
  }
  package->mutable_schedule()->Assign(tokens.begin(), tokens.end());
  return ok_status();
}

Status check_schedule_allowed(const v1::Package& package) {
  if (package.direct() || package.schedule().empty()) return ok_status();
  return invalid_argument("only a direct package updates by a schedule; make it direct, or its schedule 'none'",
                          "schedule");
}

void note_next_update(v1::Package* package, LabTime now) {
  std::optional<LabTime> first;
  for (const std::string& token : package->schedule()) {
    const auto schedule = parse_schedule(token, "schedule");
    const auto next = schedule.ok() ? schedule->next_after(now) : std::nullopt;
    if (next) first = std::min(first.value_or(*next), *next);
  }
  package->clear_next_update();
  if (first) *package->mutable_next_update() = to_timestamp(*first);
}

Status postpone_update(Site& site, const std::string& id) {
  return site.store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::Package package, store::kPackages.get(txn, {id}));
    ASSIGN_OR_RETURN(const v1::SiteSettings settings, site_settings(txn));
    const LabTime now = site.clock.now(), retry = now + retry_interval(settings);
    note_next_update(&package, now);
    const bool again =
        !package.schedule().empty() && (!package.has_next_update() || retry < from_timestamp(package.next_update()));
    if (again) *package.mutable_next_update() = to_timestamp(retry);
    txn.after_commit([changes = site.changes] { changes->notify(); });
    return store::kPackages.put(txn, {id}, package);
  });
}

}  // namespace smslab::mp
