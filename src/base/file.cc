#include "base/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "base/failpoint.h"
#include "base/file_mode.h"
#include "base/unique_fd.h"

namespace rollcall::base {
namespace {

namespace fs = std::filesystem;

// Unique among the threads and processes that may write beside each other.
fs::path TemporaryBeside(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  fs::path tmp = path;
  tmp += ".tmp" + std::to_string(::getpid()) + "." + std::to_string(counter++);
  return tmp;
}

Result<void> WriteAll(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, "write", path);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// Set where an error is made of a full disk, read where the process is about to die.
std::atomic<bool>& MetFullDisk() {
  static std::atomic<bool> has_met{false};
  return has_met;
}

// Reads an open file to its end, piece by piece, and calls take(piece) for each.
template <typename Take>
Result<void> ReadPieces(int fd, const fs::path& path, const OnBytes& on_bytes, Take take) {
  std::vector<char> piece(kPieceBytes);
  while (true) {
    ROLLCALL_TRY(Failpoint("file.read"));
    const ssize_t n = ::read(fd, piece.data(), piece.size());
    if (n == 0) return {};
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, "read", path);
    }
    take(std::string_view(piece.data(), static_cast<std::size_t>(n)));
    if (on_bytes) ROLLCALL_TRY(on_bytes(n));
  }
}

// Writes out what the kernel still holds of a file. No promise of durability: fdatasync gives it.
Result<void> WriteOut(int fd, const fs::path& path, const OnBytes& on_bytes) {
  constexpr unsigned kWriteAndWait =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return {};
  constexpr auto kPiece = static_cast<off_t>(kPieceBytes);
  for (off_t at = 0; at < status.st_size; at += kPiece) {
    const off_t bytes = std::min(kPiece, status.st_size - at);
    if (::sync_file_range(fd, at, bytes, kWriteAndWait) != 0) {
      // Where a file system has no such thing, the sync that follows does it all. An error of the
      // disk is told only once, so it must be taken here.
      const bool is_of_disk = errno == EIO || errno == ENOSPC || errno == EDQUOT;
      if (is_of_disk) return ErrnoError(errno, "sync", path);
    }
    ROLLCALL_TRY(on_bytes(bytes));
  }
  return {};
}

struct DigestDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

class Sha256Stream {
 public:
  Sha256Stream() : context_(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void Update(const void* data, std::size_t size) { EVP_DigestUpdate(context_.get(), data, size); }
  std::string Hex() {
    std::array<unsigned char, 32> digest{};
    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string hex;
    for (unsigned char byte : digest) {
      hex += kDigits[byte >> 4];
      hex += kDigits[byte & 15];
    }
    return hex;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, DigestDeleter> context_;
};

}  // namespace

Error ErrnoError(int error_number, std::string_view doing, const fs::path& path) {
  Error error{.code = ErrorCode::kUnavailable,
              .reason = "ERR_IO",
              .message = "cannot " + std::string(doing) + " " + path.string() + ": " +
                         std::strerror(error_number),
              .hint = {}};
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      MetFullDisk() = true;
      error.code = ErrorCode::kResourceExhausted;
      error.reason = "ERR_DISK_FULL";
      error.hint = "free some space; work goes on from its last checkpoint";
      break;
    case EMFILE:
    case ENFILE:
      error.code = ErrorCode::kResourceExhausted;
      error.reason = "ERR_TOO_MANY_OPEN_FILES";
      error.hint = "allow more open files (ulimit -n), or let fewer jobs run at a time";
      break;
    case ENOENT:
      error.code = ErrorCode::kNotFound;
      error.reason = "ERR_NOT_FOUND";
      error.hint = "check the path";
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      error.code = ErrorCode::kFailedPrecondition;
      error.reason = "ERR_PERMISSION";
      error.hint = "check who owns it and whether the file system is writable";
      break;
    default:
      break;
  }
  return error;
}

Error WantingBytes(Error error, std::int64_t bytes) {
  if (error.reason == "ERR_DISK_FULL") error.bytes_wanted = std::max(error.bytes_wanted, bytes);
  return error;
}

bool HasMetFullDisk() { return MetFullDisk(); }

