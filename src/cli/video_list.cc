#include "cli/video_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/shown_text.h"
#include "cli/command.h"
#include "cli/natural_order.h"
#include "domain/reasons.h"
#include "episode/stages/episode_planner.h"

namespace rollcall::cli {
namespace {

namespace fs = std::filesystem;
using base::Result;

// What demuxers of ffmpeg 5.1 that carry moving pictures are known by, without those that carry
// sound or single pictures.
constexpr std::array<std::string_view, 53> kEndings{
    ".264", ".265",  ".3g2",  ".3gp", ".amv",  ".asf",   ".av1",  ".avi",  ".bik",  ".divx", ".dv",
    ".evo", ".f4v",  ".flv",  ".gxf", ".h261", ".h263",  ".h264", ".h265", ".hevc", ".ivf",  ".m1v",
    ".m2t", ".m2ts", ".m2v",  ".m4v", ".mj2",  ".mjpeg", ".mjpg", ".mk3d", ".mkv",  ".mod",  ".mov",
    ".mp4", ".mpe",  ".mpeg", ".mpg", ".mts",  ".mxf",   ".nut",  ".obu",  ".ogm",  ".ogv",  ".qt",
    ".rm",  ".rmvb", ".ts",   ".vob", ".vro",  ".webm",  ".wmv",  ".wtv",  ".y4m"};

bool IsHiddenName(const fs::path& path) { return path.filename().native().starts_with('.'); }

// An engine's folder, whose videos are its own.
bool IsDataDirectory(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "rollcall.lock", ignored);
}

// The files of a folder and of those in it.
class FolderSearch {
 public:
  explicit FolderSearch(LeftOut& left_out) : left_out_(left_out) {}

  std::vector<fs::path> Videos(const fs::path& folder) {
    folders_ = {folder};
    while (!folders_.empty()) {
      const fs::path next = std::move(folders_.back());
      folders_.pop_back();
      Search(next);
    }
    std::ranges::sort(found_, [](const fs::path& a, const fs::path& b) {
      return ComesBefore(a.native(), b.native());
    });
    return std::move(found_);
  }

 private:
  void Search(const fs::path& folder) {
    std::error_code error;
    fs::directory_iterator at(folder, error);
    for (const fs::directory_iterator end; !error && at != end; at.increment(error)) Take(*at);
    if (error) left_out_.unreadable.push_back(base::Shown(folder.native()));
  }
  void Take(const fs::directory_entry& entry) {
    std::error_code gone;
    if (IsHiddenName(entry.path())) {
      ++left_out_.hidden;
    } else if (entry.is_directory(gone)) {
      TakeFolder(entry);
    } else if (IsVideoName(entry.path())) {
      found_.push_back(entry.path());
    } else {
      ++left_out_.other_files;
    }
  }
  void TakeFolder(const fs::directory_entry& entry) {
    std::error_code gone;
    if (entry.is_symlink(gone)) {
      ++left_out_.linked_folders;
    } else if (IsDataDirectory(entry.path())) {
      ++left_out_.data_directories;
    } else {
      folders_.push_back(entry.path());
    }
  }

