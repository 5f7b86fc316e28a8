// A stored manifest: one that is true in itself can be looked up by each of its paths; one that is not still makes a
// tree that hangs together.
#include "store/manifest.h"

#include "store/tree.h"
#include "tests/fuzz/fuzz.h"

namespace {
size_t count_nodes(const smslab::store::ContentTree& tree, const smslab::store::Node& node) {
  size_t count = 1;
  for (const auto* child : tree.children(node)) count += count_nodes(tree, *child);
  return count;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab;
  fuzz::Input input(data, size);
  const bool true_hash = input.number(1) == 1;
  const std::string_view bytes = input.rest();
  v1::Manifest manifest;
  if (!manifest.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return 0;
  if (true_hash) {  // else nothing would get beyond it
    uint64_t sum = 0;
    for (const auto& file : manifest.files()) sum += file.size();
    manifest.set_size(sum);
    *manifest.mutable_hash() = store::package_hash(manifest);
  }
  const Status checked = store::check_manifest(manifest);
  MUST(checked.ok() || checked.code() == Code::kDataLoss);
  const auto tree = store::ContentTree::build(manifest);
  MUST(count_nodes(*tree, tree->root()) >= 1);
  for (const auto& file : manifest.files()) {
    const store::Node* node = tree->find(file.path());
    if (checked.ok()) MUST(node != nullptr && !node->folder && node->file->path() == file.path());
  }
  if (!checked.ok()) return 0;
  for (const auto& folder : manifest.folders()) MUST(tree->find(folder.path() + "/") != nullptr);
  v1::Manifest again;
  MUST(again.ParseFromString(manifest.SerializeAsString()) && store::manifest_digest(again).size() == 64);
  return 0;
}
