// What holds for the whole site: its settings and its boundaries.
#include "mp/api_route.h"
#include "mp/boundaries.h"
#include "mp/control_api.h"
#include "mp/settings.h"

namespace smslab::mp {

Routes site_routes(ControlContext& context) {
  Site& site = context.site;
  using v1::Boundary;
  using v1::SiteSettings;
  const std::string one = "/api/v1/boundaries/{name}";
  return {
      reads<SiteSettings>("/api/v1/site", "The site's settings, each with its default where nothing was set",
                          [&site](ControlRequest&) { return site_settings(site.store.read()); }),
      takes<SiteSettings, SiteSettings>(
          "PATCH", "/api/v1/site", "Change the site's settings", 200,
          [&site](ControlRequest&, const SiteSettings& change) { return set_site(site, change); }),
      reads<v1::BoundaryList>("/api/v1/boundaries", "All boundaries of the site",
                              [&site](ControlRequest&) { return list_boundaries(site); }),
      takes<Boundary, Boundary>(
          "POST", "/api/v1/boundaries", "Draw a boundary around a subnet or an Active Directory site", 201,
          [&site](ControlRequest&, const Boundary& boundary) { return create_boundary(site, boundary); }),
      reads<Boundary>(one, "One boundary", [&site](ControlRequest& r) { return show_boundary(site, r.param("name")); }),
      deletes(one, "Delete a boundary", [&site](ControlRequest& r) { return delete_boundary(site, r.param("name")); }),
  };
}

}  // namespace smslab::mp
