#include "mp/free_ids.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "mp/site_record.h"

namespace smslab::mp {
namespace {
constexpr uint32_t kLast = 0xFFFFF;

struct Kind {
  uint32_t first;  // semantics 2.1
  const char* name;
  uint32_t (v1::SiteRecord::*free)() const;
  void (v1::SiteRecord::*set_free)(uint32_t);
};

const Kind& kind(IdOf what) {
  static const Kind kCollection{1, "collection", &v1::SiteRecord::free_collection,
                                &v1::SiteRecord::set_free_collection};
  static const Kind kAdvert{0x20000, "advert", &v1::SiteRecord::free_advert, &v1::SiteRecord::set_free_advert};
  return what == IdOf::kCollection ? kCollection : kAdvert;
}
}  // namespace

Result<std::string> take_free_id(store::WriteTxn& txn, const Site& site, IdOf what,
                                 const std::function<bool(const std::string&)>& taken) {
  const Kind& of = kind(what);
  std::string id;
  RETURN_IF_ERROR(change_site_record(txn, [&](v1::SiteRecord* record) -> Status {
    for (uint32_t n = std::max(of.first, (record->*of.free)()); n <= kLast; n++) {
      id = fmt::format("{}{:05X}", site.options.site, n);
      if (taken(id)) continue;
      (record->*of.set_free)(n + 1);
      return ok_status();
    }
    return failed_precondition(fmt::format("the site has no {} ID left", of.name), "id");
  }));
  return id;
}

Status give_back_id(store::WriteTxn& txn, const Site& site, IdOf what, const std::string& id) {
  if (!id.starts_with(site.options.site)) return ok_status();
  const Kind& of = kind(what);
  uint32_t n = 0;
  std::from_chars(id.data() + site.options.site.size(), id.data() + id.size(), n, 16);
  return change_site_record(txn, [&](v1::SiteRecord* record) {
    if (n < (record->*of.free)()) (record->*of.set_free)(n);
    return ok_status();
  });
}

}  // namespace smslab::mp
