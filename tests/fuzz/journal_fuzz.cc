// A journal's files that another version wrote, or a disk or a power cut altered: it is refused, or every record can be
// read, counted, looked for and shown, and new ones follow.
#include "store/journal.h"

#include <stdlib.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>

#include "mp/har.h"
#include "proto/codec/json.h"
#include "store/journal_query.h"
#include "tests/fuzz/fuzz.h"

namespace smslab::store {
namespace {
namespace fs = std::filesystem;

constexpr size_t kRow = sizeof(JournalRow), kPage = 4096, kRows = 6;

const std::string& folder() {
  static const std::string path = [] {
    std::string pattern = fs::path(fs::is_directory("/dev/shm") ? "/dev/shm" : "/tmp") / "smslab-fuzz.XXXXXX";
    return std::string(::mkdtemp(pattern.data()));
  }();
  return path;
}

std::string read_bytes(const std::string& name) {
  std::ifstream in(folder() + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class StandingClock final : public Clock {
 public:
  LabTime now() const override { return {}; }
  SteadyTime steady() const override { return system_time_source().steady(); }
};
const StandingClock kClock;

Result<std::unique_ptr<Journal>> open_journal() {
  const auto sparse = [](int fd, uint64_t, uint64_t to) {
    return ::ftruncate(fd, static_cast<off_t>(to)) == 0 ? ok_status() : from_errno(ENOSPC, "growing");
  };
  return Journal::open(posix_env(), folder(), kClock, Log(null_log(), LogForm::kConsole, kClock, "fuzz"), sparse);
}

uint64_t add_row(Journal& journal, const std::string& target) {
  alignas(JournalRow) std::byte bytes[kRow] = {};
  JournalRow& row = *new (bytes) JournalRow;
  row.role = v1::FaultMatch::DP;
  row.dp = *journal.text("LON-DCSMS-01");
  row.client = *journal.text("NYC-CLI-01");
  row.address = *journal.text("127.0.0.1");
  row.method = *journal.text("GET");
  row.target = *journal.text(target);
  row.last = JournalRow::kNone;
  row.connection = row.request = row.client_sequence = 1;
  return journal.begin(row);
}

struct Files {
  std::string rows, texts;
};
const Files& sound() {
  static const Files files = [] {
    {
      const auto journal = open_journal();
      MUST(journal.ok());
      for (size_t i = 0; i < kRows; i++) {
        JournalRow& row = (*journal)->change(add_row(**journal, "/SMS_DP_SMSPKG$/LON00001/" + std::to_string(i)));
        row.status = 200;
        row.ended = v1::JournalRecord::WHOLE;
      }
    }
    return Files{read_bytes("rows"), read_bytes("texts")};
  }();
  return files;
}

// Bytes of the input laid over the files: where, how many, and what.
void alter(fuzz::Input& input, Files* files) {
  for (uint64_t patches = input.number(12); patches > 0 && !input.empty(); patches--) {
    std::string& file = input.number(2) < 2 ? files->rows : files->texts;
    const bool head = input.number(3) == 0;
    const uint64_t at = head ? input.number(63) : kPage + input.number(kRows * kRow);
    const std::string_view bytes = input.take(input.number(16));
    if (at + bytes.size() <= file.size()) file.replace(at, bytes.size(), bytes);
  }
  if (input.number(7) == 0) files->rows.resize(input.number(files->rows.size()));
  if (input.number(7) == 0) files->texts.resize(input.number(files->texts.size()));
  // Else no altered row would be one.
  for (size_t at = kPage; at + kRow <= files->rows.size() && input.number(3) != 0; at += kRow) {
    alignas(JournalRow) char bytes[kRow];
    std::memcpy(bytes, files->rows.data() + at, kRow);
    const uint32_t check = reinterpret_cast<const JournalRow*>(bytes)->checksum();
    std::memcpy(files->rows.data() + at, &check, sizeof check);
  }
}

void read_all(const Journal& journal) {
  JournalWanted wanted;
  wanted.match.set_client("NYC*");
  wanted.target = "*LON00001*";
  wanted.least_status = 200;
  wanted.rule = "1";
  JournalQuery query(journal, wanted);
  MUST(query.count(journal.first(), journal.end()) <= journal.end() - journal.first());
  MUST(query.nearest(journal.first(), journal.end()).size() <= 3);
  v1::JournalList list;
  for (uint64_t n = journal.first(); n < journal.end(); n++) {
    const JournalRow* row = journal.row(n);
    if (row == nullptr) continue;
    *list.add_records() = journal_record(journal, n, *row);
    MUST(list.records().rbegin()->sequence() == n);
  }
  (void)codec::to_json(list);
  MUST(mp::har_of(list).log().entries_size() == list.records_size());
}

}  // namespace
}  // namespace smslab::store

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab;
  using namespace smslab::store;
  Files files = sound();
  fuzz::Input input(data, size);
  alter(input, &files);
  std::ofstream(folder() + "/rows", std::ios::binary) << files.rows;
  std::ofstream(folder() + "/texts", std::ios::binary) << files.texts;
  uint64_t last = 0;
  {
    const auto journal = open_journal();
    if (!journal.ok()) {
      MUST(journal.status().code() == Code::kDataLoss);
      return 0;
    }
    MUST((*journal)->first() >= 1 && (*journal)->first() <= (*journal)->end());
    read_all(**journal);
    last = add_row(**journal, "/new");
    MUST(last >= (*journal)->first() && (*journal)->read((*journal)->row(last)->target) == "/new");
    (*journal)->change(last).ended = v1::JournalRecord::WHOLE;
    (*journal)->settled(last);
  }
  const auto again = open_journal();
  MUST(again.ok() && (*again)->read((*again)->row(last)->target) == "/new");
  read_all(**again);
  return 0;
}
