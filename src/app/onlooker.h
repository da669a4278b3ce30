#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/http.h"
#include "app/config.h"
#include "app/data_directory.h"
#include "app/event_log.h"
#include "app/store_queries.h"
#include "base/clock.h"
#include "housekeeping/data_lock.h"
#include "jobs/engine.h"
#include "server/router.h"
#include "store/sqlite/sqlite_store.h"

namespace rollcall::app {

// Answers what only reads, straight from the store, where this user may not write: no engine can be
// started there. Somebody else's may be at work meanwhile; then the answers are what it wrote last.
// Where there is none, none can begin while this object lives.
//
// Thread-compatible.
class Onlooker {
 public:
  // ERR_PERMISSION when the store may not be read either, or cannot be without being written.
  static base::Result<std::unique_ptr<Onlooker>> Open(const Config& config,
                                                      const DataDirectory& data);

  // As an engine would answer; ERR_PERMISSION for what changes something.
  base::Result<base::Json> Ask(const api::Request& request);
  // What everything else meets.
  base::Error Refusal() const;
  // For people: what it is that they are shown.
  std::string notice() const;

 private:
  Onlooker(DataDirectory data, std::optional<housekeeping::ReadLock> lock)
      : data_(std::move(data)), lock_(std::move(lock)) {}
  static base::Result<std::unique_ptr<Onlooker>> Look(const DataDirectory& data);
  base::Result<void> OpenStore();

  const DataDirectory data_;
  const std::optional<housekeeping::ReadLock> lock_;  // None while somebody owns the directory.
  base::SystemClock clock_;
  std::unique_ptr<store::SqliteStore> store_;
  std::unique_ptr<jobs::Engine> engine_;
  std::unique_ptr<StoreQueries> queries_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<server::Router> router_;
};

}  // namespace rollcall::app
