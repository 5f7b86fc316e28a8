#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
struct Wanted {
  std::string name;
  std::vector<std::string> members, collections;
};

struct None {
  bool members = false, collections = false;
};

std::string collection_path(const std::string& name, std::string_view rest = {}) {
  return "/api/v1/collections/" + percent_encode_component(name) + std::string(rest);
}

Status show_collection(const Cli& cli, const v1::Collection& collection) {
  if (cli.json) {
    print_json(collection);
    return ok_status();
  }
  print_fields({{"collection", collection.name()},
                {"id", collection.id()},
                {"members", collection.members().empty() ? "none" : joined(collection.members())},
                {"collections", joined(collection.collections())}});
  return ok_status();
}

// create, set, add, remove: the members travel in a Collection.
Status send_members(const Cli& cli, const Wanted& wanted, const std::string& method, const std::string& path) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::Collection collection;
  collection.set_name(wanted.name);
  for (const auto& member : wanted.members) collection.add_members(member);
  for (const auto& included : wanted.collections) collection.add_collections(included);
  v1::Collection changed;
  RETURN_IF_ERROR(lab.call(method, path, &collection, &changed));
  return show_collection(cli, changed);
}

Status list_collections(const Cli& cli) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::CollectionList list;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/collections", nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& c : list.collections()) {
    rows.push_back({c.id(), std::to_string(c.members_size()), std::to_string(c.collections_size()), c.name()});
  }
  print_table({"ID", "DIRECT MEMBERS", "SUBCOLLECTIONS", "NAME"}, rows);
  return ok_status();
}
}  // namespace

void add_collection(CLI::App& app, Cli& cli) {
  CLI::App* collection =
      app.add_subcommand("collection", "Collections of clients: create, set, add, remove, list, show, delete");
  collection->require_subcommand(1)->fallthrough();
  auto wanted = std::make_shared<Wanted>();
  const auto with_name = [wanted](CLI::App* verb) {
    verb->add_option("NAME", wanted->name, "the collection's name")->required();
    return verb;
  };
  const auto with_members = [wanted, with_name](CLI::App* verb) {
    with_name(verb)->add_option("--member", wanted->members, "computer names");
    verb->add_option("--collection", wanted->collections, "subcollections, by name");
  };
  with_members(add_verb(*collection, cli, "create", "Make a collection",
                        [&cli, wanted] { return send_members(cli, *wanted, "POST", "/api/v1/collections"); }));
  auto none = std::make_shared<None>();
  CLI::App* set = add_verb(*collection, cli, "set", "Replace the members or the subcollections", [&cli, wanted, none] {
    Wanted change = *wanted;  // a single empty name stands for none
    if (none->members) change.members = {""};
    if (none->collections) change.collections = {""};
    return send_members(cli, change, "PATCH", collection_path(wanted->name));
  });
  with_members(set);
  set->add_flag("--no-members", none->members, "none of its own")->excludes("--member");
  set->add_flag("--no-collections", none->collections, "no subcollections")->excludes("--collection");
  with_members(add_verb(*collection, cli, "add", "Add members or subcollections", [&cli, wanted] {
    return send_members(cli, *wanted, "POST", collection_path(wanted->name, "/members"));
  }));
  with_members(add_verb(*collection, cli, "remove", "Remove members or subcollections", [&cli, wanted] {
    return send_members(cli, *wanted, "DELETE", collection_path(wanted->name, "/members"));
  }));
  add_verb(*collection, cli, "list", "All collections", [&cli] { return list_collections(cli); });
  with_name(add_verb(*collection, cli, "show", "One collection with its members", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    v1::Collection found;
    RETURN_IF_ERROR(lab.call("GET", collection_path(wanted->name), nullptr, &found));
    return show_collection(cli, found);
  }));
  with_name(add_verb(*collection, cli, "delete", "Delete a collection", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    return lab.call("DELETE", collection_path(wanted->name), nullptr, nullptr);
  }));
}

}  // namespace smslab::cli
