#include "store/sqlite/testing/faulty_vfs.h"

#include <sqlite3.h>

#include <limits>

#include "base/check.h"

namespace rollcall::store {
namespace {

// SQLite calls back without a context pointer, so the state stands here.
struct State {
  std::int64_t calls = 0;
  std::int64_t fail_from = std::numeric_limits<std::int64_t>::max();
  FaultyVfs::Fault fault = FaultyVfs::Fault::kDiskFull;
};
State g_state;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

struct FaultyFile {
  sqlite3_file base;
  // The real file follows in memory.
};

sqlite3_file* Real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(FaultyFile));
}

sqlite3_vfs* RealVfs() { return sqlite3_vfs_find("unix"); }

int Fails(int io_error) {
  if (++g_state.calls < g_state.fail_from) return SQLITE_OK;
  return g_state.fault == FaultyVfs::Fault::kDiskFull ? SQLITE_FULL : io_error;
}

int Close(sqlite3_file* file) { return Real(file)->pMethods->xClose(Real(file)); }
int Read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  return Real(file)->pMethods->xRead(Real(file), bytes, size, offset);
}
int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  const int fault = Fails(SQLITE_IOERR_WRITE);
  return fault != 0 ? fault : Real(file)->pMethods->xWrite(Real(file), bytes, size, offset);
}
int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int fault = Fails(SQLITE_IOERR_TRUNCATE);
  return fault != 0 ? fault : Real(file)->pMethods->xTruncate(Real(file), size);
}
int Sync(sqlite3_file* file, int flags) {
  const int fault = Fails(SQLITE_IOERR_FSYNC);
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

int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  const int code = RealVfs()->xOpen(RealVfs(), name, Real(file), flags, out_flags);
  if (code == SQLITE_OK) file->pMethods = &kMethods;
  return code;
}

sqlite3_vfs MakeVfs() {
  sqlite3_vfs vfs = *RealVfs();
  vfs.zName = "rollcall-faulty";
  vfs.szOsFile = static_cast<int>(sizeof(FaultyFile)) + RealVfs()->szOsFile;
  vfs.xOpen = Open;
  vfs.pNext = nullptr;
  return vfs;
}

sqlite3_vfs& Vfs() {
  static sqlite3_vfs vfs = MakeVfs();
  return vfs;
}

}  // namespace

FaultyVfs::FaultyVfs() {
  g_state = {};
  ROLLCALL_CHECK(sqlite3_initialize() == SQLITE_OK);
  ROLLCALL_CHECK(sqlite3_vfs_register(&Vfs(), 0) == SQLITE_OK);
}

FaultyVfs::~FaultyVfs() { sqlite3_vfs_unregister(&Vfs()); }

void FaultyVfs::FailFrom(std::int64_t n, Fault fault) {
  g_state = {.calls = 0, .fail_from = n, .fault = fault};
}

void FaultyVfs::Heal() { g_state = {}; }

std::int64_t FaultyVfs::calls() const { return g_state.calls; }

}  // namespace rollcall::store
