#include "compose/episode_composer.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/file_mode.h"
#include "compose/canvas.h"
#include "compose/frame_clock.h"
#include "compose/picture_motion.h"
#include "compose/picture_source.h"
#include "domain/reasons.h"
#include "media/video_writer.h"

namespace rollcall::compose {
namespace {

using domain::MediaTime;

constexpr std::int64_t kFramesBetweenTicks = 25;
constexpr MediaTime kBetweenTruthKeys{200'000};
constexpr int kCoverChecks = 8;

// One picture of the shot that is being made.
struct Layer {
  const PictureSpec* spec;
  std::unique_ptr<PictureSource> source;
  PictureMotion motion;
};

struct ShotTimes {
  std::vector<MediaTime> pts;  // Of its frames.
  MediaTime end{};             // Where the next shot begins.

  MediaTime start() const { return pts.front(); }
  double PartAt(MediaTime t) const {
    return static_cast<double>((t - start()).count()) /
           static_cast<double>((end - start()).count());
  }
};

base::Error AtLine(const EpisodeSpec& spec, int line, base::Error error) {
  error.message = fmt::format("{}:{}: {}", spec.name, line, error.message);
  return error;
}

// Takes the frames of one shot from the clock.
ShotTimes TakeShot(const ShotSpec& shot, FrameClock& clock) {
  ShotTimes times;
  const MediaTime start = clock.now();
  const auto is_over = [&] {
    return shot.frames ? std::ssize(times.pts) >= *shot.frames
                       : clock.now() >= start + shot.duration;
  };
  do {
    times.pts.push_back(clock.now());
    clock.Advance();
  } while (!is_over());
  times.end = clock.now();
  return times;
}

media::VideoWriter::Options WriterOptions(const VideoSpec& video) {
  media::VideoWriter::Options options;
  options.width = video.width;
  options.height = video.height;
  options.frames_per_second = static_cast<int>(std::lround(video.frames_per_second));
  options.codec = video.codec;
  options.pixel_format = video.pixel_format;
  options.keyframe_interval = video.keyframe_interval;
  options.crf = video.crf;
  options.bit_rate = video.bit_rate;
  options.preset = video.preset;
  return options;
}

class EpisodeComposer {
 public:
  EpisodeComposer(const EpisodeSpec& spec, media::VideoWriter& writer,
                  const ComposeProgress& progress)
      : spec_(spec),
        writer_(writer),
        progress_(progress),
        clock_(spec.video),
        noise_({.width = spec.video.width, .height = spec.video.height}, spec.video.noise_sigma,
               spec.video.seed),
        image_{.width = spec.video.width,
               .height = spec.video.height,
               .format = domain::PixelFormat::kRgb24,
               .pixels = {}} {
    image_.pixels.resize(static_cast<std::size_t>(image_.width) *
                         static_cast<std::size_t>(image_.height) * 3);
    truth_.width = spec.video.width;
    truth_.height = spec.video.height;
    truth_.frames_per_second = spec.video.frame_ms ? 0 : spec.video.frames_per_second;
  }

  base::Result<Truth> Compose() {
    for (const ShotSpec& shot : spec_.shots) ROLLCALL_TRY(ComposeShot(shot));
    truth_.frames = clock_.frame_index();
    truth_.duration_ms = domain::ToMillis(clock_.now());
    ROLLCALL_TRY(writer_.Finish(clock_.now()));
    return std::move(truth_);
  }

 private:
  base::Result<void> ComposeShot(const ShotSpec& shot) {
    const std::int64_t first_frame = clock_.frame_index();
    const ShotTimes times = TakeShot(shot, clock_);
    ROLLCALL_TRY_ASSIGN(std::vector<Layer> layers, OpenLayers(shot, times));
    ROLLCALL_TRY(CheckPeople(layers));
    if (first_frame > 0) truth_.cuts_ms.push_back(domain::ToMillis(times.start()));
    NoteTruth(layers, times);

    cv::Mat ground(image_.height, image_.width, CV_8UC3);
    FillGradient(shot.colours, ground);
    cv::Mat frame(image_.height, image_.width, CV_8UC3, image_.pixels.data());
    for (std::size_t i = 0; i < times.pts.size(); ++i) {
      ground.copyTo(frame);
      for (Layer& layer : layers) {
        auto pixels = layer.source->Next();
        if (!pixels.ok()) return AtLine(spec_, layer.spec->line, pixels.error());
        DrawLayer(layer, **pixels, times.PartAt(times.pts[i]), frame);
      }
      Expose(LightOf(shot, times.PartAt(times.pts[i]), i), frame);
      const std::int64_t index = first_frame + static_cast<std::int64_t>(i);
      noise_.AddTo(frame, index);
      ROLLCALL_TRY(writer_.Write(image_, times.pts[i]));
      if (index % kFramesBetweenTicks == 0 && progress_ && !progress_(index)) {
        return domain::MakeError(domain::reason::kCancelled, "composing was cancelled");
      }
    }
    return {};
  }

  static void DrawLayer(const Layer& layer, const SourcePixels& pixels, double part,
                        cv::Mat& frame) {
    const View view = layer.motion.At(part);
    const double turn = std::lerp(layer.spec->turn[0], layer.spec->turn[1], part);
    if (turn == 0) return Draw(pixels, view, frame);
    Draw(TurnedHead(pixels, *layer.spec->people[0].face, turn), view, frame);
  }

  static double LightOf(const ShotSpec& shot, double part, std::size_t frame_of_shot) {
    const double light = std::lerp(shot.light, shot.light_to, part);
    if (!shot.flicker) return light;
    const auto bright = static_cast<std::size_t>(shot.flicker->bright_frames);
    const auto dark = static_cast<std::size_t>(shot.flicker->dark_frames);
    return frame_of_shot % (bright + dark) < bright ? light : light * shot.flicker->light;
  }

  base::Result<std::vector<Layer>> OpenLayers(const ShotSpec& shot, const ShotTimes& times) {
    std::vector<MediaTime> since_start;
    for (const MediaTime pts : times.pts) since_start.push_back(pts - times.start());
    std::vector<Layer> layers;
    for (const PictureSpec& picture : shot.pictures) {
      auto source = PictureSource::Open(picture);
      if (!source.ok()) return AtLine(spec_, picture.line, source.error());
      auto motion = PictureMotion::Create(picture, (*source)->size(),
                                          {.width = image_.width, .height = image_.height});
      if (!motion.ok()) return AtLine(spec_, picture.line, motion.error());
      const auto ready = (*source)->Prepare(motion->shown(), motion->scale_max(), since_start);
      if (!ready.ok()) return AtLine(spec_, picture.line, ready.error());
      layers.push_back({.spec = &picture, .source = std::move(source).value(), .motion = *motion});
    }
    return layers;
  }

  // Everybody must be wholly visible for the whole shot, or the truth would be a matter of taste;
  // but for pictures that are there to cover somebody.
  base::Result<void> CheckPeople(const std::vector<Layer>& layers) const {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      for (const PersonInPicture& person : layers[i].spec->people) {
        const auto visible = layers[i].motion.CheckVisible(person);
        if (!visible.ok()) return AtLine(spec_, layers[i].spec->line, visible.error());
        for (std::size_t above = i + 1; above < layers.size(); ++above) {
          if (layers[above].spec->may_cover) continue;
          if (Covers(layers[above], layers[i], person)) {
            return AtLine(
                spec_, layers[above].spec->line,
                domain::MakeError(domain::reason::kBadParams, "this picture covers " + person.id));
          }
        }
      }
    }
    return {};
  }

  static bool Covers(const Layer& above, const Layer& below, const PersonInPicture& person) {
    for (int k = 0; k <= kCoverChecks; ++k) {
      const double part = static_cast<double>(k) / kCoverChecks;
      if (Intersect(above.motion.At(part).target, below.motion.PlaceOf(person, part))) return true;
    }
    return false;
  }

  void NoteTruth(const std::vector<Layer>& layers, const ShotTimes& times) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      for (const PersonInPicture& person : layers[i].spec->people) {
        MediaTime since = times.start();
        bool was_seen = IsSeen(layers, i, person, 0);
        for (const MediaTime t : times.pts) {
          const bool is_seen = IsSeen(layers, i, person, times.PartAt(t));
          if (is_seen == was_seen) continue;
          NotePlace(layers[i], person, times, {since, t}, was_seen);
          since = t;
          was_seen = is_seen;
        }
        NotePlace(layers[i], person, times, {since, times.end}, was_seen);
      }
    }
  }

