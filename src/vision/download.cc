#include "vision/download.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::vision {
namespace {

namespace fs = std::filesystem;
namespace reason = domain::reason;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;
struct CleanupCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using Curl = std::unique_ptr<CURL, CleanupCurl>;

std::int64_t SizeOf(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

// One request: from `start` to the end, appended to the part file.
struct Transfer {
  const DownloadRequest& request;
  const DownloadTick& tick;
  std::int64_t start = 0;
  std::FILE* file = nullptr;
  std::int64_t received = 0;
  int write_error = 0;
  bool is_stopped = false;
  bool is_too_large = false;
};

std::size_t OnBytes(char* bytes, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.received += static_cast<std::int64_t>(count);
  if (transfer.start + transfer.received > transfer.request.size_max) {
    transfer.is_too_large = true;
    return 0;
  }
  const std::size_t written = std::fwrite(bytes, 1, count, transfer.file);
  if (written != count) transfer.write_error = errno;
  return written;
}

int OnProgress(void* user, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.tick) return 0;
  const std::int64_t all = total > 0 ? transfer.start + total : 0;
  transfer.is_stopped = !transfer.tick(transfer.start + done, all);
  return transfer.is_stopped ? 1 : 0;
}

base::Error Failed(const DownloadRequest& request, std::string_view why) {
  return domain::MakeError(reason::kDownloadFailed,
                           fmt::format("{} could not be fetched: {}", request.url, why));
}

void SetOptions(CURL* curl, Transfer& transfer) {
  curl_easy_setopt(curl, CURLOPT_URL, transfer.request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 20L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "rollcall/" ROLLCALL_VERSION);
  curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(transfer.start));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &OnBytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &OnProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
}

// What became of one request.
enum class Outcome { kDone, kStartOver };

base::Result<Outcome> Fetch(const DownloadRequest& request, const fs::path& part,
                            const DownloadTick& tick) {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  const Curl curl(kReady == CURLE_OK ? curl_easy_init() : nullptr);
  if (!curl) return Failed(request, "libcurl does not start");
  Transfer transfer{.request = request, .tick = tick, .start = SizeOf(part)};
  const File file(std::fopen(part.c_str(), "ab"));
  if (!file) return base::ErrnoError(errno, "write", part);
  transfer.file = file.get();
  std::array<char, CURL_ERROR_SIZE> why{};
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, why.data());
  SetOptions(curl.get(), transfer);
  const CURLcode code = curl_easy_perform(curl.get());
  if (std::fflush(file.get()) != 0 && transfer.write_error == 0) transfer.write_error = errno;
  if (transfer.write_error != 0) return base::ErrnoError(transfer.write_error, "write", part);
  if (code == CURLE_OK) return Outcome::kDone;
  if (transfer.is_stopped) return domain::MakeError(reason::kCancelled, "stopped on request");
  if (transfer.is_too_large) {
    return Failed(request, fmt::format("it is larger than {} bytes", request.size_max));
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  // The server sends no ranges, or has less than what is here already.
  if (transfer.start > 0 && (code == CURLE_RANGE_ERROR || status == 416)) {
    return Outcome::kStartOver;
  }
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return domain::MakeError(reason::kBadParams,
                             fmt::format("'{}' is no http or https address", request.url));
  }
  return Failed(request, why[0] != '\0' ? why.data() : curl_easy_strerror(code));
}

base::Result<bool> HasHash(const fs::path& file, const std::string& sha256) {
  if (sha256.empty()) return true;
  ROLLCALL_TRY_ASSIGN(const base::FileDigest digest, base::DigestFile(file));
  return digest.sha256 == sha256;
}

}  // namespace

base::Result<void> Download(const DownloadRequest& request, const DownloadTick& tick) {
  const fs::path part = request.target.string() + ".part";
  std::error_code ignored;
  if (request.sha256.empty()) fs::remove(part, ignored);  // Nothing says that it is the same file.
  bool is_resumed = SizeOf(part) > 0;
  while (true) {
    ROLLCALL_TRY_ASSIGN(const Outcome outcome, Fetch(request, part, tick));
    bool is_right = false;
    if (outcome == Outcome::kDone || is_resumed) {
      ROLLCALL_TRY_ASSIGN(is_right, HasHash(part, request.sha256));
    }
    if (is_right) break;
    fs::remove(part, ignored);
    // The first bytes may be of another file than the last.
    if (!is_resumed) {
      return domain::MakeError(
          reason::kModelAltered,
          fmt::format("{} is not the file with SHA-256 {}", request.url, request.sha256));
    }
    is_resumed = false;
  }
  ROLLCALL_TRY(base::SyncFile(part));
  fs::rename(part, request.target, ignored);
  if (ignored) return base::ErrnoError(ignored.value(), "rename", part);
  return base::SyncFolder(request.target.parent_path());
}

}  // namespace rollcall::vision
