// Measures how long the engine needs to answer who is in an episode of three hours: reading
// presence.pack, folding the edits, adding the screen time up. Beside it, as a
// yardstick of the same machine in the same minute, the SHA-256 of the pack.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "people/edit.h"
#include "pipeline/people_likeness.h"
#include "pipeline/peoples_times.h"
#include "pipeline/presence_pack.h"

namespace rollcall::bench {
namespace {

namespace fs = std::filesystem;
using domain::MediaTime;
using people::Edit;
using people::EditKind;
using std::chrono::milliseconds;

struct Flags {
  std::int64_t minutes = 180;
  std::int64_t tracks = 3'000;
  std::int64_t edits = 200;
  int people = 40;
  int dimension = 512;
  int rounds = 9;
  double limit_ms = 500;
};

constexpr std::int64_t kStepMs = 100;

// Each person's face, and a little of its own for each track.
domain::Embedding VectorOf(std::int64_t person, std::int64_t track, int dimension) {
  domain::Embedding vector(static_cast<std::size_t>(dimension));
  double sum = 0;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const auto at = static_cast<double>(i + 1);
    vector[i] = static_cast<float>(std::sin(at * static_cast<double>(person + 1)) +
                                   0.3 * std::cos(at * static_cast<double>(track)));
    sum += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
  }
  for (float& number : vector) number = static_cast<float>(number / std::sqrt(sum));
  return vector;
}

// Tracks begin evenly spread and last so long that three faces are in each picture; a person's do
// not touch, so that each is an interval.
class MadeFiles {
 public:
  explicit MadeFiles(const Flags& flags) : flags_(flags) {}
  ~MadeFiles() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  MadeFiles(const MadeFiles&) = delete;
  MadeFiles& operator=(const MadeFiles&) = delete;

  base::Result<fs::path> Write() const {
    ROLLCALL_TRY(base::MakeFolders(folder_));
    fs::path path = folder_ / "presence.pack";
    ROLLCALL_TRY(WritePack(path));
    return path;
  }