Result<void> TryForRoom(const fs::path& folder, std::int64_t bytes) {
  ROLLCALL_TRY(Failpoint("file.write"));
  UniqueFd fd(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!fd.is_open() && (errno == EOPNOTSUPP || errno == EISDIR)) {
    const fs::path named = TemporaryBeside(folder / "room");
    fd = UniqueFd(::open(named.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    if (fd.is_open()) ::unlink(named.c_str());
  }
  if (!fd.is_open()) return ErrnoError(errno, "create a file in", folder);
  const std::string zeros(static_cast<std::size_t>(bytes), '\0');
  return WriteAll(fd.get(), zeros, folder);
}

Result<std::string> ReadFile(const fs::path& path, const OnBytes& on_bytes) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return ErrnoError(errno, "open", path);
  std::string bytes;
  ROLLCALL_TRY(
      ReadPieces(fd.get(), path, on_bytes, [&](std::string_view piece) { bytes += piece; }));
  return bytes;
}

namespace {

Result<void> WriteWithMode(const fs::path& path, std::string_view bytes, mode_t mode) {
  const fs::path tmp = TemporaryBeside(path);
  const auto write = [&]() -> Result<void> {
    UniqueFd fd(::open(tmp.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!fd.is_open()) return ErrnoError(errno, "create", tmp);
    ROLLCALL_TRY(Failpoint("file.write"));
    ROLLCALL_TRY(WriteAll(fd.get(), bytes, tmp));
    if (::fdatasync(fd.get()) != 0) return ErrnoError(errno, "sync", tmp);
    if (::rename(tmp.c_str(), path.c_str()) != 0) return ErrnoError(errno, "rename to", path);
    return {};
  };
  if (auto written = write(); !written.ok()) {
    ::unlink(tmp.c_str());
    return WantingBytes(std::move(written).error(), std::ssize(bytes));
  }
  return SyncFolder(path.parent_path());
}

}  // namespace

Result<void> WriteFileAtomic(const fs::path& path, std::string_view bytes) {
  return WriteWithMode(path, bytes, kOwnFileMode);
}

Result<void> WriteUsersFileAtomic(const fs::path& path, std::string_view bytes) {
  constexpr mode_t kAllThatTheUmaskLeaves = 0666;
  return WriteWithMode(path, bytes, kAllThatTheUmaskLeaves);
}

Result<void> LinkAtomic(const fs::path& path, const fs::path& target) {
  const fs::path tmp = TemporaryBeside(path);
  ROLLCALL_TRY(Failpoint("file.write"));
  if (::symlink(target.c_str(), tmp.c_str()) != 0) return ErrnoError(errno, "link", tmp);
  if (::rename(tmp.c_str(), path.c_str()) != 0) {
    const int error_number = errno;
    ::unlink(tmp.c_str());
    return ErrnoError(error_number, "rename to", path);
  }
  return SyncFolder(path.parent_path());
}

Result<void> SyncFile(const fs::path& path, const OnBytes& on_bytes) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return ErrnoError(errno, "open", path);
  if (on_bytes) ROLLCALL_TRY(WriteOut(fd.get(), path, on_bytes));
  if (::fdatasync(fd.get()) != 0) return ErrnoError(errno, "sync", path);
  return SyncFolder(path.parent_path());
}

Result<void> SyncFolder(const fs::path& folder) {
  const fs::path target = folder.empty() ? fs::path(".") : folder;
  UniqueFd fd(::open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return ErrnoError(errno, "open", target);
  if (::fsync(fd.get()) != 0) return ErrnoError(errno, "sync", target);
  return {};
}

namespace {

Result<void> MakeFolder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), kOwnFolderMode) == 0) return {};
  const int error_number = errno;
  std::error_code failure;
  if (fs::is_directory(folder, failure)) return {};
  return ErrnoError(error_number, "create", folder);
}

}  // namespace

Result<void> MakeFolders(const fs::path& folder) {
  std::error_code failure;
  if (fs::is_directory(folder, failure)) return {};
  ROLLCALL_TRY(Failpoint("file.write"));
  fs::path made;
  for (const fs::path& part : folder) {
    made /= part;
    ROLLCALL_TRY(MakeFolder(made));
  }
  return {};
}

Result<void> MakeFoldersIn(const fs::path& root, const fs::path& folder) {
  std::error_code failure;
  if (fs::is_directory(folder, failure)) return {};
  ROLLCALL_TRY(Failpoint("file.write"));
  fs::path made = root;
  for (const fs::path& part : folder.lexically_relative(root)) {
    made /= part;
    ROLLCALL_TRY(MakeFolder(made));
  }
  return {};
}

std::string Sha256(std::string_view bytes) {
  Sha256Stream stream;
  stream.Update(bytes.data(), bytes.size());
  return stream.Hex();
}

Result<FileDigest> DigestFolder(const fs::path& folder, const DigestFunction& digest_of) {
  std::error_code failure;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure)) {
    entries.push_back(it->path());
  }
  if (failure) return ErrnoError(failure.value(), "list", folder);
  std::sort(entries.begin(), entries.end());
  FileDigest total;
  std::string listing;
  for (const fs::path& entry : entries) {
    ROLLCALL_TRY_ASSIGN(const FileDigest digest, digest_of(entry));
    total.size_bytes += digest.size_bytes;
    listing += entry.filename().string() + '\0' + digest.sha256 + '\n';
  }
  total.sha256 = Sha256(listing);
  return total;
}

Result<FileDigest> DigestFile(const fs::path& path, const OnBytes& on_bytes) {
  std::error_code ignored;  // What is wrong with the path is said by open() below.
  if (fs::is_directory(path, ignored)) {
    return DigestFolder(path, [&](const fs::path& entry) { return DigestFile(entry, on_bytes); });
  }
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return ErrnoError(errno, "open", path);
  Sha256Stream stream;
  FileDigest digest;
  ROLLCALL_TRY(ReadPieces(fd.get(), path, on_bytes, [&](std::string_view piece) {
    stream.Update(piece.data(), piece.size());
    digest.size_bytes += std::ssize(piece);
  }));
  digest.sha256 = stream.Hex();
  return digest;
}

}  // namespace rollcall::base
