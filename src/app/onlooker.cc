#include "app/onlooker.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "app/api_routes.h"
#include "app/composition.h"
#include "domain/reasons.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
using base::Result;
using Access = store::Database::Access;
namespace reason = domain::reason;

bool HasBytes(const fs::path& path) {
  std::error_code missing;
  const auto size = fs::file_size(path, missing);
  return !missing && size > 0;
}

fs::path Beside(const fs::path& database, const char* ending) { return database.string() + ending; }

// Without an owner, the log of the last one counts if he could not close it; SQLite reads it only
// together with its index, which it cannot make here.
Result<Access> AccessWithoutOwner(const fs::path& database) {
  const fs::path log = Beside(database, "-wal");
  if (!HasBytes(log)) return Access::kReadAtRest;
  if (HasBytes(Beside(database, "-shm"))) return Access::kRead;
  return domain::MakeError(
      reason::kPermission,
      fmt::format("the newest changes are in {}, which cannot be read without its index, and that "
                  "cannot be made here",
                  log.string()),
      "copy the data directory to where you may write, and look there");
}

}  // namespace

Result<std::unique_ptr<Onlooker>> Onlooker::Open(const Config& config, const DataDirectory& data) {
  // An owner that comes or goes in between changes how the store is to be read.
  constexpr int kLooks = 3;
  auto onlooker = Look(data);
  for (int look = 1; look < kLooks && !onlooker.ok(); ++look) onlooker = Look(data);
  if (!onlooker.ok()) return onlooker;
  Onlooker& made = **onlooker;
  ROLLCALL_TRY_ASSIGN(made.engine_,
                      jobs::Engine::Create({.data_dir = data.root(),
                                            .kinds = Kinds(),
                                            .open_vault = &OpenVault,
                                            .worker_argv = {"/proc/self/exe", "worker"},
                                            .slots = config.slots,
                                            .times = config.runtime,
                                            .is_worked_on_elsewhere = !made.lock_},
                                           *made.store_, made.clock_));
  made.queries_ = std::make_unique<StoreQueries>(
      StoreQueries::Parts{.engine = *made.engine_, .store = *made.store_, .data = data});
  made.log_ = std::make_unique<EventLog>(*made.queries_, *made.engine_, *made.store_);
  made.router_ = std::make_unique<server::Router>(ApiRoutes({.queries = *made.queries_,
                                                             .refusal = made.Refusal(),
                                                             .engine = *made.engine_,
                                                             .store = *made.store_,
                                                             .log = *made.log_}));
  return onlooker;
}

Result<std::unique_ptr<Onlooker>> Onlooker::Look(const DataDirectory& data) {
  auto lock = housekeeping::ReadLock::Acquire(data.root());
  if (!lock.ok() && lock.error().reason != reason::kStoreBusy) return std::move(lock).error();
  auto held = lock.ok() ? std::optional(std::move(*lock)) : std::nullopt;
  std::unique_ptr<Onlooker> onlooker(new Onlooker(data, std::move(held)));
  ROLLCALL_TRY(onlooker->OpenStore());
  return onlooker;
}

Result<void> Onlooker::OpenStore() {
  Access access = Access::kRead;
  if (lock_) {
    ROLLCALL_TRY_ASSIGN(access, AccessWithoutOwner(data_.database()));
  }
  ROLLCALL_TRY_ASSIGN(store_,
                      store::SqliteStore::OpenToRead({.path = data_.database()}, access, {clock_}));
  return {};
}

Result<base::Json> Onlooker::Ask(const api::Request& request) {
  return api::DocumentOf(router_->Run(request));
}

base::Error Onlooker::Refusal() const {
  return domain::MakeError(
      reason::kPermission,
      fmt::format("{} cannot be written by this user: it can only be looked at",
                  data_.root().string()));
}

std::string Onlooker::notice() const {
  return fmt::format(
      "{} cannot be written by this user: this is what its store says{}; no work "
      "can be started or changed here",
      data_.root().string(),
      lock_ ? "" : ", where another user's engine is, as that engine last wrote it");
}

}  // namespace rollcall::app
