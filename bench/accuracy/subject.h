#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "compose/truth.h"

namespace rollcall::bench {

struct Folders {
  std::filesystem::path source;  // The repository.
  std::filesystem::path media;
  std::filesystem::path work;  // Composed videos and data directories; kept between runs.
};

// A video to analyse, with all that is known of it.
struct EpisodeSubject {
  std::string key;
  std::filesystem::path video;
  compose::Truth truth;
};

// Which episodes. README.md says what each may be used for.
enum class EpisodeSet {
  kScored,   // The ready episodes of the media folder and those of bench/accuracy/specs.
  kHeldOut,  // Those of bench/accuracy/specs/heldout.
  kHard,     // Those of bench/accuracy/specs/hard: who is who is made hard to tell.
};

// The episodes of a set, composed where the spec, its portraits or this program's composer have
// changed since. `only`: keys to keep; all if empty. Says on standard error what it composes.
base::Result<std::vector<EpisodeSubject>> PrepareEpisodes(const Folders& folders, EpisodeSet set,
                                                          const std::vector<std::string>& only);

struct ClipSubject {
  std::string key;
  std::filesystem::path video;
  std::string name;                            // "clips/ASL_A/no.mkv"
  std::optional<int> people;                   // As far as it is known.
  int bystanders_most = 0;                     // Who may be found besides.
  std::optional<compose::TruthInterval> seen;  // Without it the one person is there throughout.
};

// Every video under clips/ and noface/, in order of name.
base::Result<std::vector<ClipSubject>> ListClips(const Folders& folders);

}  // namespace rollcall::bench
