#include "mp/status_catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <unordered_map>

#include "proto/base/text.h"
#include "proto/codec/json.h"

namespace smslab::mp {
namespace {
struct Catalogue {
  v1::StatusCatalogue all;
  std::unordered_map<uint32_t, const v1::StatusRow*> by_id;
  std::unordered_map<std::string_view, const v1::StatusEvent*> by_class;
};

// A data file that cannot be read is a broken program: tests/mp/site_status_test.cc reads it first.
Catalogue read_catalogue() {
  Catalogue out;
  if (const Status read = codec::from_yaml(kStatusMessagesYaml, &out.all); !read.ok()) {
    fmt::print(stderr, "mp/status_messages.yaml: {}\n", read.to_string());
    std::abort();
  }
  for (v1::StatusRow& row : *out.all.mutable_messages()) {
    row.set_assumed(row.text_kind() != v1::StatusRow::EXACT || row.confidence() == v1::StatusRow::LOW);
    out.by_id[row.id()] = &row;
  }
  for (const v1::StatusEvent& event : out.all.events()) out.by_class[event.class_name()] = &event;
  return out;
}

const Catalogue& catalogue() {
  static const Catalogue kept = read_catalogue();
  return kept;
}

template <class Map, class Key>
auto find_or_null(const Map& map, const Key& key) -> typename Map::mapped_type {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : found->second;
}
}  // namespace

const v1::StatusCatalogue& status_catalogue() { return catalogue().all; }

const v1::StatusRow* status_row(uint32_t id) { return find_or_null(catalogue().by_id, id); }

const v1::StatusEvent* status_event(std::string_view event_class) {
  return find_or_null(catalogue().by_class, event_class);
}

const v1::StatusComponent* status_component(std::string_view name) {
  for (const v1::StatusComponent& component : status_catalogue().components()) {
    if (iequals(component.name(), name)) return &component;
  }
  return nullptr;
}

uint32_t status_id_of_event(std::string_view event_class, const Profile& profile) {
  const v1::StatusEvent* event = status_event(event_class);
  if (event == nullptr) return 0;
  return event->hash_mismatch() ? profile.hash_mismatch_message : event->id();
}

std::vector<std::string> strings_of_event(std::string_view event_class,
                                          const std::map<std::string, std::string>& properties) {
  const auto value = [&](std::string_view name) -> std::string {
    // The wire has AdvertisementId and AdvertisementID alike.
    const auto found =
        std::find_if(properties.begin(), properties.end(), [&](const auto& p) { return iequals(p.first, name); });
    return found == properties.end() ? std::string() : found->second;
  };
  std::string package = value("PackageName");
  if (package.empty()) package = value("PackageId");
  std::vector<std::string> strings = {value("AdvertisementId"), "", "", package, value("ProgramName"), ""};
  if (const v1::StatusEvent* event = status_event(event_class); event != nullptr) {
    for (const auto& [n, property] : event->strings()) {
      if (n > 0 && n <= strings.size()) strings[n - 1] = value(property);
    }
  } else {
    strings[1] = value("PackageVersion");
  }
  while (!strings.empty() && strings.back().empty()) strings.pop_back();
  return strings;
}

std::string format_status(std::string_view text, const std::vector<std::string>& strings) {
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%' || i + 1 == text.size() || text[i + 1] < '1' || text[i + 1] > '9') {
      out += text[i];
      continue;
    }
    auto n = static_cast<size_t>(text[++i] - '0');
    if (n == 1 && i + 1 < text.size() && text[i + 1] == '0') {
      n = 10;
      i++;
    }
    if (n <= strings.size()) out += strings[n - 1];
  }
  return out;
}

}  // namespace smslab::mp
