#include "store/journal.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

namespace smslab::store {
namespace {
constexpr uint64_t kHeadPage = 4096;
constexpr uint64_t kMostRows = uint64_t{64} << 30, kMostTexts = uint64_t{32} << 30;  // bytes; text numbers are 32 bits
constexpr uint64_t kLeastRows = uint64_t{4} << 20, kLeastTexts = uint64_t{1} << 20, kMostAhead = uint64_t{64} << 20;
constexpr size_t kLongestText = 8'000;
constexpr std::string_view kCut = "...";
constexpr uint64_t kUnit = 8;  // bytes; texts begin at multiples
constexpr std::chrono::milliseconds kPatience{100}, kBetweenTries{1'000};
constexpr std::array<char, 8> kRowsMagic = {'S', 'M', 'S', 'L', 'J', 'R', '0', '1'},
                              kTextsMagic = {'S', 'M', 'S', 'L', 'J', 'T', '0', '1'};

uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 32)) * 0x9E3779B97F4A7C15U;
  return value ^ (value >> 29);
}
}  // namespace

struct Journal::RowsHead {
  std::array<char, 8> magic;
  std::atomic<uint64_t> end;      // next sequence number
  std::atomic<uint64_t> first;    // records below are forgotten
  std::atomic<uint64_t> checked;  // records below are known to be whole, or not to be
  std::atomic<uint64_t> lost;
};
struct Journal::TextsHead {
  std::array<char, 8> magic;
  std::atomic<uint64_t> end;  // bytes used, this page included
};

uint64_t Journal::place_key(int role, std::string_view dp) {
  return mix(std::hash<std::string_view>()(dp) + static_cast<uint64_t>(role));
}
uint64_t Journal::address_key(std::string_view address, uint64_t place) {
  return std::hash<std::string_view>()(address) ^ place;
}

uint32_t JournalRow::checksum() const {
  const auto* const bytes = reinterpret_cast<const char*>(this);
  uint64_t sum = role + uint64_t{1};
  for (size_t at = offsetof(JournalRow, dp); at < offsetof(JournalRow, digest_of); at += 4) {
    uint32_t word = 0;
    std::memcpy(&word, bytes + at, sizeof word);
    sum = (sum ^ word) * 0x9E3779B97F4A7C15U;
    sum ^= sum >> 32;
  }
  return static_cast<uint32_t>(sum) | 1U;
}

// ---- opening
Result<std::unique_ptr<Journal>> Journal::open(Env& env, const std::string& folder, const Clock& clock, const Log& log,
                                               GrowingFile::Allocate allocate) {
  auto journal = std::unique_ptr<Journal>(new Journal(clock, log));
  RETURN_IF_ERROR(env.make_folders(folder));
  ASSIGN_OR_RETURN(journal->lock_, env.lock_folder(folder));
  ASSIGN_OR_RETURN(journal->rows_, GrowingFile::open(folder + "/rows", allocate, kMostRows));
  ASSIGN_OR_RETURN(journal->texts_, GrowingFile::open(folder + "/texts", allocate, kMostTexts));
  RETURN_IF_ERROR(journal->check_files().prefixed(folder));
  journal->recall();
  if (!journal->extend()) journal->tell_room(false);
  journal->keeper_ = std::thread([raw = journal.get()] { raw->keep_room(); });
  return journal;
}

Journal::~Journal() {
  if (keeper_.joinable()) {
    {
      const MutexLock lock(mu_);
      stopping_ = true;
    }
    room_.notify_all();
    keeper_.join();
    if (unsettled_ == 0) rows_head_->checked = rows_head_->end.load();  // else the next process finishes what is open
    rows_->trim(kHeadPage + (rows_head_->end - 1) * sizeof(JournalRow));
    texts_->trim(texts_head_->end);
  }
}

// New files get their first page; others must be ours, and have all that their heads speak of.
Status Journal::check_files() {
  const auto head_of = [](GrowingFile& file, const std::array<char, 8>& magic) -> Result<bool> {
    if (file.reserved() == 0) {
      RETURN_IF_ERROR(file.reserve(kHeadPage));
      std::memcpy(file.data(), magic.data(), magic.size());
      return true;
    }
    if (file.reserved() < kHeadPage || std::memcmp(file.data(), magic.data(), magic.size()) != 0) {
      return Status(Code::kDataLoss, "this is no journal of this program's version; move the folder away");
    }
    return false;
  };
  ASSIGN_OR_RETURN(const bool new_rows, head_of(*rows_, kRowsMagic));
  ASSIGN_OR_RETURN(const bool new_texts, head_of(*texts_, kTextsMagic));
  rows_head_ = reinterpret_cast<RowsHead*>(rows_->data());
  texts_head_ = reinterpret_cast<TextsHead*>(texts_->data());
  // A kill between the two lines above and here leaves zeros.
  if (new_rows || rows_head_->end == 0) rows_head_->end = rows_head_->first = rows_head_->checked = 1;
  if (new_texts || texts_head_->end == 0) texts_head_->end = kHeadPage;
  const uint64_t rows = rows_head_->end, texts = texts_head_->end;
  const bool sound = rows_head_->first >= 1 && rows_head_->first <= rows && texts % kUnit == 0 &&
                     rows <= kMostRows / sizeof(JournalRow) && texts >= kHeadPage &&
                     kHeadPage + (rows - 1) * sizeof(JournalRow) <= rows_->reserved() && texts <= texts_->reserved();
  if (!sound) return {Code::kDataLoss, "the journal is damaged, or shorter than it says; move the folder away"};
  // Nothing is there to keep: small again.
  if (rows_head_->first == rows) texts_head_->end = kHeadPage;
  rows_->trim(kHeadPage + (rows - 1) * sizeof(JournalRow));
  texts_->trim(texts_head_->end);
  return ok_status();
}

