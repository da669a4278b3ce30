#include "subject.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "base/file.h"
#include "compose/episode_composer.h"
#include "compose/spec.h"
#include "domain/reasons.h"
#include "ready_episode.h"

namespace rollcall::bench {
namespace {

namespace fs = std::filesystem;

// Raised when the composer draws the same spec differently.
constexpr std::string_view kComposerGeneration = "2";

std::string KeyFrom(std::string_view text) {
  std::string key;
  for (const char c : text) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    key += is_plain ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : '-';
  }
  return key;
}

bool IsWanted(const std::vector<std::string>& only, const std::string& key) {
  return only.empty() || std::find(only.begin(), only.end(), key) != only.end();
}

base::Result<void> AddReady(const Folders& folders, const std::string& name,
                            std::vector<EpisodeSubject>& subjects) {
  const fs::path video = folders.media / "episodes" / (name + ".mp4");
  ROLLCALL_TRY_ASSIGN(compose::Truth truth, ReadReadyTruth(video));
  subjects.push_back({.key = KeyFrom(name), .video = video, .truth = std::move(truth)});
  return {};
}

// Changes whenever the spec would be drawn differently.
base::Result<std::string> MadeOf(const fs::path& spec_path, const compose::EpisodeSpec& spec) {
  std::string text{kComposerGeneration};
  std::vector<fs::path> files{spec_path};
  files.insert(files.end(), spec.portrait_files.begin(), spec.portrait_files.end());
  for (const fs::path& file : files) {
    ROLLCALL_TRY_ASSIGN(const std::string part, base::ReadFile(file));
    text += "\n" + part;
  }
  return base::Sha256(text);
}

base::Result<void> AddComposed(const Folders& folders, const fs::path& spec_path,
                               std::vector<EpisodeSubject>& subjects) {
  const std::string name = spec_path.stem();
  ROLLCALL_TRY_ASSIGN(const compose::EpisodeSpec spec, compose::LoadSpec(spec_path, folders.media));
  ROLLCALL_TRY_ASSIGN(const std::string made_of, MadeOf(spec_path, spec));
  const fs::path folder = folders.work / "episodes";
  ROLLCALL_TRY(base::MakeFolders(folder));
  const fs::path video = folder / (name + "." + spec.video.container);
  const fs::path stamp = folder / (name + ".stamp");
  const auto before = base::ReadFile(stamp);
  if (before.ok() && *before == made_of && fs::exists(video)) {
    ROLLCALL_TRY_ASSIGN(compose::Truth truth, compose::ReadTruth(compose::TruthPath(video)));
    subjects.push_back({.key = KeyFrom(name), .video = video, .truth = std::move(truth)});
    return {};
  }
  fmt::print(stderr, "composing {} …\n", name);
  ROLLCALL_TRY_ASSIGN(compose::Truth truth, compose::ComposeEpisode(spec, video, {}));
  ROLLCALL_TRY(base::WriteFileAtomic(stamp, made_of));
  subjects.push_back({.key = KeyFrom(name), .video = video, .truth = std::move(truth)});
  return {};
}

base::Result<std::map<std::string, ClipSubject>> ReadExceptions(const fs::path& path) {
  std::map<std::string, ClipSubject> exceptions;
  try {
    const toml::table table = toml::parse_file(path.string());
    for (const toml::node& node : *table["clip"].as_array()) {
      const toml::table& clip = *node.as_table();
      ClipSubject subject;
      subject.bystanders_most = clip["bystanders"].value_or(0);
      if (const toml::array* seen = clip["seen_s"].as_array()) {
        const auto at = [seen](std::size_t i) {
          return std::llround(seen->get(i)->value_or(0.0) * 1000);
        };
        subject.seen = compose::TruthInterval{.start_ms = at(0), .end_ms = at(1)};
      }
      exceptions[clip["path"].value_or(std::string())] = subject;
    }
  } catch (const toml::parse_error& error) {
    return domain::MakeError(domain::reason::kBadParams,
                             path.string() + ": " + std::string(error.description()));
  }
  return exceptions;
}

}  // namespace

base::Result<std::vector<EpisodeSubject>> PrepareEpisodes(const Folders& folders, EpisodeSet set,
                                                          const std::vector<std::string>& only) {
  std::vector<EpisodeSubject> subjects;
  fs::path spec_folder = folders.source / "bench/accuracy/specs";
  if (set == EpisodeSet::kHeldOut) {
    spec_folder /= "heldout";
  } else if (set == EpisodeSet::kHard) {
    spec_folder /= "hard";
  } else {
    for (const char* name : {"open_ep1", "open_ep2", "open_ep4_ccby"}) {
      if (IsWanted(only, KeyFrom(name))) ROLLCALL_TRY(AddReady(folders, name, subjects));
    }
  }
  std::set<fs::path> specs;
  for (const auto& entry : fs::directory_iterator(spec_folder)) {
    if (entry.path().extension() == ".toml") specs.insert(entry.path());
  }
  for (const fs::path& spec : specs) {
    if (!IsWanted(only, KeyFrom(spec.stem().string()))) continue;
    ROLLCALL_TRY(AddComposed(folders, spec, subjects));
  }
  return subjects;
}

base::Result<std::vector<ClipSubject>> ListClips(const Folders& folders) {
  ROLLCALL_TRY_ASSIGN(const auto exceptions,
                      ReadExceptions(folders.source / "bench/accuracy/clips.toml"));
  std::map<std::string, ClipSubject> clips;
  for (const char* kind : {"clips", "noface"}) {
    for (const auto& entry : fs::recursive_directory_iterator(folders.media / kind)) {
      if (!entry.is_regular_file()) continue;
      const std::string name = fs::relative(entry.path(), folders.media);
      const auto exception = exceptions.find(name);
      ClipSubject clip = exception == exceptions.end() ? ClipSubject{} : exception->second;
      clip.name = name;
      clip.key = "clip-" + KeyFrom(fs::path(name).replace_extension().string());
      clip.video = entry.path();
      if (std::string_view(kind) == "clips") clip.people = 1;
      if (std::string_view(kind) == "noface") clip.people = 0;
      clips[name] = std::move(clip);
    }
  }
  std::vector<ClipSubject> list;
  for (auto& [name, clip] : clips) list.push_back(std::move(clip));
  return list;
}

}  // namespace rollcall::bench
