#include <gmock/gmock.h>

#include <cstdlib>

#include "fixture.h"

namespace rollcall::e2e {
namespace {

using base::Json;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr const char* kPoisonedJob = "analyze_a_s01_e01";
constexpr const char* kReport = "outputs/a_s01_e01/report.json";

struct Stretch {
  double start_ms = 0;
  double end_ms = 0;
};

// The parts of a person's appearances that lie outside of `gap`.
std::vector<Stretch> SeenOutside(const Json& person, Stretch gap) {
  std::vector<Stretch> outside;
  for (const Json& seen : person.at("seen")) {
    const Stretch whole{seen.at("start_ms"), seen.at("end_ms")};
    const Stretch before{whole.start_ms, std::min(whole.end_ms, gap.start_ms)};
    const Stretch behind{std::max(whole.start_ms, gap.end_ms), whole.end_ms};
    for (const Stretch& part : {before, behind}) {
      if (part.end_ms > part.start_ms) outside.push_back(part);
    }
  }
  return outside;
}

// To a sample: what happens at a border may hide a face for as long.
bool AreAlike(const std::vector<Stretch>& a, const std::vector<Stretch>& b) {
  constexpr double kSampleMs = 101;
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](Stretch x, Stretch y) {
    return std::abs(x.start_ms - y.start_ms) <= kSampleMs &&
           std::abs(x.end_ms - y.end_ms) <= kSampleMs;
  });
}

std::string Describe(const std::vector<Stretch>& stretches) {
  std::string text;
  for (const Stretch& each : stretches) {
    text += " " + std::to_string(each.start_ms) + "–" + std::to_string(each.end_ms);
  }
  return text;
}

// A video of which segment 1, 00:00:10–00:00:20, ends every worker.
class PoisonTest : public RollcallTest {
 protected:
  PoisonTest() {
    poisoned_ = env_;
    poisoned_["ROLLCALL_FAIL"] = "detect.segment.1:0:abort";
    poisoned_["ROLLCALL_FAIL_COUNT"] = (folder_ / "hits").string();
  }
  Ended Analyze(const Command::Environment& environment, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"analyze", video_.string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunCommand(std::move(arguments), environment);
  }
  std::string CrashCount() const {
    return std::to_string(std::filesystem::file_size(folder_ / "hits"));
  }
  std::vector<std::string> EventKinds() {
    std::vector<std::string> kinds;
    const Ended shown = Rollcall({"jobs", "show", kPoisonedJob, "--json"});
    const Json answer = base::ParseJson(shown.out, "job").value();
    for (const Json& event : answer.at("events")) kinds.push_back(event.at("kind"));
    return kinds;
  }

  std::filesystem::path video_ = Video("a_s01_e01.mp4");
  Command::Environment poisoned_;
};

TEST_F(PoisonTest, ASegmentThatEndsEveryWorkerIsSkippedOnRequestAndRecorded) {
  Command::Environment other = env_;
  other["ROLLCALL_DATA"] = (folder_ / "undisturbed").string();
  ASSERT_EQ(Analyze(other).exit, 0);
  const auto data = data_;
  data_ = folder_ / "undisturbed";
  const Json whole = ReadJson(kReport);
  auto whole_results = Results("a_s01_e01");
  data_ = data;
  EXPECT_EQ(whole["coverage"]["gaps"], Json::array());

  const Ended failed = Analyze(poisoned_);
  EXPECT_EQ(failed.exit, 5) << failed.out << failed.err;
  EXPECT_EQ(CrashCount(), "2");
  EXPECT_THAT(failed.err, HasSubstr("ERR_POISON_SEGMENT"));
  EXPECT_THAT(failed.err, HasSubstr("segment 1 of the video (00:00:10–00:00:20)"));
  EXPECT_THAT(failed.err, HasSubstr("rollcall jobs resume 1 --skip-poison"));
  const Ended diagnosis = Rollcall({"jobs", "diagnose", kPoisonedJob});
  EXPECT_THAT(diagnosis.out, HasSubstr("--skip-poison` goes on behind 00:00:10–00:00:20"));

  const Ended skipped = RunCommand({"jobs", "resume", kPoisonedJob, "--skip-poison"}, poisoned_);
  ASSERT_EQ(skipped.exit, 0) << skipped.out << skipped.err;
  EXPECT_EQ(CrashCount(), "2") << "it was begun again";
  EXPECT_THAT(skipped.out, HasSubstr("warning: 00:00:10–"));
  EXPECT_THAT(EventKinds(), Contains("segment_skipped"));
  EXPECT_THAT(ReadText("jobs/detect_a_s01_e01/log"), HasSubstr("segment 1 skipped on request"));

  const Json report = ReadJson(kReport);
  const Json gaps = report["coverage"]["gaps"];
  ASSERT_EQ(gaps.size(), 1U) << gaps;
  EXPECT_EQ(gaps[0]["start_ms"], 10'000);
  EXPECT_GE(gaps[0]["end_ms"].get<int>(), 20'000);
  EXPECT_LT(gaps[0]["end_ms"], report["video"]["duration_ms"]) << "nothing left to compare";
  EXPECT_EQ(gaps[0]["reason"], "ERR_POISON_SEGMENT");
  EXPECT_THAT(report["warnings"].dump(), HasSubstr("was not looked at"));
  EXPECT_EQ(ReadJson("harvest/a_s01_e01/det_stats.json")["gaps"], gaps);
  const Json meta = ReadJson("jobs/detect_a_s01_e01/meta.json");
  EXPECT_EQ(meta["stages"]["detect"]["result"]["gaps"], gaps);

  // Outside of the gap everybody is there when they are there; inside nobody is.
  const Stretch gap{gaps[0]["start_ms"], gaps[0]["end_ms"]};
  int compared = 0;
  for (const Json& person : whole["people"]) {
    const auto wanted = SeenOutside(person, gap);
    if (wanted.empty()) continue;
    ++compared;
    const bool is_there =
        std::any_of(report["people"].begin(), report["people"].end(),
                    [&](const Json& each) { return AreAlike(SeenOutside(each, gap), wanted); });
    EXPECT_TRUE(is_there) << person["name"] << Describe(wanted);
  }
  EXPECT_GE(compared, 4);
  for (const Json& person : report["people"]) {
    for (const char* list : {"seen", "intervals"}) {
      for (const Json& each : person[list]) {
        EXPECT_TRUE(each["end_ms"] <= gap.start_ms || each["start_ms"] >= gap.end_ms)
            << person["name"] << " " << each;
      }
    }
  }

  // The finished result is not done again, and does not pass for a whole one.
  const Ended again = Analyze(env_);
  EXPECT_EQ(again.exit, 0);
  EXPECT_THAT(again.out, HasSubstr("without 00:00:10–"));
  EXPECT_THAT(again.out, HasSubstr("warning: 00:00:10–"));
  const Ended refused = Rollcall({"jobs", "resume", kPoisonedJob, "--skip-poison"});
  EXPECT_NE(refused.exit, 0);
  EXPECT_THAT(refused.err, HasSubstr("ERR_NOTHING_TO_SKIP"));

  // --force makes it whole.
  ASSERT_EQ(Analyze(env_, {"--force"}).exit, 0);
  const auto is_named = [](const auto& result) { return result.first.starts_with("outputs/"); };
  // People keep the numbers that they got when a part was left out.
  auto made_whole = Results("a_s01_e01");
  std::erase_if(made_whole, is_named);
  std::erase_if(whole_results, is_named);
  EXPECT_EQ(made_whole, whole_results);
}

}  // namespace
}  // namespace rollcall::e2e