 private:
  std::int64_t samples() const { return flags_.minutes * 60'000 / kStepMs; }
  std::int64_t FirstOf(std::int64_t track) const { return track * samples() / flags_.tracks; }
  std::int64_t LastOf(std::int64_t track) const {
    return std::min(samples() - 1, FirstOf(track) + 3 * samples() / flags_.tracks);
  }

  base::Result<void> WritePack(const fs::path& path) const {
    ROLLCALL_TRY_ASSIGN(auto pack, pipeline::PresencePackWriter::Create(path));
    for (std::int64_t i = 0; i < samples(); ++i) {
      ROLLCALL_TRY(pack.Add(pipeline::Sample{.frame_id = 3 * i,
                                             .pts = milliseconds{i * kStepMs},
                                             .until = milliseconds{i * kStepMs + 33},
                                             .is_cut = i % 50 == 0}));
    }
    for (std::int64_t t = 0; t < flags_.tracks; ++t) {
      ROLLCALL_TRY(pack.Add(
          pipeline::TrackSummary{.id = t + 1,
                                 .start = milliseconds{FirstOf(t) * kStepMs},
                                 .end = milliseconds{LastOf(t) * kStepMs},
                                 .until = milliseconds{LastOf(t) * kStepMs + 33},
                                 .count = LastOf(t) - FirstOf(t) + 1,
                                 .quality = 0.6F,
                                 .best_frame_id = 3 * FirstOf(t),
                                 .embedding_count = 4,
                                 .embedding = VectorOf(t % flags_.people, t, flags_.dimension)}));
    }
    for (std::int64_t i = 0; i < samples(); ++i) {
      const std::int64_t newest = std::min(flags_.tracks - 1, i * flags_.tracks / samples() + 1);
      for (std::int64_t t = std::max<std::int64_t>(0, newest - 6); t <= newest; ++t) {
        if (i < FirstOf(t) || i > LastOf(t)) continue;
        const auto x = static_cast<float>(100 + 200 * (t % 7));
        ROLLCALL_TRY(pack.Add(pipeline::PresenceSighting{
            .track_id = t + 1, .frame_id = 3 * i, .score = 0.9F, .box = {x, 100, x + 120, 240}}));
      }
    }
    pipeline::PresenceFacts facts{.tracks_sha256 = "made",
                                  .pictures = {.end = milliseconds{samples() * kStepMs}},
                                  .gaps = {},
                                  .groups = {}};
    facts.groups.resize(static_cast<std::size_t>(flags_.people));
    for (std::int64_t t = 0; t < flags_.tracks; ++t) {
      people::Group& group = facts.groups[static_cast<std::size_t>(t % flags_.people)];
      group.id = t % flags_.people + 1;
      group.track_ids.push_back(t + 1);
    }
    return pack.Finish(facts);
  }

  const Flags& flags_;
  const fs::path folder_ = fs::temp_directory_path() / ("rollcall_people_" + base::RandomId());
};

// What an edit holds on to, as the engine makes it: the longest pieces, five sights of each.
std::vector<people::Anchor> AnchorsOf(const pipeline::PresencePack& pack,
                                      std::vector<people::Piece> pieces) {
  std::ranges::stable_sort(pieces, std::greater{},
                           [](const people::Piece& piece) { return piece.to - piece.from; });
  pieces.resize(std::min(pieces.size(), people::kAnchorsMax));
  std::vector<people::Anchor> anchors;
  for (const people::Piece& piece : pieces) {
    std::vector<people::Sight> all;
    for (const auto& seen : pack.sightings) {
      if (seen.track_id == piece.track_id) {
        all.push_back({.at = pack.samples[seen.sample].pts, .box = seen.box});
      }
    }
    people::Anchor anchor{.piece = piece, .sights = {}};
    for (std::size_t i = 0; i < people::kSightsMax; ++i) {
      anchor.sights.push_back(all[i * (all.size() - 1) / (people::kSightsMax - 1)]);
    }
    anchors.push_back(std::move(anchor));
  }
  return anchors;
}

// Everybody's number, and then names, cuts, moves and splits in turn.
std::vector<Edit> EditsOf(const pipeline::PresencePack& pack, const pipeline::PeoplesTimes& found,
                          std::int64_t count) {
  std::vector<Edit> edits;
  const auto add = [&](EditKind kind) -> Edit& {
    edits.push_back(
        {.sequence = std::ssize(edits) + 1, .kind = kind, .tracks = pack.facts.tracks_sha256});
    return edits.back();
  };
  const std::vector<people::Person>& people = found.folded.people;
  std::vector<std::vector<people::Anchor>> held;
  for (const people::Person& person : people) held.push_back(AnchorsOf(pack, person.pieces));
  for (const pipeline::PersonTime& time : found.times) {
    Edit& edit = add(EditKind::kLabel);
    edit.subject = held[time.person];
    edit.label = time.label;
  }
  int label = static_cast<int>(found.times.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const people::Person& person = people[at % people.size()];
    const people::Piece& piece = person.pieces[at % person.pieces.size()];
    const EditKind kinds[] = {EditKind::kName, EditKind::kCut, EditKind::kMove, EditKind::kSplit};
    Edit& edit = add(kinds[at % 4]);
    edit.subject = AnchorsOf(pack, {piece});
    if (edit.kind == EditKind::kName) {
      edit.subject = held[at % people.size()];
      edit.name = "Anna " + std::to_string(i);
    }
    if (edit.kind == EditKind::kCut) edit.at = (piece.from + piece.to) / 2;
    if (edit.kind == EditKind::kMove) edit.other = held[(at + 1) % people.size()];
    if (edit.kind == EditKind::kSplit) edit.label = ++label;
  }
  return edits;
}

// The median of some rounds, in milliseconds.
base::Result<double> MillisOf(int rounds, const std::function<base::Result<void>()>& work) {
  std::vector<double> millis;
  for (int i = 0; i < rounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    ROLLCALL_TRY(work());
    millis.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  std::ranges::sort(millis);
  return millis[millis.size() / 2];
}

base::Result<bool> Measure(const Flags& flags) {
  const MadeFiles made(flags);
  ROLLCALL_TRY_ASSIGN(const fs::path path, made.Write());
  ROLLCALL_TRY_ASSIGN(const std::string bytes, base::ReadFile(path));
  ROLLCALL_TRY_ASSIGN(const pipeline::PresencePack pack, pipeline::ReadPresencePack(path));
  ROLLCALL_TRY_ASSIGN(const auto before, pipeline::MeasurePeople(pack, {}, 0, {}));
  std::vector<Edit> edits = EditsOf(pack, before, flags.edits);
  std::size_t intervals = 0;
  for (const pipeline::PersonTime& time : before.times) intervals += time.intervals.size();
  fmt::print("{} minutes, {} tracks, {} faces, {} intervals, {} edits; presence.pack {:.1f} MB\n",
             flags.minutes, pack.tracks.size(), pack.sightings.size(), intervals, edits.size(),
             static_cast<double>(bytes.size()) / 1e6);
  std::size_t used = 0;  // So that nothing is left out.
  ROLLCALL_TRY_ASSIGN(const double yardstick, MillisOf(flags.rounds, [&]() -> base::Result<void> {
                        used += base::Sha256(bytes).size();
                        return {};
                      }));
  double largest = 0;
  const auto print = [&](const char* what, double millis) {
    fmt::print("{:<46}{:>8.1f} ms{:>8.1f} × SHA-256 of the pack\n", what, millis,
               millis / yardstick);
    largest = std::max(largest, millis);
  };
  const auto fold = [&](const pipeline::PresencePack& of) -> base::Result<void> {
    ROLLCALL_TRY_ASSIGN(const auto now, pipeline::MeasurePeople(of, edits, 0, {}));
    used += now.times.size();
    return {};
  };
  const auto read_and_fold = [&]() -> base::Result<void> {
    ROLLCALL_TRY_ASSIGN(const auto read, pipeline::ReadPresencePack(path));
    return fold(read);
  };
  ROLLCALL_TRY_ASSIGN(const double whole, MillisOf(flags.rounds, read_and_fold));
  print("read, fold and measure", whole);
  ROLLCALL_TRY_ASSIGN(const double folded, MillisOf(flags.rounds, [&] { return fold(pack); }));
  print("fold and measure", folded);
  for (Edit& edit : edits) edit.tracks = "others";
  ROLLCALL_TRY_ASSIGN(const double matched, MillisOf(flags.rounds, read_and_fold));
  print("read, find the faces of other tracks, fold …", matched);
  ROLLCALL_TRY_ASSIGN(const double suggested, MillisOf(flags.rounds, [&]() -> base::Result<void> {
                        used += pipeline::PeopleLikeness(pack, before).Suggestions(20).size();
                        return {};
                      }));
  print("suggestions", suggested);
  fmt::print("SHA-256 of the pack: {:.1f} ms\n", yardstick);
  const bool is_within = largest <= flags.limit_ms && used > 0;
  fmt::print("{}\n", is_within ? "All within the limit." : "missed: over the limit");
  return is_within;
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Measures how soon the people of an episode are known after an edit");
  app.add_option("--minutes", flags.minutes)->check(CLI::Range(1, 1'440));
  app.add_option("--tracks", flags.tracks)->check(CLI::Range(10, 100'000));
  app.add_option("--edits", flags.edits)->check(CLI::Range(0, 100'000));
  app.add_option("--people", flags.people)->check(CLI::Range(7, 1'000));
  app.add_option("--dimension", flags.dimension, "Of an embedding")->check(CLI::Range(2, 4'096));
  app.add_option("--rounds", flags.rounds)->check(CLI::Range(1, 1'000));
  app.add_option("--limit-ms", flags.limit_ms, "Above it, the bench fails");
  CLI11_PARSE(app, argc, argv);
  const base::Result<bool> passed = Measure(flags);
  if (!passed.ok()) {
    fmt::print(stderr, "people: {}\n", passed.error().ToString());
    return 2;
  }
  return *passed ? 0 : 1;
}

}  // namespace
}  // namespace rollcall::bench

int main(int argc, char** argv) { return rollcall::bench::Main(argc, argv); }