  LeftOut& left_out_;
  std::vector<fs::path> folders_;  // Not searched yet.
  std::vector<fs::path> found_;
};

VideoFile Look(fs::path path, std::string name) {
  VideoFile video{.path = std::move(path), .name = std::move(name)};
  if (auto checked = episode::CheckVideoFile(video.path); !checked.ok()) {
    video.error = std::move(checked).error();
    return video;
  }
  std::error_code not_regular;  // Whoever reads it says so.
  const auto size = fs::file_size(video.path, not_regular);
  if (!not_regular) video.bytes = static_cast<std::int64_t>(size);
  return video;
}

// A link, or another name of the same file, is the file. A link gives way to what it leads to.
void FindSameFiles(std::vector<VideoFile>& videos) {
  std::map<std::pair<dev_t, ino_t>, std::vector<std::size_t>> by_file;
  for (std::size_t i = 0; i < videos.size(); ++i) {
    struct stat status {};
    if (videos[i].error || ::stat(videos[i].path.c_str(), &status) != 0) continue;
    by_file[{status.st_dev, status.st_ino}].push_back(i);
  }
  const auto is_link = [&](std::size_t i) {
    std::error_code gone;
    return fs::is_symlink(videos[i].path, gone);
  };
  for (const auto& [file, names] : by_file) {
    const auto real = std::ranges::find_if_not(names, is_link);
    const std::size_t taken = real == names.end() ? names.front() : *real;
    for (const std::size_t i : names) {
      if (i != taken) videos[i].same_file = taken;
    }
  }
}

std::string Counted(int count, std::string_view one, std::string_view many) {
  return count == 0 ? std::string{} : fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace

bool IsVideoName(const fs::path& name) {
  std::string ending = name.extension().string();
  std::ranges::transform(ending, ending.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return std::ranges::find(kEndings, ending) != kEndings.end();
}

std::string LeftOut::Text() const {
  std::vector<std::string> parts{
      Counted(other_files, "file that is no video", "files that are no videos"),
      Counted(hidden, "hidden", "hidden"),
      Counted(linked_folders, "linked folder", "linked folders"),
      Counted(data_directories, "data directory of rollcall", "data directories of rollcall")};
  if (!unreadable.empty()) {
    parts.push_back(fmt::format("what cannot be read: {}", fmt::join(unreadable, ", ")));
  }
  std::erase(parts, "");
  return fmt::format("{}", fmt::join(parts, ", "));
}

bool VideoList::is_hopeless() const {
  return std::ranges::all_of(videos,
                             [](const VideoFile& video) { return video.error.has_value(); });
}

Result<VideoList> FindVideos(const std::vector<std::string>& typed) {
  VideoList list;
  for (const std::string& name : typed) {
    const fs::path path = FullPath(name);
    std::error_code ignored;
    // An empty name is that of no folder: a variable was empty.
    if (name.empty() || !fs::is_directory(path, ignored)) {
      list.videos.push_back(Look(path, base::Shown(name)));
      continue;
    }
    const auto found = FolderSearch(list.left_out).Videos(path);
    if (found.empty()) {
      const std::string left_out = list.left_out.Text();
      return domain::MakeError(
          domain::reason::kVideoNotFound,
          fmt::format("there is no video in {}{}", base::Shown(path.native()),
                      left_out.empty() ? "" : "; left out: " + left_out),
          "videos are known by their ending, such as .mp4 or .mkv; a file that is named itself may "
          "have any");
    }
    for (const fs::path& video : found) {
      list.videos.push_back(Look(video, base::Shown(video.lexically_relative(path).native())));
    }
  }
  FindSameFiles(list.videos);
  return list;
}

SameVideoSearch::SameVideoSearch(const std::vector<VideoFile>& videos, FingerprintOf fingerprint)
    : videos_(videos), fingerprint_(std::move(fingerprint)) {
  for (std::size_t i = 0; i < videos_.size(); ++i) {
    if (!videos_[i].error && !videos_[i].same_file) by_size_[videos_[i].bytes].push_back(i);
  }
}

std::optional<std::size_t> SameVideoSearch::Before(std::size_t index) {
  const auto alike = by_size_.find(videos_[index].bytes);
  if (alike == by_size_.end()) return std::nullopt;
  for (const std::size_t other : alike->second) {
    if (other >= index) break;
    const std::string& theirs = DigestOf(other);
    if (!theirs.empty() && theirs == DigestOf(index)) return other;
  }
  return std::nullopt;
}

const std::string& SameVideoSearch::DigestOf(std::size_t index) {
  const auto [at, is_new] = digests_.try_emplace(index);
  if (!is_new) return at->second;
  auto digest = fingerprint_(videos_[index].path);
  if (digest.ok()) at->second = *std::move(digest);
  return at->second;
}

}  // namespace rollcall::cli