  // At least half of the face, and at least half of its colour.
  static bool IsSeen(const std::vector<Layer>& layers, std::size_t index,
                     const PersonInPicture& person, double part) {
    if (layers[index].motion.At(part).opacity < 0.5) return false;
    const Region face = layers[index].motion.PlaceOf(person, part);
    double covered = 0;
    for (std::size_t above = index + 1; above < layers.size(); ++above) {
      const View view = layers[above].motion.At(part);
      if (view.opacity < 0.5) continue;
      const Region shared = Shared(view.target, face);
      covered += shared.width * shared.height;
    }
    return covered < face.width * face.height / 2;
  }

  void NotePlace(const Layer& layer, const PersonInPicture& person, const ShotTimes& times,
                 std::pair<MediaTime, MediaTime> when, bool is_seen) {
    const MediaTime from = when.first;
    const MediaTime to = when.second;
    TruthPlace place{.when = {.start_ms = domain::ToMillis(from), .end_ms = domain::ToMillis(to)},
                     .is_hidden = !is_seen,
                     .keys = {}};
    const auto add_key = [&](MediaTime t) {
      const Region at = layer.motion.PlaceOf(person, times.PartAt(t));
      place.keys.push_back({.t_ms = domain::ToMillis(t),
                            .x = at.x,
                            .y = at.y,
                            .width = at.width,
                            .height = at.height});
    };
    add_key(from);
    if (layer.motion.moves()) {
      for (MediaTime t = from + kBetweenTruthKeys; t < to; t += kBetweenTruthKeys) add_key(t);
    }
    add_key(to);
    truth_.AddPlace(person.id, std::move(place));
  }

