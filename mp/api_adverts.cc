#include "mp/adverts.h"
#include "mp/api_route.h"
#include "mp/clients.h"
#include "mp/collections.h"
#include "mp/control_api.h"
#include "proto/codec/json_keys.h"
#include "proto/control/media.h"

namespace smslab::mp {
namespace {
bool names_key(const ControlRequest& request, std::string_view key) {
  return !control::names_protobuf(request.content_type) && codec::json_names_key(request.body, key);
}
}  // namespace

Routes collection_routes(ControlContext& context) {
  Site& site = context.site;
  using v1::Collection;
  const std::string one = "/api/v1/collections/{name}";
  const auto changes_members = [&site, one](std::string method, std::string summary, auto change) {
    return takes<Collection, Collection>(std::move(method), one + "/members", std::move(summary), 200,
                                         [&site, change](ControlRequest& r, const Collection& members) {
                                           return change(site, r.param("name"), members);
                                         });
  };
  return {
      reads<v1::CollectionList>("/api/v1/collections", "All collections",
                                [&site](ControlRequest&) { return list_collections(site); }),
      takes<Collection, Collection>(
          "POST", "/api/v1/collections", "Make a collection", 201,
          [&site](ControlRequest&, const Collection& collection) { return create_collection(site, collection); }),
      reads<Collection>(one, "One collection",
                        [&site](ControlRequest& r) { return show_collection(site, r.param("name")); }),
      takes<Collection, Collection>("PATCH", one,
                                    "Replace the members or the subcollections, each where the request names them", 200,
                                    [&site](ControlRequest& r, Collection change) {
                                      // A message does not tell an empty list from none.
                                      if (change.members().empty() && names_key(r, "members")) change.add_members("");
                                      if (change.collections().empty() && names_key(r, "collections"))
                                        change.add_collections("");
                                      return set_members(site, r.param("name"), change);
                                    }),
      changes_members("POST", "Add members", add_members),
      changes_members("DELETE", "Take members out", remove_members),
      deletes(one, "Delete a collection",
              [&site](ControlRequest& r) { return delete_collection(site, r.param("name")); }),
  };
}

Routes advert_routes(ControlContext& context) {
  Site& site = context.site;
  using v1::Advert;
  const std::string one = "/api/v1/adverts/{id}";
  return {
      reads<v1::AdvertList>("/api/v1/adverts", "All adverts with their summaries",
                            [&site](ControlRequest&) { return list_adverts(site); }),
      takes<Advert, Advert>("POST", "/api/v1/adverts", "Advertise a program to a collection", 201,
                            [&site](ControlRequest&, const Advert& advert) -> Result<Advert> {
                              ASSIGN_OR_RETURN(const Advert made, create_advert(site, advert));
                              return show_advert(site, made.id());
                            }),
      reads<Advert>(one, "One advert with its summary and the state of each client",
                    [&site](ControlRequest& r) { return show_advert(site, r.param("id")); }),
      takes<Advert, Advert>("PATCH", one, "Change an advert", 200,
                            [&site](ControlRequest& r, const Advert& change) -> Result<Advert> {
                              RETURN_IF_ERROR(set_advert(site, r.param("id"), change).status());
                              return show_advert(site, r.param("id"));
                            }),
      deletes(one, "Delete an advert", [&site](ControlRequest& r) { return delete_advert(site, r.param("id")); }),
  };
}

Routes client_routes(ControlContext& context) {
  Site& site = context.site;
  return {
      with_query(reads<v1::ClientList>("/api/v1/clients", "Clients by name, 1000 at a time; at most 10000",
                                       [&site](ControlRequest& r) -> Result<v1::ClientList> {
                                         ASSIGN_OR_RETURN(const size_t limit, query_limit(r, 1000, 10'000));
                                         return list_clients(site, r.query_value("after"), limit);
                                       }),
                 {{.name = "after", .summary = "behind this name"},
                  {.name = "limit", .summary = "so many of them", .number = true}}),
      takes<v1::Client, v1::Client>(
          "POST", "/api/v1/clients", "Declare a client", 201,
          [&site](ControlRequest&, const v1::Client& client) { return create_client(site, client); }),
      reads<v1::Client>("/api/v1/clients/{name}", "One client with its events and reports",
                        [&site](ControlRequest& r) { return show_client(site, r.param("name")); }),
      takes<v1::Client, v1::Client>("PATCH", "/api/v1/clients/{name}", "Approve, reject or reset a client", 200,
                                    [&site](ControlRequest& r, const v1::Client& change) -> Result<v1::Client> {
                                      RETURN_IF_ERROR(set_client(site, r.param("name"), change).status());
                                      return show_client(site, r.param("name"));
                                    }),
  };
}

}  // namespace smslab::mp
