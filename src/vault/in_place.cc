#include "vault/in_place.h"

#include <fmt/format.h>

#include "domain/reasons.h"

namespace rollcall::vault {

base::Error DataDirectoryMoved(const std::filesystem::path& data_dir) {
  return domain::MakeError(
      domain::reason::kDataDirectoryMoved,
      fmt::format("the data directory {} was renamed or removed while it was worked in",
                  data_dir.string()));
}

base::Result<void> CheckInPlace(const base::HeldFolder& data_dir) {
  if (data_dir.IsInPlace()) return {};
  return DataDirectoryMoved(data_dir.path());
}

}  // namespace rollcall::vault
