#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "scoring.h"

namespace rollcall::bench {

// What an analysis left in the data directory: outputs/<key>/report.json for people and times,
// harvest/<key>/{embeddings.parquet,clusters.json} for every face and whose it is.
base::Result<Findings> ReadFindings(const std::filesystem::path& data_dir, const std::string& key);

}  // namespace rollcall::bench
