#include "store/sqlite/testing/power_loss_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <span>
#include <vector>

#include "base/check.h"

namespace rollcall::store {

namespace {

struct DiskFile;

struct Inode {
  std::string synced;   // What is on the platter.
  std::string current;  // What a reader sees while there is power.
  bool has_durable_name = false;
  std::map<const DiskFile*, int> locks;  // SQLITE_LOCK_SHARED and above.
};

// Of one of the slots that connections lock in the shared memory.
struct SharedLock {
  std::set<const DiskFile*> readers;
  const DiskFile* writer = nullptr;
};

}  // namespace

struct PowerLossVfs::Disk {
  std::string name;
  Syncs syncs = Syncs::kWork;
  std::mt19937 random;
  std::vector<std::unique_ptr<Inode>> inodes;
  std::map<std::string, Inode*> names;
  std::map<std::string, Inode*> removed;  // Their folder was not synced since.
  std::vector<std::unique_ptr<std::string>> shared_memory;
  std::array<SharedLock, SQLITE_SHM_NLOCK> shared_locks;
  bool has_power = true;
  Moment moment = Moment::kSync;
  std::int64_t left = 0;  // Calls until the power goes; 0: it stays.
  sqlite3_vfs vfs{};

  int Below(std::size_t limit) { return static_cast<int>(random() % limit); }
  // Whether the power goes with this call.
  bool Goes(Moment what) {
    if (what != moment || left == 0 || --left > 0) return false;
    has_power = false;
    return true;
  }
  // What SQLite does with the first sync of a file that it made.
  void SyncFolder() {
    removed.clear();
    for (const auto& [path, inode] : names) inode->has_durable_name = true;
  }
  Inode* Make() { return inodes.emplace_back(std::make_unique<Inode>()).get(); }
  void Lose(Inode& inode);
};

namespace {

using Disk = PowerLossVfs::Disk;
using Moment = PowerLossVfs::Moment;

struct DiskFile {
  sqlite3_file base;
  Disk* disk;
  Inode* inode;
};

DiskFile& Of(sqlite3_file* file) { return *reinterpret_cast<DiskFile*>(file); }
Disk& Of(sqlite3_vfs* vfs) { return *static_cast<Disk*>(vfs->pAppData); }
sqlite3_vfs* RealVfs() { return sqlite3_vfs_find("unix"); }

int Close(sqlite3_file* file) {
  Of(file).inode->locks.erase(&Of(file));
  return SQLITE_OK;
}

int Read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  const DiskFile& self = Of(file);
  if (!self.disk->has_power) return SQLITE_IOERR_READ;
  const std::string& all = self.inode->current;
  const auto from = std::min(all.size(), static_cast<std::size_t>(offset));
  const auto count = std::min(all.size() - from, static_cast<std::size_t>(size));
  std::memset(bytes, 0, static_cast<std::size_t>(size));
  std::memcpy(bytes, all.data() + from, count);
  return count == static_cast<std::size_t>(size) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  const DiskFile& self = Of(file);
  if (!self.disk->has_power) return SQLITE_IOERR_WRITE;
  const auto end = static_cast<std::size_t>(offset) + static_cast<std::size_t>(size);
  std::string& all = self.inode->current;
  if (all.size() < end) all.resize(end, '\0');
  std::memcpy(all.data() + offset, bytes, static_cast<std::size_t>(size));
  return self.disk->Goes(Moment::kWrite) ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const DiskFile& self = Of(file);
  if (!self.disk->has_power) return SQLITE_IOERR_TRUNCATE;
  self.inode->current.resize(static_cast<std::size_t>(size), '\0');
  return self.disk->Goes(Moment::kWrite) ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

int Sync(sqlite3_file* file, int) {
  const DiskFile& self = Of(file);
  if (!self.disk->has_power || self.disk->Goes(Moment::kSync)) return SQLITE_IOERR_FSYNC;
  if (self.disk->syncs == PowerLossVfs::Syncs::kDoNothing) return SQLITE_OK;
  self.inode->synced = self.inode->current;
  if (!self.inode->has_durable_name) self.disk->SyncFolder();
  return SQLITE_OK;
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  if (!Of(file).disk->has_power) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(Of(file).inode->current.size());
  return SQLITE_OK;
}

// The rules of SQLite's rollback locks: many may share, one may intend to write beside them, one
// that excludes has the file for itself.
int Lock(sqlite3_file* file, int level) {
  auto& locks = Of(file).inode->locks;
  for (const auto& [other, held] : locks) {
    if (other == &Of(file)) continue;
    const bool is_refused = level == SQLITE_LOCK_SHARED     ? held >= SQLITE_LOCK_PENDING
                            : level == SQLITE_LOCK_RESERVED ? held >= SQLITE_LOCK_RESERVED
                                                            : held >= SQLITE_LOCK_SHARED;
    if (is_refused) return SQLITE_BUSY;
  }
  int& own = locks[&Of(file)];
  own = std::max(own, level);
  return SQLITE_OK;
}
int Unlock(sqlite3_file* file, int level) {
  auto& locks = Of(file).inode->locks;
  if (level == SQLITE_LOCK_NONE) {
    locks.erase(&Of(file));
  } else {
    locks[&Of(file)] = level;
  }
  return SQLITE_OK;
}
int CheckReservedLock(sqlite3_file* file, int* result) {
  *result = std::ranges::any_of(
      Of(file).inode->locks, [](const auto& lock) { return lock.second >= SQLITE_LOCK_RESERVED; });
  return SQLITE_OK;
}
int FileControl(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
// As SQLite takes the disks of Unix to be.
int SectorSize(sqlite3_file*) { return 4096; }
int Characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  auto& pages = Of(file).disk->shared_memory;
  *memory = nullptr;
  while (extend != 0 && std::ssize(pages) <= page) {
    pages.push_back(std::make_unique<std::string>(static_cast<std::size_t>(size), '\0'));
  }
  if (std::ssize(pages) > page) *memory = pages[static_cast<std::size_t>(page)]->data();
  return SQLITE_OK;
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  const DiskFile* self = &Of(file);
  const std::span slots(Of(file).disk->shared_locks.begin() + offset,
                        static_cast<std::size_t>(count));
  const bool is_shared = (flags & SQLITE_SHM_SHARED) != 0;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    for (SharedLock& slot : slots) {
      if (is_shared) slot.readers.erase(self);
      if (!is_shared && slot.writer == self) slot.writer = nullptr;
    }
    return SQLITE_OK;
  }
  const bool is_free = std::ranges::all_of(slots, [&](const SharedLock& slot) {
    if (slot.writer != nullptr && slot.writer != self) return false;
    const std::size_t own = slot.readers.contains(self) ? 1 : 0;
    return is_shared || slot.readers.size() == own;
  });
  if (!is_free) return SQLITE_BUSY;
  for (SharedLock& slot : slots) {
    if (is_shared) slot.readers.insert(self);
    if (!is_shared) slot.writer = self;
  }
  return SQLITE_OK;
}
void ShmBarrier(sqlite3_file*) {}
int ShmUnmap(sqlite3_file* file, int remove) {
  for (SharedLock& slot : Of(file).disk->shared_locks) {
    slot.readers.erase(&Of(file));
    if (slot.writer == &Of(file)) slot.writer = nullptr;
  }
  if (remove != 0) Of(file).disk->shared_memory.clear();
  return SQLITE_OK;
}

constexpr sqlite3_io_methods kMethods{
    .iVersion = 2,
    .xClose = Close,
    .xRead = Read,
    .xWrite = Write,
    .xTruncate = Truncate,
    .xSync = Sync,
    .xFileSize = FileSize,
    .xLock = Lock,
    .xUnlock = Unlock,
    .xCheckReservedLock = CheckReservedLock,
    .xFileControl = FileControl,
    .xSectorSize = SectorSize,
    .xDeviceCharacteristics = Characteristics,
    .xShmMap = ShmMap,
    .xShmLock = ShmLock,
    .xShmBarrier = ShmBarrier,
    .xShmUnmap = ShmUnmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  Disk& disk = Of(vfs);
  file->pMethods = nullptr;
  if (!disk.has_power) return SQLITE_CANTOPEN;
  Inode* inode = nullptr;
  if (name == nullptr) {
    inode = disk.Make();
  } else if (const auto found = disk.names.find(name); found != disk.names.end()) {
    inode = found->second;
  } else if ((flags & SQLITE_OPEN_CREATE) != 0) {
    inode = disk.names[name] = disk.Make();
    disk.removed.erase(name);
  } else {
    return SQLITE_CANTOPEN;
  }
  Of(file) = {.base = {.pMethods = &kMethods}, .disk = &disk, .inode = inode};
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int Delete(sqlite3_vfs* vfs, const char* name, int syncs_folder) {
  Disk& disk = Of(vfs);
  if (!disk.has_power) return SQLITE_IOERR_DELETE;
  const auto found = disk.names.find(name);
  if (found == disk.names.end()) return SQLITE_IOERR_DELETE_NOENT;
  if (syncs_folder == 0 && found->second->has_durable_name) disk.removed[name] = found->second;
  disk.names.erase(found);
  return SQLITE_OK;
}

int Access(sqlite3_vfs* vfs, const char* name, int, int* result) {
  *result = Of(vfs).names.contains(name) ? 1 : 0;
  return SQLITE_OK;
}

int FullPathname(sqlite3_vfs*, const char* name, int size, char* path) {
  return std::snprintf(path, static_cast<std::size_t>(size), "%s", name) < size ? SQLITE_OK
                                                                                : SQLITE_CANTOPEN;
}

}  // namespace

// What of the unsynced bytes of one file is there afterwards.
void PowerLossVfs::Disk::Lose(Inode& inode) {
  const std::size_t block = Below(2) == 0 ? 512 : 4096;
  const std::size_t longer = std::max(inode.synced.size(), inode.current.size());
  // A file's length is written like everything else: with it, or not.
  const std::size_t size = Below(2) == 0 ? inode.synced.size() : inode.current.size();
  inode.synced.resize(longer, '\0');
  inode.current.resize(longer, '\0');
  for (std::size_t at = 0; at < longer; at += block) {
    const std::size_t length = std::min(block, longer - at);
    const int fate = Below(3);
    const std::size_t kept = fate == 0   ? 0
                             : fate == 1 ? length
                                         : static_cast<std::size_t>(Below(length + 1));
    inode.synced.replace(at, kept, inode.current, at, kept);
  }
  inode.synced.resize(size);
  inode.current = inode.synced;
  inode.has_durable_name = true;
}

PowerLossVfs::PowerLossVfs(std::uint32_t seed, Syncs syncs) : disk_(std::make_unique<Disk>()) {
  static std::atomic<int> count{0};
  ROLLCALL_CHECK(sqlite3_initialize() == SQLITE_OK);
  disk_->name = "rollcall-power-loss-" + std::to_string(++count);
  disk_->syncs = syncs;
  disk_->random.seed(seed);
  disk_->vfs = *RealVfs();
  disk_->vfs.zName = disk_->name.c_str();
  disk_->vfs.szOsFile = static_cast<int>(sizeof(DiskFile));
  disk_->vfs.pAppData = disk_.get();
  disk_->vfs.xOpen = Open;
  disk_->vfs.xDelete = Delete;
  disk_->vfs.xAccess = Access;
  disk_->vfs.xFullPathname = FullPathname;
  disk_->vfs.pNext = nullptr;
  ROLLCALL_CHECK(sqlite3_vfs_register(&disk_->vfs, 0) == SQLITE_OK);
}

PowerLossVfs::~PowerLossVfs() { sqlite3_vfs_unregister(&disk_->vfs); }

const std::string& PowerLossVfs::name() const { return disk_->name; }

void PowerLossVfs::LosePowerAt(Moment moment, std::int64_t n) {
  disk_->moment = moment;
  disk_->left = n;
}

void PowerLossVfs::LosePower() { disk_->has_power = false; }

bool PowerLossVfs::has_power() const { return disk_->has_power; }

void PowerLossVfs::Restore() {
  Disk& disk = *disk_;
  for (const auto& [name, inode] : disk.removed) {
    if (disk.Below(2) == 0) disk.names.try_emplace(name, inode);
  }
  disk.removed.clear();
  std::erase_if(disk.names, [&](const auto& entry) {
    return !entry.second->has_durable_name && disk.Below(2) == 0;
  });
  for (const auto& [name, inode] : disk.names) disk.Lose(*inode);
  disk.shared_memory.clear();
  disk.shared_locks = {};
  disk.has_power = true;
  disk.left = 0;
}

}  // namespace rollcall::store
