#include "pipeline/frame_examination.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <utility>

#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::pipeline {
namespace {

using std::chrono::milliseconds;

// What one frame of the fake video shows.
struct Scene {
  std::int64_t ms = 0;
  std::vector<float> faces_x{};  // Left edges of faces of 100 px.
  std::uint8_t grey = 100;       // A leap of it is a cut.
  bool is_damaged = false;
};

class SceneFrame final : public media::Frame {
 public:
  explicit SceneFrame(Scene scene) : scene_(std::move(scene)) {}

  int width() const override { return 1'920; }
  int height() const override { return 1'080; }
  base::Result<domain::Image> Render(const domain::PixelBox& /*region*/,
                                     RenderTarget target) const override {
    const auto bytes = static_cast<std::size_t>(target.width) *
                       static_cast<std::size_t>(target.height) *
                       (target.format == domain::PixelFormat::kGray8 ? 1 : 3);
    return domain::Image{.width = target.width,
                         .height = target.height,
                         .format = target.format,
                         .pixels = std::vector<std::uint8_t>(bytes, scene_.grey)};
  }
  std::int64_t frame_id() const override { return scene_.ms / 40; }
  domain::MediaTime pts() const override { return milliseconds{scene_.ms}; }
  bool is_damaged() const override { return scene_.is_damaged; }
  const Scene& scene() const { return scene_; }

 private:
  Scene scene_;
};

base::Error Broken(const std::string& what) {
  return domain::MakeError(domain::reason::kInternal, what + " is broken");
}

// What the fakes saw, and where they are to fail.
struct Script {
  std::vector<Scene> scenes;
  std::size_t reader_fails_at = 1'000'000;  // Frames that it gives before.
  std::int64_t detector_fails_at_ms = -1;
  bool embedder_fails = false;

  std::atomic<std::int64_t> given{0};     // Frames, by the reader.
  std::atomic<std::int64_t> returned{0};  // By the examination.
  std::atomic<std::int64_t> ahead_most{0};
  base::Mutex mutex;
  std::map<std::int64_t, int> looks ROLLCALL_GUARDED_BY(mutex);  // Detector's, per ms.
};

class SceneReader final : public media::FrameReader {
 public:
  explicit SceneReader(Script& script) : script_(script) {}

  base::Result<std::unique_ptr<media::Frame>> Next() override {
    if (next_ == script_.reader_fails_at) return Broken("the reader");
    if (next_ == script_.scenes.size()) return std::unique_ptr<media::Frame>();
    const std::int64_t ahead = ++script_.given - script_.returned;
    if (ahead > script_.ahead_most) script_.ahead_most = ahead;  // One thread reads.
    return std::unique_ptr<media::Frame>(std::make_unique<SceneFrame>(script_.scenes[next_++]));
  }
  std::int64_t failed_reads() const override { return 0; }

 private:
  Script& script_;
  std::size_t next_ = 0;
};

class SceneDetector final : public vision::FaceDetector {
 public:
  explicit SceneDetector(Script& script) : script_(script) {}

  const std::string& name() const override { return name_; }
  base::Result<std::vector<vision::FaceCandidate>> Detect(const domain::Picture& picture,
                                                          const domain::PixelBox& region) override {
    const Scene& scene = dynamic_cast<const SceneFrame&>(picture).scene();
    if (scene.ms == script_.detector_fails_at_ms) return Broken("the detector");
    {
      base::MutexLock lock(script_.mutex);
      ++script_.looks[scene.ms];
    }
    std::vector<vision::FaceCandidate> faces;
    for (const float x : scene.faces_x) {
      const domain::PixelBox box{x, 100, x + 100, 200};
      if (x >= region.x1 && box.x2 <= region.x2 && box.y2 <= region.y2 && region.y1 <= 100) {
        faces.push_back({.box = box, .score = 0.9F, .landmarks = {}});
      }
    }
    return faces;
  }

 private:
  Script& script_;
  std::string name_ = "scenes";
};

class SureLandmarker final : public vision::FaceLandmarker {
 public:
  const std::string& name() const override { return name_; }
  base::Result<vision::LocatedLandmarks> Locate(const domain::Picture& /*picture*/,
                                                const domain::PixelBox& face) override {
    const auto at = [&](float x, float y) {
      return domain::PixelPoint{face.x1 + x * face.width(), face.y1 + y * face.height()};
    };
    return vision::LocatedLandmarks{.points = {at(0.3F, 0.4F), at(0.7F, 0.4F), at(0.5F, 0.6F),
                                               at(0.35F, 0.8F), at(0.65F, 0.8F)},
                                    .plausibility = 1};
  }

 private:
  std::string name_ = "sure";
};

class ConstantEmbedder final : public vision::FaceEmbedder {
 public:
  explicit ConstantEmbedder(Script& script) : script_(script) {}

  const std::string& name() const override { return name_; }
  int dimension() const override { return 4; }
  base::Result<std::vector<vision::FaceVector>> Embed(
      std::span<const domain::Image> aligned) override {
    if (script_.embedder_fails) return Broken("the embedder");
    return std::vector<vision::FaceVector>(aligned.size(),
                                           {.embedding = {1, 0, 0, 0}, .raw_norm = 4});
  }

 private:
  Script& script_;
  std::string name_ = "constant";
};

// A sample every 100 ms, all with the same faces.
std::vector<Scene> ScenesOf(std::int64_t from_ms, std::int64_t to_ms,
                            const std::vector<float>& faces_x) {
  std::vector<Scene> scenes;
  for (std::int64_t ms = from_ms; ms < to_ms; ms += 100) {
    scenes.push_back({.ms = ms, .faces_x = faces_x});
  }
  return scenes;
}

class FrameExaminationTest : public ::testing::Test {
 protected:
  std::unique_ptr<FrameExamination> Start(FrameExamination::Options options, int threads = 2) {
    std::vector<std::unique_ptr<FaceExaminer>> examiners;
    for (int i = 0; i < threads; ++i) {
      examiners.push_back(std::make_unique<FaceExaminer>(
          std::make_unique<SceneDetector>(script_), std::make_unique<SureLandmarker>(),
          std::make_unique<ConstantEmbedder>(script_), ExaminerOptions{}));
    }
    return std::make_unique<FrameExamination>(std::make_unique<SceneReader>(script_),
                                              std::move(examiners), options);
  }

  // Everything that comes out.
  base::Result<std::vector<ExaminedFrame>> All(FrameExamination::Options options = {},
                                               int threads = 2) {
    const auto examination = Start(options, threads);
    std::vector<ExaminedFrame> frames;
    while (true) {
      ROLLCALL_TRY_ASSIGN(std::optional<ExaminedFrame> frame, examination->Next());
      if (!frame) return frames;
      ++script_.returned;
      frames.push_back(*std::move(frame));
    }
  }

  // When something holds of a frame, in milliseconds.
  template <typename Holds>
  static std::vector<std::int64_t> Times(const std::vector<ExaminedFrame>& frames, Holds holds) {
    std::vector<std::int64_t> times;
    for (const ExaminedFrame& frame : frames) {
      if (holds(frame)) times.push_back(domain::ToMillis(frame.pts));
    }
    return times;
  }
  static bool IsEmbedded(const ExaminedFrame& frame) {
    return std::ranges::any_of(frame.detections, [](const domain::Detection& detection) {
      return !detection.embedding.empty();
    });
  }
  static bool IsCropped(const ExaminedFrame& frame) { return !frame.crops.empty(); }
  static bool IsCut(const ExaminedFrame& frame) { return frame.shot.is_cut; }

  std::vector<std::int64_t> TimesWithTiles() {
    base::MutexLock lock(script_.mutex);
    std::vector<std::int64_t> times;
    for (const auto& [ms, looks] : script_.looks) {
      if (looks == 5) times.push_back(ms);  // The whole picture and 2×2 tiles.
    }
    return times;
  }

  Script script_;
};

using TimesMs = std::vector<std::int64_t>;

TEST_F(FrameExaminationTest, ComesInOrderWithItsOwnFacesWhateverTheThreads) {
  for (std::int64_t ms = 0; ms < 6'000; ms += 100) {
    Scene scene{.ms = ms, .faces_x = {}, .is_damaged = ms % 1'700 == 0};
    for (std::int64_t i = 0; i < ms / 100 % 4; ++i) {
      scene.faces_x.push_back(static_cast<float>(ms / 100 + 300 * i));
    }
    script_.scenes.push_back(scene);
  }
  std::string first;
  for (const int threads : {1, 2, 5}) {
    const auto frames = All({}, threads).value();
    ASSERT_EQ(frames.size(), script_.scenes.size());
    std::string trace;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const ExaminedFrame& frame = frames[i];
      const Scene& scene = script_.scenes[i];
      EXPECT_EQ(domain::ToMillis(frame.pts), scene.ms);
      EXPECT_EQ(frame.frame_id, scene.ms / 40);
      EXPECT_EQ(frame.is_damaged, scene.is_damaged);
      ASSERT_EQ(frame.detections.size(), scene.faces_x.size());
      for (const domain::Detection& detection : frame.detections) {
        EXPECT_EQ(detection.frame_id, frame.frame_id);
        EXPECT_EQ(detection.pts, frame.pts);
        trace += fmt::format("{} {} {} {}\n", scene.ms, detection.index, detection.box.x1,
                             detection.embedding.size());
      }
      for (const domain::FaceCrop& crop : frame.crops) {
        EXPECT_EQ(crop.frame_id, frame.frame_id);
        trace += fmt::format("{} crop {} {}\n", scene.ms, crop.index, base::Sha256(crop.jpeg));
      }
    }
    if (first.empty()) first = trace;
    EXPECT_EQ(trace, first) << threads << " threads";
  }
}

TEST_F(FrameExaminationTest, NoFrameIsTheEndAtOnceAndStaysIt) {
  const auto examination = Start({});
  EXPECT_FALSE(examination->Next().value());
  EXPECT_FALSE(examination->Next().value());
}

struct SearchCase {
  std::string name;
  FrameExamination::Options options;
  TimesMs with_tiles;
};

class FrameSearchTest : public FrameExaminationTest,
                        public ::testing::WithParamInterface<SearchCase> {};

// Three seconds with a cut at 1.5 s. Tiles are looked at at shot starts, at the beginning of a
// segment and once a second.
TEST_P(FrameSearchTest, LooksAtTilesWhereItIsWorthIt) {
  script_.scenes = ScenesOf(0, 3'000, {});
  for (Scene& scene : script_.scenes) scene.grey = scene.ms < 1'500 ? 20 : 220;
  ASSERT_TRUE(All(GetParam().options).ok());
  EXPECT_EQ(TimesWithTiles(), GetParam().with_tiles);
}

INSTANTIATE_TEST_SUITE_P(
    Efforts, FrameSearchTest,
    ::testing::Values(
        SearchCase{"Normal", {.policy = {}}, {0, 1'000, 1'500, 2'500}},
        SearchCase{"Full", {.effort = Effort::kFull, .policy = {}}, {0, 1'000, 1'500, 2'500}},
        SearchCase{"Draft", {.effort = Effort::kDraft, .policy = {}}, {}},
        SearchCase{"ADetectorThatNeedsNone", {.with_tiles = false, .policy = {}}, {}},
        SearchCase{"HalfASecond",
                   {.tiles_every = milliseconds{500}, .policy = {}},
                   {0, 500, 1'000, 1'500, 2'000, 2'500}},
        SearchCase{"SegmentsOfEightTenths",
                   {.segment = milliseconds{800}, .policy = {}},
                   {0, 800, 1'500, 1'600, 2'400}}),
    [](const auto& row) { return row.param.name; });

struct PolicyCase {
  std::string name;
  FrameExamination::Options options;
  TimesMs embedded;
  TimesMs cropped;
};

class FramePolicyTest : public FrameExaminationTest,
                        public ::testing::WithParamInterface<PolicyCase> {};

// A face that stands still for 2.5 s: an embedding at once and then once a second, a crop of each
// and twice a second.
TEST_P(FramePolicyTest, EmbedsAndCropsWhereItIsWorthIt) {
  script_.scenes = ScenesOf(0, 2'500, {500});
  const auto frames = All(GetParam().options).value();
  EXPECT_EQ(Times(frames, IsEmbedded), GetParam().embedded);
  EXPECT_EQ(Times(frames, IsCropped), GetParam().cropped);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, FramePolicyTest,
    ::testing::Values(
        PolicyCase{"AsTheyAre", {.policy = {}}, {0, 1'000, 2'000}, {0, 500, 1'000, 1'500, 2'000}},
        // What is known of a face is forgotten at a segment's border.
        PolicyCase{"SegmentsOfOneAndAHalfSeconds",
                   {.segment = milliseconds{1'500}, .policy = {}},
                   {0, 1'000, 1'500},
                   {0, 500, 1'000, 1'500, 2'000}},
        PolicyCase{"CropsOnceASecond",
                   {.policy = {.crop_every = milliseconds{1'000}}},
                   {0, 1'000, 2'000},
                   {0, 1'000, 2'000}}),
    [](const auto& row) { return row.param.name; });

TEST_F(FrameExaminationTest, FullEmbedsEveryFaceOfEveryFrame) {
  script_.scenes = ScenesOf(0, 1'000, {300, 700});
  const auto frames = All({.effort = Effort::kFull, .policy = {}}).value();
  for (const ExaminedFrame& frame : frames) {
    ASSERT_EQ(frame.detections.size(), 2U);
    for (const domain::Detection& detection : frame.detections) {
      EXPECT_EQ(detection.embedding.size(), 4U);
    }
    EXPECT_EQ(frame.crops.size(), 2U);
  }
}

TEST_F(FrameExaminationTest, ACutIsSaidOfTheFirstFrameOfAShot) {
  script_.scenes = ScenesOf(0, 2'000, {});
  for (Scene& scene : script_.scenes) scene.grey = scene.ms < 900 ? 20 : 220;
  EXPECT_EQ(Times(All().value(), IsCut), TimesMs{900});
}

TEST_F(FrameExaminationTest, BehindAGapTheFirstFrameBeginsAShot) {
  script_.scenes = ScenesOf(0, 500, {});
  EXPECT_EQ(Times(All({.begins_after_gap = true, .policy = {}}).value(), IsCut), TimesMs{0});
}

TEST_F(FrameExaminationTest, WithoutContextTheFirstFrameIsNoCut) {
  script_.scenes = ScenesOf(0, 500, {});
  EXPECT_TRUE(Times(All().value(), IsCut).empty());
}

struct FailureCase {
  std::string name{};
  std::size_t reader_fails_at = 1'000'000;
  std::int64_t detector_fails_at_ms = -1;
  bool embedder_fails = false;
  std::string message{};
};

class FrameFailureTest : public FrameExaminationTest,
                         public ::testing::WithParamInterface<FailureCase> {};

TEST_P(FrameFailureTest, EndsTheExaminationAndIsSaid) {
  script_.scenes = ScenesOf(0, 5'000, {500});
  script_.reader_fails_at = GetParam().reader_fails_at;
  script_.detector_fails_at_ms = GetParam().detector_fails_at_ms;
  script_.embedder_fails = GetParam().embedder_fails;
  const auto frames = All();
  ASSERT_FALSE(frames.ok());
  EXPECT_EQ(frames.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Parts, FrameFailureTest,
                         ::testing::Values(FailureCase{.name = "ReaderAtOnce",
                                                       .reader_fails_at = 0,
                                                       .message = "the reader is broken"},
                                           FailureCase{.name = "ReaderLater",
                                                       .reader_fails_at = 20,
                                                       .message = "the reader is broken"},
                                           FailureCase{.name = "Detector",
                                                       .detector_fails_at_ms = 3'000,
                                                       .message = "the detector is broken"},
                                           FailureCase{.name = "Embedder",
                                                       .embedder_fails = true,
                                                       .message = "the embedder is broken"}),
                         [](const auto& row) { return row.param.name; });

TEST_F(FrameExaminationTest, ReadsNoFurtherAheadThanItMay) {
  script_.scenes = ScenesOf(0, 20'000, {500});
  ASSERT_TRUE(All({.frames_in_flight = 3, .policy = {}}).ok());
  // Three in flight, one in the reader's hands, one returned that we have not counted yet.
  EXPECT_LE(script_.ahead_most.load(), 5);
}

TEST_F(FrameExaminationTest, CanBeLeftInTheMiddleAndGivesItsExaminersBack) {
  script_.scenes = ScenesOf(0, 20'000, {500});
  const auto examination = Start({.frames_in_flight = 2, .policy = {}}, 3);
  ASSERT_TRUE(examination->Next().value());
  EXPECT_EQ(examination->Release().size(), 3U);
}

}  // namespace
}  // namespace rollcall::pipeline
