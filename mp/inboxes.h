// Inboxes: the files that a site server's folders would show, for those who look for them (facts: semantics 1.1, 8.6).
//
//   <folder>/pkginfo.box/LON00001.pkg    package and programs     <folder>/pkginfo.box/LON00001.nal   NAL paths
//   <folder>/pkginfo.box/LON00001.ico/   icons, empty             <folder>/offerinf.box/LON20000.OFR  advert
//   <folder>/replmgr.box/LON00001.RPT    when child sites were named
//
// What such files hold was never published: these are short plain text of our own (11.18, assumed). Each follows its
// record: written once a change of it is durable, removed with it, and put right by settle() after a crash. Nothing
// reads them; a file that cannot be written is a line in the log. On the committer's thread but for settle().
#pragma once

#include <string>
#include <vector>

#include "mp/site.h"
#include "proto/base/env.h"
#include "store/index.h"

namespace smslab::mp {

class Inboxes {
 public:
  Inboxes(Env& env, std::string folder, std::vector<std::string> child_sites)
      : env_(env), folder_(std::move(folder)), child_sites_(std::move(child_sites)) {}

  // Makes every file of the site as it is now and removes all others. Before the site serves.
  Status settle(const Site& site) const;
  // As part of a change of a package or an advert: its files follow once that is durable. Empty IDs: none.
  void follow(store::WriteTxn& txn, const Site& site, const std::string& package, const std::string& advert) const;

 private:
  Status put_package(const Site& site, const std::string& id) const;
  Status put_advert(const Site& site, const std::string& id) const;
  std::string path(std::string_view box, const std::string& id, std::string_view suffix) const;
  Status put_file(const std::string& path, const std::string* text) const;  // nullptr: removes it

  Env& env_;
  const std::string folder_;
  const std::vector<std::string> child_sites_;
};

}  // namespace smslab::mp
