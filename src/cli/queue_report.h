#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "cli/terminal.h"
#include "cli/video_list.h"
#include "cli/video_queue.h"

namespace rollcall::cli {

// What came of a queue of videos: one line of each, in order. `width` as TextTable.
std::string QueueTable(const VideoQueue& queue, const Paint& paint, int width);

// "12 videos: 9 done, 1 before, 2 failed, in 1:02:03"
std::string QueueSummary(const VideoQueue& queue, double took_s);

// Of each that failed, with its name.
std::vector<base::Error> QueueErrors(const VideoQueue& queue);

// The document of --json: docs/analyze-many.md. `outputs`: the folder of an episode's results.
struct QueueFacts {
  LeftOut left_out;
  std::vector<std::string> warnings;
  double took_s = 0;
  std::function<std::filesystem::path(const std::string& key)> outputs;
};
base::Json QueueDocument(const VideoQueue& queue, const QueueFacts& facts);

}  // namespace rollcall::cli
