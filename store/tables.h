// Every table of a store, with its key: the whole layout of the index in one place.
#pragma once

#include "proto/schema/content.pb.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/fault.pb.h"
#include "proto/schema/site.pb.h"
#include "proto/schema/status.pb.h"
#include "store/table.h"

namespace smslab::store {

// ---- in every store
inline constexpr Table<v1::BlobRecord> kBlobs{"blob"};        // SHA-256
inline constexpr Table<v1::Manifest> kManifests{"manifest"};  // package ID, number_key(version)
inline constexpr Table<v1::BlobRecord> kGarbage{"garbage"};   // SHA-256 of a file to unlink; gone once it is
// SHA-256 of a content whose bytes are damaged here: it counts as absent until somebody brings it again.
inline constexpr Table<v1::BlobRecord> kLost{"lost"};

// ---- the site's
inline constexpr Table<v1::SiteRecord> kSite{"site"};                     // "site"
inline constexpr Table<v1::Package> kPackages{"package"};                 // package ID
inline constexpr Table<v1::Collection> kCollections{"collection"};        // name, upper case
inline constexpr Table<v1::Collection> kCollectionById{"collection-id"};  // collection ID; only `name` set
inline constexpr Table<v1::Advert> kAdverts{"advert"};                    // advert ID
inline constexpr Table<v1::Client> kClients{"client"};                    // computer name
inline constexpr Table<v1::Client> kClientBySmsid{"smsid"};               // SMSID; only `name` set
inline constexpr Table<v1::Client> kClientByKey{"client-key"};  // SHA-256 of the PUBLICKEYBLOB; only `name` set
inline constexpr Table<v1::ClientActivity> kClientActivity{"activity"};  // computer name
inline constexpr Table<v1::ClientEvent> kClientEvents{"event"};          // computer name, number_key(id)
inline constexpr Table<v1::ClientReport> kClientReports{"report"};       // computer name, endpoint
inline constexpr Table<v1::StatusMessage> kStatusMessages{"status"};     // number_key(id)
inline constexpr Table<v1::StatusMessage> kStatusByPackage{
    "status-package"};  // package ID, number_key(id); only `id` set
inline constexpr Table<v1::StatusMessage> kStatusByAdvert{"status-advert"};        // advert ID, number_key(id)
inline constexpr Table<v1::StatusMessage> kStatusByClient{"status-client"};        // computer name, number_key(id)
inline constexpr Table<v1::AdvertClient> kAdvertClients{"advert-client"};          // advert ID, computer name
inline constexpr Table<v1::AdvertSummary> kAdvertSummaries{"advert-summary"};      // advert ID
inline constexpr Table<v1::ComponentStatus> kComponentStatus{"component-status"};  // component
inline constexpr Table<v1::FaultRule> kFaults{"fault"};                            // number_key(id)
inline constexpr Table<v1::DpRecord> kDps{"dp"};                                   // name, upper case

// ---- a distribution point's
inline constexpr Table<v1::DpIdentity> kDpIdentity{"identity"};  // "identity"
inline constexpr Table<v1::DpContent> kDpContents{"content"};    // package ID
inline constexpr Table<v1::DamageRecord> kDamages{"damage"};     // package ID, number_key(rule id)

// `visit(table)` for each of them.
template <class Visit>
void for_each_table(Visit visit) {
  const auto all = [&](const auto&... tables) { (visit(tables), ...); };
  all(kBlobs, kManifests, kGarbage, kLost, kSite, kPackages, kCollections, kCollectionById, kAdverts, kClients,
      kClientBySmsid, kClientByKey, kClientActivity, kClientEvents, kClientReports, kStatusMessages, kStatusByPackage,
      kStatusByAdvert, kStatusByClient, kAdvertClients, kAdvertSummaries, kComponentStatus, kFaults, kDps, kDpIdentity,
      kDpContents, kDamages);
}

}  // namespace smslab::store
