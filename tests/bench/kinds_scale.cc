// kinds_scale: what a request costs with ten of a kind and with very many.
//
//   kinds_scale KIND FOLDER [ROUNDS [MANY [ASKED]]]        55, 100000 and 10; the folder is made, and is left
//
// KIND: packages, versions (of one package), clients, adverts or rules. Two labs in one process, one with ten of the
// kind, the other with MANY, and ten of each other kind in both. Requests for policy assignments, a policy's body,
// content locations, a file and a folder's listing go to both in turns, about ASKED of the kind, over and over, so that
// what disturbs the machine disturbs both. With more ASKED than ten, the first lab has as many of the kind: nothing
// that either has kept in memory helps then.
//
// Prints a line a round and request, for tests/bench/kinds.awk:
//   REQUEST FEW MANY                              microseconds a request
// then what making the lab of many took, and starting it again (kinds_lab.h). All times are of the processor.
//   made SECONDS
//   start FIRST-REPLY SETTLED                     milliseconds
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/text.h"
#include "tests/bench/kinds_lab.h"

namespace smslab::bench {
namespace {
constexpr int kFew = 10;

struct Sizes {
  LabSize few, many;
};

// Nothing: there is no such kind.
std::optional<Sizes> sizes_of(std::string_view kind, int many, int asked) {
  struct Row {
    std::string_view kind;
    int LabSize::*count;
  };
  static constexpr std::array kKinds = {Row{"packages", &LabSize::packages}, Row{"versions", &LabSize::versions},
                                        Row{"clients", &LabSize::clients}, Row{"adverts", &LabSize::adverts},
                                        Row{"rules", &LabSize::rules}};
  const auto row = std::ranges::find(kKinds, kind, &Row::kind);
  if (row == kKinds.end()) return std::nullopt;
  LabSize size;
  size.asked = asked;
  if (row->count == &LabSize::versions) size.packages = 1;
  // Everybody who asks has an advert of his own, and so must be somebody else.
  if (row->count == &LabSize::adverts) size.clients = std::max(kFew, asked);
  Sizes sizes{.few = size, .many = size};
  sizes.few.*row->count = std::max(kFew, asked);
  sizes.many.*row->count = many;
  return sizes;
}

void run(const std::string& folder, const Sizes& sizes, int rounds) {
  {
    KindsLab few(folder + "/few", sizes.few);
    const double begin = processor_seconds();
    KindsLab many(folder + "/many", sizes.many);
    fmt::print("made {:.1f}\n", processor_seconds() - begin);
    for (int round = -1; round < rounds; round++) {  // the first warms up
      for (const AskedRow& row : kAsked) {
        const bool turned = round % 2 == 0;
        const double first = (turned ? many : few).ask(row.asked, row.requests);
        const double second = (turned ? few : many).ask(row.asked, row.requests);
        if (round < 0) continue;
        fmt::print("{} {:.3f} {:.3f}\n", row.name, turned ? second : first, turned ? first : second);
      }
    }
  }
  const Started started = start_again(folder + "/many", sizes.many);
  fmt::print("start {:.0f} {:.0f}\n", started.first_reply, started.settled);
}
}  // namespace
}  // namespace smslab::bench

int main(int argc, char** argv) {
  const auto number = [&](int i, uint64_t absent) {
    return static_cast<int>(argc > i ? smslab::parse_u64(argv[i]).value_or(absent) : absent);
  };
  const auto sizes = smslab::bench::sizes_of(argc > 2 ? argv[1] : "", number(4, 100'000), number(5, 10));
  if (!sizes) {
    fmt::print(stderr, "kinds_scale packages|versions|clients|adverts|rules FOLDER [ROUNDS [MANY [ASKED]]]\n");
    return 2;
  }
  smslab::bench::run(argv[2], *sizes, number(3, 55));
  return 0;
}
