// Journal: what was asked of one process's client plane and what the askers got, a row a request, for good.
//
//   ASSIGN_OR_RETURN(auto journal, Journal::open(env, "<data>/journal", clock, log));
//   const uint64_t record = journal->begin(row);              // workers: no lock, no system call, no memory
//   journal->change(record)->status = 404;  journal->told();
//   for (uint64_t n = journal->first(); n < journal->end(); n++) if (const JournalRow* row = journal->row(n)) ...
//
//   <folder>/rows      a page of numbers, then the rows (journal_row.h)
//   <folder>/texts     a page of numbers, then every text once, or a few times
//
// Both are written in memory that is the file's (growing_file.h), so a killed process has lost nothing of what it had
// written, and the process itself holds nothing but a table of fixed size, and a number a client. One thread keeps room
// ahead. Without room on the disk requests go on: records are lost, counted, and the log says so. A worker that outruns
// the thread waits for it a moment, which takes about 20,000 requests within as many microseconds as a disk needs to
// grow a file.
//
// Sequence numbers begin at 1, and never come again. clear() forgets records, not numbers; the files shrink by and by.
// One process has a folder. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/env.h"
#include "proto/base/log.h"
#include "proto/base/mutex.h"
#include "store/growing_file.h"
#include "store/journal_row.h"

namespace smslab::store {

class Journal {
 public:
  // kFailedPrecondition when another process has the folder, kDataLoss when the files are no journal's.
  static Result<std::unique_ptr<Journal>> open(Env& env, const std::string& folder, const Clock& clock, const Log& log,
                                               GrowingFile::Allocate allocate = {});
  ~Journal();

  // ---- for writers
  // The number of a text, which is kept from now on; nullopt without room. Very long ones are cut.
  std::optional<uint32_t> text(std::string_view text);
  uint64_t begin(const JournalRow& row);   // its sequence number; 0: lost
  JournalRow& change(uint64_t sequence);   // of begin()
  void told();                             // something has changed: whoever waits looks again
  void settled(uint64_t sequence);         // nothing in it changes any more
  void lose();                             // one that had no room for its texts
  uint32_t next_of_client(uint64_t key);   // 1, 2, ...
  uint32_t next_of_address(uint64_t key);  // at one listener
  static uint64_t place_key(int role, std::string_view dp);
  static uint64_t address_key(std::string_view address, uint64_t place);

  // ---- for readers
  uint64_t first() const;  // records in [first, end), as far as row() knows them
  uint64_t end() const;
  const JournalRow* row(uint64_t sequence) const;  // nullptr: never written, or only just being so
  std::string_view read(uint32_t text) const;
  uint64_t lost() const;
  void clear();  // all that there are

  // What has changed since; a reader takes it before it reads.
  uint64_t changes() const { return changes_; }
  // Until something has changed after `*seen`, which moves there. False when `deadline` passed or the journal stops.
  bool wait_past(uint64_t* seen, SteadyTime deadline);
  // Until every record has all that will be known of it, or the deadline has passed.
  void wait_settled(SteadyTime deadline);
  void stop_waiting();

 private:
  struct RowsHead;
  struct TextsHead;
  // Numbers by a 64-bit key, in parts so that workers seldom meet.
  class Counts {
   public:
    uint32_t next(uint64_t key);
    void raise(uint64_t key, uint32_t to);
    void clear();

   private:
    struct Part {
      Mutex mu;
      std::unordered_map<uint64_t, uint32_t> counts GUARDED_BY(mu);
    };
    Part& part(uint64_t key) { return parts_[key % std::size(parts_)]; }
    std::array<Part, 16> parts_;
  };

  Journal(const Clock& clock, const Log& log) : clock_(clock), log_(log) {}
  Status check_files();
  void recall();
  JournalRow& at(uint64_t sequence) const;
  uint64_t row_room() const;
  bool make_room(const GrowingFile& file, uint64_t wanted);
  void want_room();
  void keep_room();
  void tell_room(bool good);
  bool extend();
  bool extend(GrowingFile& file, uint64_t used, uint64_t least, uint64_t most);
  void shrink();

  const Clock& clock_;
  const Log log_;
  std::unique_ptr<FolderLock> lock_;
  std::unique_ptr<GrowingFile> rows_, texts_;
  RowsHead* rows_head_ = nullptr;
  TextsHead* texts_head_ = nullptr;
  Counts clients_, addresses_;
  using Known = std::array<std::atomic<uint64_t>, 4>;  // half a hash and the number each
  std::array<Known, 4096> known_texts_ = {};           // by hash; what does not fit is written once more
  std::atomic<uint64_t> changes_ = 0;
  std::atomic<int64_t> unsettled_ = 0;
  std::atomic<int> waiting_ = 0;

  std::atomic<bool> wanted_ = false, full_ = false;
  uint64_t shrunk_ = 0;  // records below have given their room back; the thread's
  Mutex mu_;
  CondVar changed_, room_;
  bool stopping_ GUARDED_BY(mu_) = false, stopped_waiting_ GUARDED_BY(mu_) = false;
  std::thread keeper_;
};

}  // namespace smslab::store
