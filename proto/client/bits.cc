#include "proto/client/bits.h"

#include <algorithm>

#include "proto/base/text.h"
#include "proto/client/http.h"

namespace smslab::client {
namespace {
constexpr int kTriesWithoutProgress = 3;
constexpr int kRestarts = 3;
constexpr size_t kMaxEtag = 256;

control::HttpRequest bits_request(std::string method, const std::string& target) {
  return {.method = std::move(method),
          .target = target,
          .fields = {{"Connection", "Keep-Alive"},
                     {"Accept", "*/*"},
                     {"Accept-Encoding", "identity"},
                     {"User-Agent", "Microsoft BITS/6.7"}}};
}

// A strong ETag that can stand on one line of a journal; "" otherwise.
std::string strong_etag(const control::HttpReply& reply) {
  const std::string* etag = reply.field("ETag");
  if (etag == nullptr || etag->size() > kMaxEtag || !etag->starts_with('"')) return {};
  return std::all_of(etag->begin(), etag->end(), [](char c) { return c > ' ' && c != 0x7F; }) ? *etag : "";
}

struct ContentRange {
  uint64_t first = 0, last = 0, size = 0;
};
std::optional<ContentRange> parse_content_range(const std::string* field) {
  if (field == nullptr || !istarts_with(*field, "bytes ")) return std::nullopt;
  const std::string_view range = trim(std::string_view(*field).substr(6));
  const size_t dash = range.find('-'), slash = range.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = parse_u64(range.substr(0, dash)), last = parse_u64(range.substr(dash + 1, slash - dash - 1)),
             size = parse_u64(range.substr(slash + 1));
  if (!first || !last || !size) return std::nullopt;
  return ContentRange{*first, *last, *size};
}

Outcome disconnected(const Status& status) { return {ErrorCode::kDisconnected, status.message()}; }
}  // namespace

Outcome Bits::head(control::HttpClient& http, const BitsFile& file, Remote* remote) const {
  for (int attempt = 1;; attempt++) {
    const auto reply = client::fetch(http, bits_request("HEAD", file.target), 0);
    if (!reply.ok() && attempt < kTriesWithoutProgress) continue;
    if (!reply.ok()) return disconnected(reply.status());
    if (reply->status != 200) return {http_error(reply->status), "the server answers " + status_line(*reply)};
    const std::string* length = reply->field("Content-Length");
    const auto size = length == nullptr ? std::nullopt : parse_u64(*length);
    if (!size) return {ErrorCode::kMissingSize, "the server does not tell the size"};
    if (*size > file.limit || (file.expected_size && *size != *file.expected_size)) {
      return {ErrorCode::kMissingSize, "the server tells a size of " + *length + " bytes, which cannot be right"};
    }
    *remote = {*size, strong_etag(*reply)};
    return {};
  }
}

Bits::Step Bits::receive(control::HttpClient& http, const BitsFile& file, const Remote& remote, uint64_t have,
                         uint64_t* received, Outcome* outcome) const {
  auto out = env_.open_append(file.path);
  const auto fail = [&](Outcome why) {
    *outcome = std::move(why);
    return Step::kFailed;
  };
  if (!out.ok()) return fail(disk_outcome(out.status()));

  int idle = 0;
  while (have < remote.size) {
    const uint64_t begin = have, last = std::min(have + block_bytes_, remote.size) - 1;
    auto request = bits_request("GET", file.target);
    request.fields.emplace_back("Range", "bytes=" + std::to_string(begin) + "-" + std::to_string(last));
    if (!remote.etag.empty()) request.fields.emplace_back("If-Range", remote.etag);

    bool changed = false;
    Outcome refused;  // of the reply's head, or of the disk
    uint64_t end = begin;
    const auto stop = [] { return Status(Code::kAborted, "stopped"); };
    request.on_head = [&](const control::HttpReply& head) {
      if (head.status == 206) {
        const auto range = parse_content_range(head.field("Content-Range"));
        if (range && range->size != remote.size) {
          changed = true;
        } else if (!range || range->first != begin || range->last < begin || range->last > last) {
          refused = {ErrorCode::kNoRanges, "the server sent another range than asked"};
        } else {
          end = range->last + 1;
          return ok_status();
        }
      } else if (head.status == 416 ||
                 (head.status == 200 && !remote.etag.empty() && strong_etag(head) != remote.etag)) {
        changed = true;
      } else if (head.status == 200) {
        refused = {ErrorCode::kNoRanges, "the server ignored the range"};
      } else {
        refused = {http_error(head.status), "the server answers " + status_line(head)};
      }
      return stop();
    };
    request.sink = [&](std::string_view piece) {
      if (piece.size() > end - have) {
        refused = {ErrorCode::kNoRanges, "the server sent more than the range"};
        return stop();
      }
      if (const Status s = (*out)->append(piece); !s.ok()) {
        refused = disk_outcome(s);
        return stop();
      }
      have += piece.size();
      *received += piece.size();
      return ok_status();
    };
    const auto reply = http.send(request);
    if (changed) return Step::kChanged;
    if (!refused.ok()) return fail(refused);
    if (have == begin && ++idle == kTriesWithoutProgress) {
      return fail(reply.ok() ? Outcome{ErrorCode::kDisconnected, "the server sent no bytes"}
                             : disconnected(reply.status()));
    }
    if (have > begin) idle = 0;
  }
  if (const Status s = (*out)->close(); !s.ok()) return fail(disk_outcome(s));
  return Step::kDone;
}

Outcome Bits::fetch(control::HttpClient& http, BitsFile file, uint64_t* received) const {
  for (int restart = 0; restart < kRestarts; restart++) {
    Remote remote;
    if (Outcome o = head(http, file, &remote); !o.ok()) return o;

    uint64_t have = 0;
    if (const auto info = env_.link_info(file.path); info.ok()) {
      have = info->size;
      if (remote.etag.empty() || remote.etag != file.etag || have > remote.size) {
        if (const Status s = env_.remove_file(file.path); !s.ok()) return disk_outcome(s);
        have = 0;
      }
    }
    if (file.etag != remote.etag) {
      file.etag = remote.etag;
      if (file.on_etag) {
        if (const Status s = file.on_etag(file.etag); !s.ok()) return disk_outcome(s);
      }
    }
    Outcome outcome;
    switch (receive(http, file, remote, have, received, &outcome)) {
      case Step::kDone: return {};
      case Step::kFailed: return outcome;
      case Step::kChanged: file.etag.clear(); break;
    }
  }
  return {ErrorCode::kNoRanges, "the file changes while it is being fetched"};
}

}  // namespace smslab::client
