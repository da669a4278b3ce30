#include "cli/queue_display.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "cli/queue_lines.h"
#include "cli/queue_report.h"
#include "cli/testing/sample_queue.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using api::JobView;
using std::chrono::milliseconds;
using testing::EndedJob;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::JobAt;
using ::testing::Not;
using testing::OnceDoneJob;
using testing::QueueOf;
using testing::WaitingJob;

using QueueMoment = QueueDisplay::Moment;

TEST(QueueTextTest, RoundsATimeThatNobodyKnowsToTheSecond) {
  for (const auto& [time_s, text] :
       std::vector<std::pair<double, std::string>>{{0.2, "1 s"},
                                                   {89, "89 s"},
                                                   {95, "2 min"},
                                                   {41.4 * 60, "41 min"},
                                                   {200 * 60, "3 h 20 min"},
                                                   {180 * 60, "3 h"},
                                                   {25 * 3600 + 1900, "26 h"}}) {
    EXPECT_EQ(RoughDuration(time_s), text);
  }
}

TEST(QueueTextTest, SaysHowTheWholeIs) {
  VideoQueue queue = QueueOf(4);
  EXPECT_EQ(WholeText(queue), "0 of 4 done, looking at video 1 of 4");
  queue.OnStarted(0, WaitingJob(1), true);
  queue.OnFailed(1, domain::MakeError(domain::reason::kKeyTaken, "x"));
  queue.OnSame(2, 0);
  queue.OnStarted(3, WaitingJob(4), true);
  EXPECT_EQ(WholeText(queue), "0 of 3 done, 1 failed, starting");
  queue.OnShown(OnceDoneJob(1, 2'395));
  EXPECT_EQ(WholeText(queue), "1 of 3 done (1 before), 1 failed, about 40 min left (at most 75)");
  queue.OnShown(EndedJob(4, 100));
  EXPECT_EQ(WholeText(queue), "2 of 3 done (1 before), 1 failed");
}

TEST(QueueTextTest, DrawsWhatIsWorkedOnAndTheWholeInEveryWidth) {
  VideoQueue queue = QueueOf(3, 2);
  queue.OnStarted(0, JobAt(1, 0.5, 950), true);
  JobView second = JobAt(2, 0, 100);
  second.stages[1].is_stalled = true;
  second.stages[1].eta_p50_s.reset();
  queue.OnStarted(1, second, true);
  queue.OnStarted(2, WaitingJob(3), true);
  const auto lines = QueueLines(queue, {.is_tty = true, .is_coloured = false, .width = 80}, 62);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_THAT(lines[0], HasSubstr("● e1.mp4  detect    ━━━━"));
  EXPECT_THAT(lines[0], HasSubstr(" 50%"));
  EXPECT_THAT(lines[2], HasSubstr("stalled: no progress for"));
  EXPECT_THAT(lines[3], HasSubstr("  0 of 3 done, about "));
  EXPECT_THAT(lines[3], EndsWith("  1:02"));
  for (int width = 40; width <= 200; width += 7) {
    for (const auto& line :
         QueueLines(queue, {.is_tty = true, .is_coloured = true, .width = width}, 62)) {
      EXPECT_LE(DisplayWidth(line), width) << line;
    }
  }
}

TEST(QueueTextTest, ManyWorkersDoNotFillTheWindow) {
  VideoQueue queue = QueueOf(20, 20);
  for (std::size_t i = 0; i < 20; ++i) {
    queue.OnStarted(i, JobAt(static_cast<std::int64_t>(i) + 1, 0.5, 100), true);
  }
  const auto lines = QueueLines(queue, {.is_tty = true, .is_coloured = false, .width = 80}, 1);
  EXPECT_EQ(lines.size(), 10U);
  EXPECT_THAT(lines[8], HasSubstr("and 12 more"));
}

TEST(QueueTextTest, ALineOfWhatHasEndedFitsEveryWidth) {
  VideoQueue queue = QueueOf(1);
  queue.OnFailed(0, domain::MakeError(domain::reason::kInternal, std::string(300, 'x')));
  for (int width = 40; width <= 200; width += 7) {
    EXPECT_LE(DisplayWidth(EndedLine(queue, 0, {.is_coloured = true, .width = width})), width);
  }
}

// What a display has written so far.
class QueueDisplayTest : public ::testing::Test {
 protected:
  std::string Written() { return std::exchange(written_, {}); }
  QueueMoment At(double after_s) const {
    return start_ + milliseconds(static_cast<int>(after_s * 1000));
  }

  std::string written_;
  const QueueDisplay::Write write_ = [this](std::string_view text) { written_ += text; };
  const QueueMoment start_ = QueueMoment{} + std::chrono::hours{1};
};

TEST_F(QueueDisplayTest, PlainLinesSayEachBeginningAndEndAndTheWholeOnceAMinute) {
  PlainQueue display(write_, start_);
  VideoQueue queue = QueueOf(2);
  queue.OnStarted(0, JobAt(1, 0.1, 1'000), true);
  display.Show(queue, At(1));
  EXPECT_EQ(Written(), "1/2 e1.mp4: detect: begun\n");
  queue.OnStarted(1, WaitingJob(2), true);
  display.Show(queue, At(2));
  EXPECT_THAT(Written(), HasSubstr("0 of 2 done, about "));  // Known now.
  display.Show(queue, At(5));
  EXPECT_THAT(Written(), IsEmpty());
  display.Show(queue, At(11));
  EXPECT_THAT(Written(), HasSubstr("1/2 e1.mp4: detect: 10%, 1000/10000 frames"));
  display.Show(queue, At(63));
  EXPECT_THAT(Written(), HasSubstr("0 of 2 done, about "));
  queue.OnShown(EndedJob(1, 1'000));
  display.Show(queue, At(64));
  EXPECT_THAT(Written(), IsEmpty());  // Before its own line nothing counts it.
  display.TellEnded(queue, 0);
  display.Show(queue, At(64));
  EXPECT_EQ(Written(),
            "1/2 e1.mp4: 5 people in 42:10, took 16:45\n"
            "1 of 2 done, about 17 min left (at most 32)\n");
}

TEST_F(QueueDisplayTest, PlainLinesTellAFullDiskAtOnce) {
  PlainQueue display(write_, start_);
  VideoQueue queue = QueueOf(1);
  JobView job = JobAt(1, 0.1, 1'000);
  queue.OnStarted(0, job, true);
  display.Show(queue, At(1));
  Written();
  job.troubles = {domain::MakeError(domain::reason::kDiskFull, "full")};
  queue.OnShown(job);
  display.Show(queue, At(2));
  EXPECT_THAT(Written(), HasSubstr("paused: ERR_DISK_FULL"));
  job.troubles.clear();
  queue.OnShown(job);
  display.Show(queue, At(3));
  EXPECT_THAT(Written(), HasSubstr(" left (at most "));
}

TEST_F(QueueDisplayTest, PlainLinesTellATroubleWhenItComes) {
  PlainQueue display(write_, start_);
  VideoQueue queue = QueueOf(1);
  JobView job = JobAt(1, 0.1, 1'000);
  queue.OnStarted(0, job, true);
  display.Show(queue, At(1));
  Written();
  job.stages[1].attempt = 2;
  queue.OnShown(job);
  display.Show(queue, At(2));
  EXPECT_EQ(Written(), "1/1 e1.mp4: detect: restarted, attempt 2\n");
  display.Show(queue, At(3));
  EXPECT_THAT(Written(), IsEmpty());
}

TEST_F(QueueDisplayTest, TheLiveBlockKeepsWhatHasEndedAboveIt) {
  LiveQueue display([] { return Terminal{.is_tty = true, .is_coloured = true, .width = 80}; },
                    write_, start_);
  VideoQueue queue = QueueOf(2);
  queue.OnStarted(0, JobAt(1, 0.5, 100), true);
  queue.OnStarted(1, OnceDoneJob(2, 100), true);
  display.Show(queue, At(1));
  EXPECT_THAT(Written(), HasSubstr("detect"));
  display.Show(queue, At(1.1));
  EXPECT_THAT(Written(), IsEmpty());  // No more than five times a second.
  // Two hundred of these would push everything else out of the window.
  display.TellEnded(queue, 1);
  EXPECT_THAT(Written(), IsEmpty());
  queue.OnShown(EndedJob(1, 100));
  display.TellEnded(queue, 0);
  const std::string note = Written();
  EXPECT_THAT(note, HasSubstr("\x1b[2A\r\x1b[J"));
  EXPECT_THAT(note, HasSubstr("e1.mp4"));
  display.Show(queue, At(1.11));
  EXPECT_THAT(Written(), Not(IsEmpty()));  // Drawn again at once, below.
  display.End();
  EXPECT_EQ(Written(), "\x1b[1A\r\x1b[J");
}

TEST(QueueReportTest, HasALineForEachAndFitsIntoTheTerminal) {
  std::vector<VideoFile> files;
  for (const std::string& name : {std::string(70, 'n') + ".mp4", std::string("e2.mp4")}) {
    files.push_back({.path = "/v/" + name, .name = name, .bytes = 1});
  }
  VideoQueue queue(std::move(files), 1);
  queue.OnStarted(0, EndedJob(1, 3'600), true);
  queue.OnFailed(1, domain::MakeError(domain::reason::kVideoUnreadable, "x"));
  const std::string table = QueueTable(queue, Paint(false), 80);
  EXPECT_THAT(table, HasSubstr("show_e1"));
  EXPECT_THAT(table, HasSubstr("ERR_VIDEO_UNREADABLE"));
  for (std::size_t begin = 0; begin < table.size();) {
    const std::size_t end = table.find('\n', begin);
    EXPECT_LE(DisplayWidth(table.substr(begin, end - begin)), 80);
    begin = end + 1;
  }
  // In a file nothing is cut.
  EXPECT_THAT(QueueTable(queue, Paint(false), 0), HasSubstr(std::string(70, 'n') + ".mp4"));
  EXPECT_EQ(QueueSummary(queue, 62), "2 videos: 1 done, 1 failed, in 1:02");
  ASSERT_EQ(QueueErrors(queue).size(), 1U);
  EXPECT_EQ(QueueErrors(queue)[0].message, "e2.mp4: x");
}

TEST(QueueReportTest, TheDocumentHasEveryVideo) {
  VideoQueue queue = QueueOf(3);
  queue.OnStarted(0, EndedJob(1, 10), true);
  queue.OnSame(1, 0);
  queue.OnFailed(2, domain::MakeError(domain::reason::kVideoUnreadable, "x"));
  const base::Json document = QueueDocument(
      queue, {.left_out = {.hidden = 2},
              .warnings = {"w"},
              .took_s = 20,
              .outputs = [](const std::string& key) { return "/data/outputs/" + key; }});
  EXPECT_EQ(document["videos"][0]["outputs"], "/data/outputs/show_e1");
  EXPECT_EQ(document["videos"][0]["people"], 5);
  EXPECT_EQ(document["videos"][1]["same_as"], "/v/e1.mp4");
  EXPECT_TRUE(document["videos"][1]["outputs"].is_null());
  EXPECT_EQ(document["videos"][2]["error"]["reason"], "ERR_VIDEO_UNREADABLE");
  EXPECT_EQ(document["counts"]["same"], 1);
  EXPECT_EQ(document["left_out"]["hidden"], 2);
}

}  // namespace
}  // namespace rollcall::cli
