// Imports: which sources are being read at this moment, one import a package.
//
//   ASSIGN_OR_RETURN(auto import, imports.begin("LON00001", "/srv/tools"));   // the package's until it goes out of
//   scope import_folder(env, blobs, request, import->progress());
//
// Thread-safe.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "proto/base/mutex.h"
#include "proto/schema/control.pb.h"
#include "store/blobs.h"

namespace smslab::mp {

// A content that an import counted on may be dropped before its commit: then it is read again, so often in all.
inline constexpr int kImportTries = 3;

class Imports {
 public:
  class Import {
   public:
    ~Import();
    // Tells how far it is; an error once the site stops.
    store::Staging::Progress progress();

   private:
    friend class Imports;
    Import(Imports& owner, std::string package, std::string source);

    Imports& owner_;
    const std::string package_, source_;
    std::atomic<uint64_t> bytes_ = 0;
  };

  // kAborted when the package is being imported already.
  Result<std::unique_ptr<Import>> begin(const std::string& package, const std::string& source);
  v1::ImportList list() const;  // by package ID
  void stop();                  // imports under way end with kUnavailable

 private:
  mutable Mutex mu_;
  std::map<std::string, const Import*> running_ GUARDED_BY(mu_);
  std::atomic<bool> stopped_ = false;
};

}  // namespace smslab::mp
