#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/result.h"

namespace rollcall::vision {

struct DownloadRequest {
  std::string url;  // http or https; redirections are followed.
  std::filesystem::path target;
  std::string sha256;  // Empty: whatever comes is taken.
  std::int64_t size_max = 2'000'000'000;
};

// Bytes that are there and bytes in all (0 = not known); false ends it with kCancelled.
using DownloadTick = std::function<bool(std::int64_t bytes_done, std::int64_t bytes_total)>;

// Fetches a file. The bytes gather in `target`.part; what an earlier, interrupted call left there
// is kept and only the rest is asked for (from the start, if the server cannot do that or has
// something else by now). `target` appears whole, with the right hash, or not at all.
//
// ERR_DOWNLOAD_FAILED (no answer, refused, broken off, stalled for a minute: retryable),
// ERR_MODEL_ALTERED (another hash; nothing is kept), ERR_BAD_PARAMS (URL), what ErrnoError says.
base::Result<void> Download(const DownloadRequest& request, const DownloadTick& tick = {});

}  // namespace rollcall::vision
