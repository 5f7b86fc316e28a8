#include <fmt/format.h>

#include "mp/assumptions.h"
#include "mp/cli/print.h"
#include "mp/cli/verbs.h"

namespace smslab::cli {

void add_version(CLI::App& app, Cli& cli) {
  auto assumptions = std::make_shared<bool>(false);
  add_verb(app, cli, "version", "Print the version; with --assumptions, what is taken where nothing is known",
           [assumptions] {
             fmt::print("smslab {}\n", SMSLAB_VERSION);
             if (!*assumptions) return ok_status();
             std::vector<Row> rows;
             for (const auto& a : mp::assumptions()) {
               rows.push_back({std::string(a.id), std::string(a.unknown), std::string(a.taken)});
             }
             print_table({"#", "UNKNOWN", "TAKEN"}, rows);
             return ok_status();
           })
      ->add_flag("--assumptions", *assumptions, "list the assumptions");
}

}  // namespace smslab::cli
