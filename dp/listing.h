// Listing: what a PROPFIND is answered with, item by item, made as it is asked for: a package may hold 100,000 files.
//
//   Listing listing = list_package(package, *node, dav::Depth::kInfinity, url_of_node, "LON00001");
//   while (const std::optional<dav::Item> item = listing()) ...
//
// A Listing is one state of its package whatever happens to the package meanwhile. One thread at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "dp/contents.h"
#include "proto/dav/propfind.h"

namespace smslab::dp {

using Listing = std::function<std::optional<dav::Item>()>;  // nullopt at the end

// A file or folder, then what is below it as far as `depth` goes: a folder's folders first, each with all that is in
// it, then its files. `url` is the URL of `node` without a final '/', `name` what to call a package's own folder.
Listing list_package(LoadedPtr package, const store::Node& node, dav::Depth depth, std::string url, std::string name);

// The virtual directory and the packages in it; no deeper.
Result<Listing> list_packages(const Contents& contents, dav::Depth depth, const std::string& url, std::string name);

}  // namespace smslab::dp
