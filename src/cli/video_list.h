#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/result.h"

namespace rollcall::cli {

// A video that a command was told of, by its own name or by that of a folder.
struct VideoFile {
  std::filesystem::path path;            // Absolute.
  std::string name;                      // For a person: as typed, or its path in the folder.
  std::int64_t bytes = 0;                // 0 if it cannot be looked at.
  std::optional<base::Error> error;      // Why it cannot be one.
  std::optional<std::size_t> same_file;  // The one in the list that is taken for this same file.
};

// What of the folders is no video to analyse, by why.
struct LeftOut {
  int other_files = 0;
  int hidden = 0;
  int linked_folders = 0;
  int data_directories = 0;
  std::vector<std::string> unreadable;  // Folders, for a person.

  // "3 files that are no videos, 1 hidden"; empty if nothing was.
  std::string Text() const;
};

// docs/analyze-many.md, What counts.
struct VideoList {
  std::vector<VideoFile> videos;
  LeftOut left_out;

  // Not one of them can be analysed.
  bool is_hopeless() const;
};

// Whether ffmpeg knows videos by this ending, in any case: ".mp4".
bool IsVideoName(const std::filesystem::path& name);

// Every video that `typed` names, in order. Only looks at names and sizes: nothing is read.
// ERR_VIDEO_NOT_FOUND for a folder without one.
base::Result<VideoList> FindVideos(const std::vector<std::string>& typed);

// Finds videos that have the bytes of one before them. Only those are read, a few megabytes of each
// (media::Fingerprint), that have the size of another.
//
// Borrows `videos`.
class SameVideoSearch {
 public:
  using FingerprintOf =
      std::function<base::Result<std::string>(const std::filesystem::path& video)>;
  SameVideoSearch(const std::vector<VideoFile>& videos, FingerprintOf fingerprint);

  // The first video before `index` with the same bytes. One that cannot be read is like none:
  // whoever analyses it says why.
  std::optional<std::size_t> Before(std::size_t index);

 private:
  const std::string& DigestOf(std::size_t index);  // Empty where there is none.

  const std::vector<VideoFile>& videos_;
  const FingerprintOf fingerprint_;
  std::map<std::int64_t, std::vector<std::size_t>> by_size_;
  std::map<std::size_t, std::string> digests_;
};

}  // namespace rollcall::cli
