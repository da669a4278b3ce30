#include "jobs/testing/fake_owner.h"

#include <cstdio>
#include <filesystem>

#include "base/clock.h"
#include "base/json.h"
#include "housekeeping/data_lock.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "store/sqlite/sqlite_store.h"

namespace rollcall::jobs {
namespace {

base::Result<void> Own(const std::filesystem::path& data_dir, const base::Json& params) {
  ROLLCALL_TRY_ASSIGN(const housekeeping::DataLock lock, housekeeping::DataLock::Acquire(data_dir));
  base::SystemClock clock;
  ROLLCALL_TRY_ASSIGN(const auto store,
                      store::SqliteStore::Open({.path = data_dir / "rollcall.db"}, {clock}));
  ROLLCALL_TRY_ASSIGN(const auto engine,
                      Engine::Create(FakeEngineOptions(data_dir), *store, clock));
  ROLLCALL_TRY(engine->StartWorking());
  ROLLCALL_TRY_ASSIGN(const auto submission, engine->Submit(FakeRequest("x", {"detect"}, params)));
  ROLLCALL_TRY(engine->Wait(submission.job.id, std::chrono::minutes{2}));
  return {};
}

}  // namespace

int RunFakeOwner(const char* data_dir, const char* params_json) {
  const auto owned = Own(data_dir, base::Json::parse(params_json));
  if (!owned.ok()) std::fprintf(stderr, "%s\n", owned.error().ToString().c_str());
  return owned.ok() ? 0 : 1;
}

}  // namespace rollcall::jobs