  const EpisodeSpec& spec_;
  media::VideoWriter& writer_;
  const ComposeProgress& progress_;
  FrameClock clock_;
  FilmNoise noise_;
  domain::Image image_;
  Truth truth_;
};

}  // namespace

base::Result<Truth> ComposeEpisode(const EpisodeSpec& spec, const std::filesystem::path& out,
                                   const ComposeProgress& progress) {
  // The extension stays last: it decides the container.
  std::filesystem::path unfinished = out;
  unfinished.replace_extension(".part" + out.extension().string());
  auto compose = [&]() -> base::Result<Truth> {
    ROLLCALL_TRY_ASSIGN(const std::unique_ptr<media::VideoWriter> writer,
                        media::VideoWriter::Create(unfinished, WriterOptions(spec.video)));
    return EpisodeComposer(spec, *writer, progress).Compose();
  };
  base::Result<Truth> truth = compose();
  std::error_code failed;
  if (!truth.ok()) {
    std::filesystem::remove(unfinished, failed);
    return truth;
  }
  std::filesystem::remove(TruthPath(out), failed);
  std::filesystem::rename(unfinished, out, failed);
  if (failed) return base::ErrnoError(failed.value(), "renaming", unfinished);
  ROLLCALL_TRY(base::WriteUsersFileAtomic(TruthPath(out), TruthToJson(*truth).dump(1) + "\n"));
  return truth;
}

std::filesystem::path TruthPath(const std::filesystem::path& video) {
  std::filesystem::path path = video;
  return path.replace_extension(".truth.json");
}

}  // namespace rollcall::compose
