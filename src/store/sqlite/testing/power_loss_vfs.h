#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace rollcall::store {

// A disk in memory for SQLite whose power can go. What was written since a file's last sync is
// then, block by block of 512 or 4096 bytes, kept, dropped or torn (its first bytes new, the rest
// old), by a seeded chance; names that were made or removed since the last sync of their folder are
// there or not. A byte that was not written again never changes.
//
// Registered under name() while it lives; any number at a time. Connections lock each other out as
// on a real disk. Not thread-safe.
class PowerLossVfs {
 public:
  enum class Syncs {
    kWork,
    kDoNothing,  // As with synchronous OFF, or a disk that lies. A negative control.
  };
  enum class Moment { kSync, kWrite };

  PowerLossVfs(std::uint32_t seed, Syncs syncs);
  ~PowerLossVfs();
  PowerLossVfs(const PowerLossVfs&) = delete;
  PowerLossVfs& operator=(const PowerLossVfs&) = delete;

  const std::string& name() const;

  // At the n-th sync or write from now, before it is complete. From then on every call fails.
  void LosePowerAt(Moment moment, std::int64_t n);
  void LosePower();
  bool has_power() const;
  // The disk as it comes up again. All connections must be closed.
  void Restore();

  struct Disk;

 private:
  std::unique_ptr<Disk> disk_;
};

}  // namespace rollcall::store
