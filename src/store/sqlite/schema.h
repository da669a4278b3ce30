#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "store/sqlite/database.h"

namespace rollcall::store {

// One step from a schema to the next. Steps are never changed once released: data directories in
// the field have taken them.
struct Migration {
  int number;  // From 1, without holes.
  std::string_view sql;
};
std::span<const Migration> Migrations();

// Brings the schema up to `migrations`, each step in a transaction of its own.
// kFailedPrecondition / ERR_STORE_TOO_NEW if it is past them, ERR_STORE_DAMAGED if the file is
// a database of something else.
base::Result<void> Migrate(Database& database, std::span<const Migration> migrations);
// For a database that is only read: the schema must be there already. ERR_PERMISSION if it is not,
// else errors as Migrate.
base::Result<void> CheckSchema(Database& database, std::span<const Migration> migrations);

}  // namespace rollcall::store
