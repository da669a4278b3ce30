#include "test_files.h"

#include <fmt/format.h>

#include <cstdio>
#include <vector>

#include "../harness/child_process.h"
#include "base/file.h"

namespace rollcall::bench {
namespace {

namespace fs = std::filesystem;

// About 126 s: a street, a stage, crowds, talking heads.
constexpr const char* kClips[] = {
    "scenes/street_crowd_1080p.mp4",
    "scenes/short_hamilton_clip.mp4",
    "scenes/people.mp4",
    "clips/LP_d13/d13.mp4",
    "clips/LP_d18/d18.mp4",
    "clips/LP_d19/d19.mp4",
    "clips/LP_d3/d3.mp4",
    "clips/LP_d9/d9.mp4",
    "clips/PEXELS_LANGER/WolfgangLanger_Pexels.mp4",
    "clips/PYFEAT_MAN/face_noface.mov",
    "clips/PYFEAT_MAN/noface_face.mov",
};
constexpr int kRoundSeconds = 120;  // What is encoded of them; longer files repeat it.
constexpr int kLoops = 10;

base::Result<void> Ffmpeg(std::vector<std::string> arguments, const fs::path& out) {
  // The extension stays last: it decides the container.
  fs::path unfinished = out;
  unfinished.replace_extension(".part" + out.extension().string());
  const fs::path said = fs::path(out).replace_extension(".log");
  arguments.insert(arguments.begin(), {"ffmpeg", "-nostdin", "-v", "error", "-y"});
  arguments.push_back(unfinished.string());
  ROLLCALL_TRY_ASSIGN(const ProcessUse use, Run({.arguments = std::move(arguments),
                                                 .environment = {},
                                                 .output_file = {},
                                                 .error_file = said,
                                                 .time_limit = std::chrono::seconds(3600)}));
  if (use.exit_code != 0) {
    const auto text = base::ReadFile(said);
    return base::Error{base::ErrorCode::kInternal, "ERR_INTERNAL",
                       fmt::format("ffmpeg failed on {}: {}", out.string(), text.ok() ? *text : ""),
                       "install ffmpeg"};
  }
  fs::remove(said);
  fs::rename(unfinished, out);
  return {};
}

base::Result<void> Encode(const fs::path& media, const fs::path& out, const char* bit_rate,
                          const char* filter, int seconds) {
  std::vector<std::string> arguments;
  std::string graph;
  std::string inputs;
  int count = 0;
  for (const char* clip : kClips) {
    arguments.insert(arguments.end(), {"-i", (media / clip).string()});
    graph += fmt::format(
        "[{0}:v]fps=25,scale=1920:1080:force_original_aspect_ratio=increase,crop=1920:1080,setsar="
        "1,"
        "format=yuv420p[v{0}];",
        count);
    inputs += fmt::format("[v{}]", count++);
  }
  graph += fmt::format("{}concat=n={}:v=1:a=0{}[out]", inputs, count, filter);
  for (const char* each :
       {"-filter_complex", graph.c_str(), "-map", "[out]", "-an", "-c:v", "libx264", "-preset",
        "fast", "-g", "250", "-b:v", bit_rate, "-maxrate", bit_rate, "-bufsize", bit_rate, "-t"}) {
    arguments.emplace_back(each);
  }
  arguments.push_back(std::to_string(seconds));
  return Ffmpeg(std::move(arguments), out);
}

base::Result<void> Loop(const fs::path& file, int times, const fs::path& out) {
  return Ffmpeg({"-stream_loop", std::to_string(times - 1), "-i", file.string(), "-c", "copy"},
                out);
}

}  // namespace

base::Result<SpeedFiles> MakeSpeedFiles(const fs::path& media, const fs::path& folder,
                                        bool is_quick) {
  ROLLCALL_TRY(base::MakeFolders(folder));
  const std::string size = is_quick ? "30s" : "4min";
  const SpeedFiles files{.clean = folder / ("clean-" + size + ".mp4"),
                         .noisy = folder / ("noisy-" + size + ".mp4"),
                         .looped = folder / ("clean-" + size + "-looped.mp4")};
  struct Kind {
    fs::path file;
    const char* bit_rate;
    const char* filter;
  };
  for (const Kind& kind : {Kind{files.clean, "1500k", ""},
                           Kind{files.noisy, "15M", ",noise=alls=24:allf=t+u:all_seed=7"}}) {
    if (fs::exists(kind.file)) continue;
    fmt::print(stderr, "making {} …\n", kind.file.filename().string());
    if (is_quick) {
      ROLLCALL_TRY(Encode(media, kind.file, kind.bit_rate, kind.filter, 30));
      continue;
    }
    const fs::path round = fs::path(kind.file).replace_extension(".round.mp4");
    ROLLCALL_TRY(Encode(media, round, kind.bit_rate, kind.filter, kRoundSeconds));
    ROLLCALL_TRY(Loop(round, 240 / kRoundSeconds, kind.file));
    fs::remove(round);
  }
  if (!fs::exists(files.looped)) ROLLCALL_TRY(Loop(files.clean, kLoops, files.looped));
  return files;
}

}  // namespace rollcall::bench
