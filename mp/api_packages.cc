#include "mp/api_route.h"
#include "mp/control_api.h"
#include "mp/package_dps.h"
#include "mp/packages.h"
#include "mp/programs.h"
#include "mp/validation.h"

namespace smslab::mp {

namespace {
// As it is shown: with its DPs in numbers.
Result<v1::Package> with_summary(Result<v1::Package> package) {
  if (package.ok()) *package->mutable_summary() = summary_of(*package);
  return package;
}
}  // namespace

Routes package_routes(ControlContext& context) {
  Site& site = context.site;
  Imports& imports = context.imports;
  LongPolls& polls = context.polls;
  const DpDirectory& dps = context.dps;
  using v1::DpSelection;
  using v1::Package;
  return {
      reads<v1::PackageList>("/api/v1/packages", "All packages, by ID",
                             [&site](ControlRequest&) { return list_packages(site); }),
      takes<Package, Package>("POST", "/api/v1/packages", "Make a package of a source folder", 201,
                              [&site, &imports](ControlRequest&, const Package& package) {
                                return with_summary(create_package(site, imports, package));
                              }),
      with_query(reads<Package>(
                     "/api/v1/packages/{id}",
                     "One package; with ?wait_ms=N once no DP is on its way to another state, or after N milliseconds",
                     [&site, &polls](ControlRequest& r) -> Result<Package> {
                       ASSIGN_OR_RETURN(const auto wait, query_wait(r));
                       return polls.wait<Package>(
                           wait, [&] { return show_package(site, r.param("id")); }, settled);
                     }),
                 {wait_parameter()}),
      takes<Package, Package>("PATCH", "/api/v1/packages/{id}", "Change a package's data; the source is not read", 200,
                              [&site](ControlRequest& r, const Package& change) {
                                return with_summary(set_package(site, r.param("id"), change));
                              }),
      gives<Package>("DELETE", "/api/v1/packages/{id}", "Delete a package with its programs, adverts and content", 202,
                     [&site](ControlRequest& r) { return with_summary(delete_package(site, r.param("id"))); }),
      gives<Package>(
          "POST", "/api/v1/packages/{id}/update", "Read the source again as the next version, for all DPs", 202,
          [&site, &imports](ControlRequest& r) { return with_summary(update_package(site, imports, r.param("id"))); }),
      takes<DpSelection, Package>("POST", "/api/v1/packages/{id}/distribute", "Assign DPs and send them the content",
                                  202,
                                  [&site, &dps](ControlRequest& r, const DpSelection& selection) {
                                    return with_summary(distribute(site, dps, r.param("id"), selection));
                                  }),
      takes<DpSelection, Package>("POST", "/api/v1/packages/{id}/refresh",
                                  "Send the same version again, every file anew", 202,
                                  [&site, &dps](ControlRequest& r, const DpSelection& selection) {
                                    return with_summary(refresh(site, dps, r.param("id"), selection));
                                  }),
      takes<DpSelection, Package>("POST", "/api/v1/packages/{id}/remove", "Take the content away from DPs", 202,
                                  [&site, &dps](ControlRequest& r, const DpSelection& selection) {
                                    return with_summary(remove(site, dps, r.param("id"), selection));
                                  }),
      takes<DpSelection, v1::ValidationList>(
          "POST", "/api/v1/packages/{id}/validate",
          "Compare what DPs hold with the last update, byte by byte (extension: no SMS 2003 can)", 200,
          [&site, &dps](ControlRequest& r, const DpSelection& selection) {
            return validate_package(site, dps, r.param("id"), selection);
          }),
      reads<v1::ImportList>("/api/v1/imports", "Sources that are being read at this moment",
                            [&imports](ControlRequest&) -> Result<v1::ImportList> { return imports.list(); }),
  };
}

Routes program_routes(ControlContext& context) {
  Site& site = context.site;
  using v1::Program;
  const std::string all = "/api/v1/packages/{id}/programs";
  const std::string one = all + "/{name}";
  return {
      reads<v1::ProgramList>(all, "The programs of a package, in order of creation",
                             [&site](ControlRequest& r) { return list_programs(site, r.param("id")); }),
      takes<Program, Program>(
          "POST", all, "Add a program", 201,
          [&site](ControlRequest& r, const Program& program) { return add_program(site, r.param("id"), program); }),
      reads<Program>(one, "One program",
                     [&site](ControlRequest& r) { return show_program(site, r.param("id"), r.param("name")); }),
      takes<Program, Program>("PATCH", one, "Change a program", 200,
                              [&site](ControlRequest& r, const Program& change) {
                                return set_program(site, r.param("id"), r.param("name"), change);
                              }),
      deletes(one, "Delete a program",
              [&site](ControlRequest& r) { return delete_program(site, r.param("id"), r.param("name")); }),
  };
}

}  // namespace smslab::mp