// What an earlier process left: rows that it had not finished are, and its clients' numbers go on.
void Journal::recall() {
  for (uint64_t n = std::max(rows_head_->checked.load(), rows_head_->first.load()); n < rows_head_->end; n++) {
    JournalRow& row = at(n);
    if (row.check != row.checksum()) row.check = 0;
    row.settled = 1;
  }
  rows_head_->checked = rows_head_->end.load();
  shrunk_ = rows_head_->first;
  rows_->punch(kHeadPage, kHeadPage + (shrunk_ - 1) * sizeof(JournalRow));
  for (uint64_t n = rows_head_->first; n < rows_head_->end; n++) {
    const JournalRow* const row = this->row(n);
    if (row == nullptr) continue;
    clients_.raise(row->client_key, row->client_sequence);
    if (row->request <= 1) {  // as every connection begins
      addresses_.raise(address_key(read(row->address), place_key(row->role, read(row->dp))), row->connection);
    }
  }
}

// ---- writing
JournalRow& Journal::at(uint64_t sequence) const {
  return reinterpret_cast<JournalRow*>(rows_->data() + kHeadPage)[sequence - 1];
}

uint64_t Journal::row_room() const { return (rows_->reserved() - kHeadPage) / sizeof(JournalRow); }

std::optional<uint32_t> Journal::text(std::string_view text) {
  if (text.empty()) return 0;
  const uint64_t hash = mix(std::hash<std::string_view>()(text));
  const uint64_t half = hash & ~uint64_t{UINT32_MAX};
  Known& known = known_texts_[hash % known_texts_.size()];
  for (const auto& place : known) {
    const uint64_t entry = place.load(std::memory_order_acquire);
    const auto number = static_cast<uint32_t>(entry);
    if (number != 0 && (entry & ~uint64_t{UINT32_MAX}) == half && read(number) == text) return number;
  }

  const bool cut = text.size() > kLongestText;
  const uint64_t length = cut ? kLongestText : text.size();
  const uint64_t size = (sizeof(uint32_t) + length + kUnit - 1) / kUnit * kUnit;
  uint64_t begin = texts_head_->end;
  do {
    if (begin + size > texts_->reserved() && !make_room(*texts_, begin + size)) return std::nullopt;
  } while (!texts_head_->end.compare_exchange_weak(begin, begin + size));
  char* const place = texts_->data() + begin;
  const auto stored = static_cast<uint32_t>(length);
  std::memcpy(place + sizeof stored, text.data(), length);
  if (cut) std::memcpy(place + sizeof stored + length - kCut.size(), kCut.data(), kCut.size());
  std::memcpy(place, &stored, sizeof stored);
  const auto made = static_cast<uint32_t>(begin / kUnit);
  if (!cut) known[made % known.size()].store(half | made, std::memory_order_release);
  if (texts_->reserved() - begin < kLeastTexts / 2) want_room();
  return made;
}

uint64_t Journal::begin(const JournalRow& row) {
  uint64_t sequence = rows_head_->end;
  do {
    if (sequence > row_room() && !make_room(*rows_, kHeadPage + sequence * sizeof(JournalRow))) {
      lose();
      return 0;
    }
  } while (!rows_head_->end.compare_exchange_weak(sequence, sequence + 1));
  unsettled_++;
  JournalRow& place = at(sequence);
  constexpr size_t kFrom = offsetof(JournalRow, dp), kTo = offsetof(JournalRow, digest_of);
  place.role = row.role;
  std::memcpy(reinterpret_cast<char*>(&place) + kFrom, reinterpret_cast<const char*>(&row) + kFrom, kTo - kFrom);
  place.check.store(place.checksum(), std::memory_order_release);
  const uint64_t left = row_room() - sequence;
  if (left * sizeof(JournalRow) < kLeastRows / 2) want_room();
  return sequence;
}

JournalRow& Journal::change(uint64_t sequence) { return at(sequence); }

void Journal::told() {
  changes_++;
  if (waiting_ == 0) return;
  { const MutexLock lock(mu_); }
  changed_.notify_all();
}

void Journal::settled(uint64_t sequence) {
  at(sequence).settled.store(1, std::memory_order_release);
  unsettled_--;
  told();
}

void Journal::lose() { rows_head_->lost++; }

