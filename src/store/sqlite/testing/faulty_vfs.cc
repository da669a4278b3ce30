#include "store/sqlite/testing/faulty_vfs.h"

#include <sqlite3.h>

#include <atomic>
#include <limits>
#include <mutex>

#include "base/check.h"

namespace rollcall::store {
struct FaultyVfs::State {
  std::string name;
  std::mutex mutex;
  std::int64_t calls = 0;
  std::int64_t hits = 0;
  std::int64_t fail_from = kNever;
  Fault fault = Fault::kDiskFull;
  sqlite3_vfs vfs{};

  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
};

namespace {

using State = FaultyVfs::State;

struct FaultyFile {
  sqlite3_file base;
  State* state;
  // The real file follows in memory.
};

sqlite3_file* Real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(FaultyFile));
}

sqlite3_vfs* RealVfs() { return sqlite3_vfs_find("unix"); }

int Fails(State& state, int io_error) {
  const std::lock_guard lock(state.mutex);
  if (++state.calls < state.fail_from) return SQLITE_OK;
  ++state.hits;
  return state.fault == FaultyVfs::Fault::kDiskFull ? SQLITE_FULL : io_error;
}
int Fails(sqlite3_file* file, int io_error) {
  return Fails(*reinterpret_cast<FaultyFile*>(file)->state, io_error);
}

int Close(sqlite3_file* file) { return Real(file)->pMethods->xClose(Real(file)); }
int Read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  return Real(file)->pMethods->xRead(Real(file), bytes, size, offset);
}
int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  const int fault = Fails(file, SQLITE_IOERR_WRITE);
  return fault != 0 ? fault : Real(file)->pMethods->xWrite(Real(file), bytes, size, offset);
}
int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int fault = Fails(file, SQLITE_IOERR_TRUNCATE);
  return fault != 0 ? fault : Real(file)->pMethods->xTruncate(Real(file), size);
}
int Sync(sqlite3_file* file, int flags) {
  const int fault = Fails(file, SQLITE_IOERR_FSYNC);
  return fault != 0 ? fault : Real(file)->pMethods->xSync(Real(file), flags);
}
int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  return Real(file)->pMethods->xFileSize(Real(file), size);
}
int Lock(sqlite3_file* file, int level) { return Real(file)->pMethods->xLock(Real(file), level); }
int Unlock(sqlite3_file* file, int level) {
  return Real(file)->pMethods->xUnlock(Real(file), level);
}
int CheckReservedLock(sqlite3_file* file, int* result) {
  return Real(file)->pMethods->xCheckReservedLock(Real(file), result);
}
int FileControl(sqlite3_file* file, int op, void* argument) {
  return Real(file)->pMethods->xFileControl(Real(file), op, argument);
}
int SectorSize(sqlite3_file* file) { return Real(file)->pMethods->xSectorSize(Real(file)); }
int Characteristics(sqlite3_file* file) {
  return Real(file)->pMethods->xDeviceCharacteristics(Real(file));
}
int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return Real(file)->pMethods->xShmMap(Real(file), page, size, extend, memory);
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  return Real(file)->pMethods->xShmLock(Real(file), offset, count, flags);
}
void ShmBarrier(sqlite3_file* file) { Real(file)->pMethods->xShmBarrier(Real(file)); }
int ShmUnmap(sqlite3_file* file, int remove) {
  return Real(file)->pMethods->xShmUnmap(Real(file), remove);
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
};

// Making a file needs space too.
int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  State& state = *static_cast<State*>(vfs->pAppData);
  file->pMethods = nullptr;
  int exists = 0;
  if (name != nullptr) RealVfs()->xAccess(RealVfs(), name, SQLITE_ACCESS_EXISTS, &exists);
  const bool makes = (flags & SQLITE_OPEN_CREATE) != 0 && exists == 0;
  if (const int fault = makes ? Fails(state, SQLITE_IOERR) : SQLITE_OK; fault != SQLITE_OK) {
    return fault;
  }
  const int code = RealVfs()->xOpen(RealVfs(), name, Real(file), flags, out_flags);
  reinterpret_cast<FaultyFile*>(file)->state = &state;
  if (code == SQLITE_OK) file->pMethods = &kMethods;
  return code;
}

int Delete(sqlite3_vfs*, const char* name, int syncs_folder) {
  return RealVfs()->xDelete(RealVfs(), name, syncs_folder);
}
int Access(sqlite3_vfs*, const char* name, int flags, int* result) {
  return RealVfs()->xAccess(RealVfs(), name, flags, result);
}
int FullPathname(sqlite3_vfs*, const char* name, int size, char* path) {
  return RealVfs()->xFullPathname(RealVfs(), name, size, path);
}

}  // namespace

FaultyVfs::FaultyVfs() : state_(std::make_unique<State>()) {
  static std::atomic<int> count{0};
  ROLLCALL_CHECK(sqlite3_initialize() == SQLITE_OK);
  state_->name = "rollcall-faulty-" + std::to_string(++count);
  sqlite3_vfs& vfs = state_->vfs;
  vfs = *RealVfs();
  vfs.zName = state_->name.c_str();
  vfs.szOsFile = static_cast<int>(sizeof(FaultyFile)) + RealVfs()->szOsFile;
  vfs.pAppData = state_.get();
  vfs.xOpen = Open;
  vfs.xDelete = Delete;
  vfs.xAccess = Access;
  vfs.xFullPathname = FullPathname;
  vfs.pNext = nullptr;
  ROLLCALL_CHECK(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
}

FaultyVfs::~FaultyVfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& FaultyVfs::name() const { return state_->name; }

void FaultyVfs::FailFrom(std::int64_t n, Fault fault) {
  const std::lock_guard lock(state_->mutex);
  state_->calls = 0;
  state_->hits = 0;
  state_->fail_from = n;
  state_->fault = fault;
}

void FaultyVfs::Heal() {
  const std::lock_guard lock(state_->mutex);
  state_->calls = 0;
  state_->fail_from = State::kNever;
}

std::int64_t FaultyVfs::calls() const {
  const std::lock_guard lock(state_->mutex);
  return state_->calls;
}

std::int64_t FaultyVfs::hits() const {
  const std::lock_guard lock(state_->mutex);
  return state_->hits;
}

}  // namespace rollcall::store
