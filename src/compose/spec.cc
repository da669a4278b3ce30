#include "compose/spec.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <utility>

#include "base/file.h"
#include "compose/table_reader.h"
#include "domain/reasons.h"

namespace rollcall::compose {
namespace {

using domain::MediaTime;

constexpr TableReader::Range kFraction{-1, 2};
constexpr TableReader::Range kSourcePixels{0, 65'535};
// Darker than a quarter, whether a face is still to be seen is a matter of taste.
constexpr TableReader::Range kLight{0.25, 2};
// At 75 degrees one eye is left.
constexpr TableReader::Range kTurnDegrees{-75, 75};
constexpr double kSecondsMost = 4 * 3600;

constexpr std::string_view kMediaVariable = "$ROLLCALL_MEDIA/";

MediaTime FromSeconds(double seconds) {
  return MediaTime{static_cast<std::int64_t>(seconds * 1e6 + 0.5)};
}

std::optional<Region> ToRegion(const std::vector<double>& numbers) {
  if (numbers.size() != 4) return std::nullopt;
  return Region{.x = numbers[0], .y = numbers[1], .width = numbers[2], .height = numbers[3]};
}

// A checked face of a photograph, defined once and shown in many shots.
struct Portrait {
  std::filesystem::path source;
  PersonInPicture person;
  std::optional<Region> crop;
};

class SpecReader {
 public:
  explicit SpecReader(const SpecSource& source) : source_(source), mistakes_(source.name) {}

  base::Result<EpisodeSpec> Read(std::string_view text) {
    ROLLCALL_TRY_ASSIGN(const toml::table document, Parse(text, source_.name));
    TableReader root(document, "the spec", mistakes_);
    EpisodeSpec spec{.name = source_.name, .portrait_files = {}, .video = {}, .shots = {}};
    if (const toml::table* video = root.Table("video")) spec.video = ReadVideo(*video);
    for (const std::string& file : root.Texts("portraits")) {
      spec.portrait_files.push_back(source_.folder / file);
      ROLLCALL_TRY(ReadPortraitFile(spec.portrait_files.back()));
    }
    for (const toml::table* table : root.Tables("portrait")) ReadPortrait(*table);
    for (const toml::table* table : root.Tables("shot")) spec.shots.push_back(ReadShot(*table));
    if (spec.shots.empty()) root.Fail("there is no [[shot]]");
    root.NoOthers();
    ROLLCALL_TRY(mistakes_.Finish());
    return spec;
  }

 private:
  static base::Result<toml::table> Parse(std::string_view text, const std::string& name) {
    try {
      return toml::parse(text, name);
    } catch (const toml::parse_error& error) {
      return domain::MakeError(
          domain::reason::kBadParams,
          fmt::format("{}:{}: not TOML: {}", name, error.source().begin.line, error.description()));
    }
  }

  base::Result<void> ReadPortraitFile(const std::filesystem::path& path) {
    ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(path));
    ROLLCALL_TRY_ASSIGN(const toml::table document, Parse(text, path.filename().string()));
    Mistakes mistakes(path.filename().string());
    TableReader root(document, "the file", mistakes);
    for (const toml::table* table : root.Tables("portrait")) ReadPortrait(*table);
    root.NoOthers();
    return mistakes.Finish();
  }

  VideoSpec ReadVideo(const toml::table& table) {
    TableReader in(table, "[video]", mistakes_);
    VideoSpec video;
    const std::vector<double> size = in.Numbers("size", 2, {64, 4096});
    if (!size.empty()) {
      video.width = static_cast<int>(size[0]);
      video.height = static_cast<int>(size[1]);
      if (video.width % 2 != 0 || video.height % 2 != 0) in.FailAt("size", "must be even");
    }
    video.frames_per_second = in.Number("fps", video.frames_per_second, {1, 120});
    video.container = in.Text("container", video.container);
    video.codec = in.Text("codec", video.codec);
    video.pixel_format = in.Text("pixel_format", video.pixel_format);
    video.preset = in.Text("preset", video.preset);
    video.crf = static_cast<int>(in.Integer("crf", video.crf, {0, 63}));
    video.bit_rate = in.Integer("bit_rate", 0, {1'000, 1e9});
    video.keyframe_interval =
        static_cast<int>(in.Integer("keyframe_interval", video.keyframe_interval, {1, 10'000}));
    video.noise_sigma = in.Number("noise_sigma", 0, {0, 64});
    video.seed = static_cast<std::uint64_t>(in.Integer("seed", 1, {0, 1e15}));
    const std::vector<double> frame_ms = in.Numbers("frame_ms", 2, {1, 1000});
    if (!frame_ms.empty()) {
      video.frame_ms = {static_cast<int>(frame_ms[0]), static_cast<int>(frame_ms[1])};
      if (frame_ms[0] > frame_ms[1])
        in.FailAt("frame_ms", "must be the shortest, then the longest");
    }
    in.NoOthers();
    return video;
  }

  void ReadPortrait(const toml::table& table) {
    TableReader in(table, "[[portrait]]", mistakes_);
    const std::string name = in.Text("name", {});
    Portrait portrait{.source = ReadPath(in, "image"),
                      .person = {.id = in.Text("id", {}), .face = ReadRegion(in, "face")},
                      .crop = ReadRegion(in, "crop")};
    if (name.empty() || portrait.person.id.empty() || portrait.source.empty()) {
      in.Fail("[[portrait]] needs `name`, `id` and `image`");
    }
    if (!portraits_.emplace(name, std::move(portrait)).second) {
      in.FailAt("name", "is taken by another portrait");
    }
    in.NoOthers();
  }

  std::optional<Region> ReadRegion(TableReader& in, std::string_view key) {
    std::optional<Region> region = ToRegion(in.Numbers(key, 4, kSourcePixels));
    if (region && (region->width < 1 || region->height < 1)) in.FailAt(key, "is empty");
    return region;
  }

  std::filesystem::path ReadPath(TableReader& in, std::string_view key) {
    const std::string text = in.Text(key, {});
    if (text.empty()) return {};
    if (!text.starts_with(kMediaVariable)) return source_.folder / text;
    if (source_.media_root.empty()) in.FailAt(key, "needs a media folder (ROLLCALL_MEDIA)");
    return source_.media_root / text.substr(kMediaVariable.size());
  }

  ShotSpec ReadShot(const toml::table& table) {
    TableReader in(table, "[[shot]]", mistakes_);
    ShotSpec shot;
    shot.line = in.line();
    if (in.Has("frames") == in.Has("duration_s")) {
      in.Fail("[[shot]] needs one of `frames` and `duration_s`");
    }
    if (in.Has("frames")) shot.frames = in.Integer("frames", 1, {1, 1e7});
    shot.duration = FromSeconds(in.Number("duration_s", 0, {0.001, kSecondsMost}));
    ReadColours(in, shot);
    shot.light = in.Number("light", 1, kLight);
    shot.light_to = in.Number("light_to", shot.light, kLight);
    ReadFlicker(in, shot);
    for (const toml::table* picture : in.Tables("picture")) {
      shot.pictures.push_back(ReadPicture(*picture));
    }
    in.NoOthers();
    return shot;
  }

  static void ReadFlicker(TableReader& in, ShotSpec& shot) {
    const std::vector<double> numbers = in.Numbers("flicker", 3, {0, 250});
    if (numbers.empty()) return;
    shot.flicker = Flicker{.bright_frames = static_cast<int>(numbers[0]),
                           .dark_frames = static_cast<int>(numbers[1]),
                           .light = numbers[2]};
    if (numbers[0] < 1 || numbers[1] < 1 || numbers[2] > 1) {
      in.FailAt("flicker", "must be bright frames, dark frames and the light of these, 0 to 1");
    }
  }

  static void ReadColours(TableReader& in, ShotSpec& shot) {
    const std::vector<std::string> texts = in.Texts("colour");
    if (texts.size() > 2) in.FailAt("colour", "must be one colour, or two: top and bottom");
    for (std::size_t i = 0; i < 2 && !texts.empty(); ++i) {
      const std::string& text = texts[i < texts.size() ? i : 0];
      std::uint32_t rgb = 0;
      const char* end = text.data() + text.size();
      if (text.size() != 7 || text[0] != '#' ||
          std::from_chars(text.data() + 1, end, rgb, 16).ptr != end) {
        in.FailAt("colour", "must be like \"#30506f\"");
      }
      for (std::size_t k = 0; k < 3; ++k) {
        shot.colours[i][k] = static_cast<std::uint8_t>(rgb >> (16 - 8 * k) & 0xff);
      }
    }
  }

  PictureSpec ReadPicture(const toml::table& table) {
    TableReader in(table, "[[shot.picture]]", mistakes_);
    PictureSpec picture;
    picture.line = in.line();
    if (in.Has("portrait") + in.Has("image") + in.Has("clip") != 1) {
      in.Fail("[[shot.picture]] needs one of `portrait`, `image` and `clip`");
    }
    ReadSource(in, picture);
    if (in.Has("crop")) picture.crop = ReadRegion(in, "crop");
    picture.crop_to = ReadRegion(in, "crop_to");
    if (picture.crop_to && !picture.crop) in.FailAt("crop_to", "needs `crop`");
    ReadPlace(in, picture);
    ReadLook(in, picture);
    in.NoOthers();
    return picture;
  }

  static void ReadLook(TableReader& in, PictureSpec& picture) {
    const auto pair = [&in](std::string_view key, TableReader::Range range,
                            std::array<double, 2> otherwise) {
      const std::vector<double> numbers = in.Numbers(key, 2, range);
      return numbers.empty() ? otherwise : std::array<double, 2>{numbers[0], numbers[1]};
    };
    picture.opacity = pair("opacity", {0, 1}, {1, 1});
    picture.turn = pair("turn", kTurnDegrees, {0, 0});
    const bool is_one_face = picture.people.size() == 1 && picture.people[0].face;
    if (in.Has("turn") && !is_one_face) in.FailAt("turn", "needs one person with a `face`");
    picture.may_cover = in.Flag("may_cover", false);
  }

  void ReadSource(TableReader& in, PictureSpec& picture) {
    if (in.Has("portrait")) {
      const auto found = portraits_.find(in.Text("portrait", {}));
      if (found == portraits_.end()) {
        in.FailAt("portrait", "is not the name of a [[portrait]]");
        return;
      }
      picture.source = found->second.source;
      picture.crop = found->second.crop;
      picture.people = {found->second.person};
      return;
    }
    picture.is_clip = in.Has("clip");
    picture.source = ReadPath(in, picture.is_clip ? "clip" : "image");
    if (picture.is_clip) picture.clip_start = FromSeconds(in.Number("start_s", 0, {0, 1e6}));
    for (const toml::table* table : in.Tables("people")) {
      TableReader person(*table, "people", mistakes_);
      picture.people.push_back({.id = person.Text("id", {}), .face = ReadRegion(person, "face")});
      if (picture.people.back().id.empty()) person.Fail("a person needs an `id`");
      if (!picture.people.back().face) person.Fail("one of several people needs a `face`");
      person.NoOthers();
    }
    if (in.Has("id")) {
      if (!picture.people.empty()) in.FailAt("id", "and `people` exclude each other");
      picture.people = {{.id = in.Text("id", {}), .face = ReadRegion(in, "face")}};
    }
  }

  static void ReadPlace(TableReader& in, PictureSpec& picture) {
    picture.window = ToRegion(in.Numbers("window", 4, kFraction));
    const bool moves_over_frame =
        in.Has("at") || in.Has("height") || in.Has("to") || in.Has("height_to");
    if (in.Has("window") == moves_over_frame) {
      in.Fail("a picture needs a `window`, or a place by `at` and `height`");
    }
    if (picture.crop_to && !picture.window) in.FailAt("crop_to", "needs a `window`");
    const auto place = [&in](std::string_view at, std::string_view height, Placement placement) {
      const std::vector<double> centre = in.Numbers(at, 2, kFraction);
      if (!centre.empty()) {
        placement.centre_x = centre[0];
        placement.centre_y = centre[1];
      }
      placement.height = in.Number(height, placement.height, {0.02, 8});
      return placement;
    };
    picture.from = place("at", "height", {});
    picture.to = place("to", "height_to", picture.from);
  }

  const SpecSource& source_;
  Mistakes mistakes_;
  std::map<std::string, Portrait, std::less<>> portraits_;
};

}  // namespace

base::Result<EpisodeSpec> ParseSpec(std::string_view text, const SpecSource& source) {
  return SpecReader(source).Read(text);
}

base::Result<EpisodeSpec> LoadSpec(const std::filesystem::path& path,
                                   const std::filesystem::path& media_root) {
  ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(path));
  return ParseSpec(
      text,
      {.name = path.filename().string(), .folder = path.parent_path(), .media_root = media_root});
}

}  // namespace rollcall::compose