uint32_t Journal::next_of_client(uint64_t key) { return clients_.next(key); }
uint32_t Journal::next_of_address(uint64_t key) { return addresses_.next(key); }

uint32_t Journal::Counts::next(uint64_t key) {
  Part& mine = part(key);
  const MutexLock lock(mine.mu);
  return ++mine.counts[key];
}
void Journal::Counts::raise(uint64_t key, uint32_t to) {
  Part& mine = part(key);
  const MutexLock lock(mine.mu);
  uint32_t& count = mine.counts[key];
  count = std::max(count, to);
}
void Journal::Counts::clear() {
  for (Part& one : parts_) {
    const MutexLock lock(one.mu);
    one.counts.clear();
  }
}

// ---- room
// For a worker that finds none: the thread may only be late. Whether there is now.
bool Journal::make_room(const GrowingFile& file, uint64_t wanted) {
  want_room();
  const SteadyTime deadline = clock_.steady() + kPatience;
  while (file.reserved() < wanted && !full_ && clock_.steady() < deadline) std::this_thread::yield();
  return file.reserved() >= wanted;
}

void Journal::want_room() {
  if (wanted_.exchange(true)) return;
  { const MutexLock lock(mu_); }
  room_.notify_one();
}

bool Journal::extend(GrowingFile& file, uint64_t used, uint64_t least, uint64_t most) {
  const uint64_t ahead = std::clamp(used, least, most);
  if (file.reserved() >= used + ahead / 2) return true;
  // On a disk that is nearly full, a little may still be had.
  return file.reserve(used + ahead).ok() || file.reserve(used + least).ok() || file.reserved() >= used + least / 2;
}

bool Journal::extend() {
  const bool rows = extend(*rows_, kHeadPage + (rows_head_->end - 1) * sizeof(JournalRow), kLeastRows, kMostAhead);
  return extend(*texts_, texts_head_->end, kLeastTexts, kMostAhead / 4) && rows;
}

// The one thread that waits for the disk.
void Journal::keep_room() {
  while (true) {
    {
      MutexLock lock(mu_);
      const bool again = full_ || shrunk_ < rows_head_->first;  // something is left to do
      const SteadyTime soon = clock_.steady() + kBetweenTries;
      while (!stopping_ && !wanted_) {
        if (!again) {
          room_.wait(lock);
        } else if (!room_.wait_until(lock, soon)) {
          break;
        }
      }
      if (stopping_) return;
    }
    wanted_ = false;
    const bool good = extend();
    if (good == full_) tell_room(good);
    shrink();
  }
}

void Journal::tell_room(bool good) {
  full_ = !good;
  if (good) {
    log_.warning("the journal has room again; " + std::to_string(lost()) + " records were lost");
  } else {
    log_.error("the disk has no room for the journal: requests go on, and their records will be lost");
  }
}

// Forgotten records give their room back, as soon as nobody writes into them any more.
void Journal::shrink() {
  const uint64_t first = rows_head_->first;
  uint64_t to = shrunk_;
  while (to < first && at(to).settled != 0) to++;
  if (to == shrunk_) return;
  rows_->punch(kHeadPage + (shrunk_ - 1) * sizeof(JournalRow), kHeadPage + (to - 1) * sizeof(JournalRow));
  shrunk_ = to;
}

// ---- reading
uint64_t Journal::first() const { return rows_head_->first; }
uint64_t Journal::end() const { return rows_head_->end; }
uint64_t Journal::lost() const { return rows_head_->lost; }

const JournalRow* Journal::row(uint64_t sequence) const {
  const JournalRow& row = at(sequence);
  return row.check.load(std::memory_order_acquire) == 0 ? nullptr : &row;
}

std::string_view Journal::read(uint32_t text) const {
  if (text == 0) return {};
  const uint64_t begin = uint64_t{text} * kUnit;
  uint32_t length = 0;
  if (begin + sizeof length > texts_head_->end) return "?";
  std::memcpy(&length, texts_->data() + begin, sizeof length);
  if (begin + sizeof length + length > texts_head_->end) return "?";  // a power cut took it
  return {texts_->data() + begin + sizeof length, length};
}

void Journal::clear() {
  rows_head_->first = rows_head_->end.load();
  clients_.clear();
  addresses_.clear();
  told();
  want_room();
}

bool Journal::wait_past(uint64_t* seen, SteadyTime deadline) {
  waiting_++;
  {
    MutexLock lock(mu_);
    while (!stopped_waiting_ && changes_ == *seen) {
      if (!changed_.wait_until(lock, deadline)) break;
    }
  }
  waiting_--;
  const MutexLock lock(mu_);
  const bool moved = !stopped_waiting_ && changes_ != *seen;
  *seen = changes_;
  return moved;
}

void Journal::wait_settled(SteadyTime deadline) {
  uint64_t seen = changes_;
  while (unsettled_ > 0 && wait_past(&seen, deadline)) {
  }
}

void Journal::stop_waiting() {
  {
    const MutexLock lock(mu_);
    stopped_waiting_ = true;
  }
  changed_.notify_all();
}

}  // namespace smslab::store
