#include "app/log_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/testing/owner.h"
#include "base/random.h"
#include "client/event_reader.h"
#include "jobs/testing/engine_fixture.h"
#include "store/memory/memory_store.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
using base::Json;
using client::Event;
using std::chrono::milliseconds;

class LogStreamTest : public ::testing::Test {
 protected:
  ~LogStreamTest() override {
    owner_.reset();
    fs::remove_all(folder_);
  }

  // A job of one stage, of which nobody does anything.
  std::int64_t Submit(const std::string& key) {
    const auto submitted =
        store_.JobSubmit(jobs::FakeRequest(key, {"validate"}, Json::object())).value();
    return static_cast<std::int64_t>(submitted.job.id);
  }
  void Cancel(std::int64_t job_id) { ASSERT_TRUE(store_.JobCancel(store::JobId{job_id}).ok()); }

  // What a stream says at once; the last id is that of `cursor_`, as a browser keeps it.
  std::vector<Event> Take(LogStream& stream) {
    client::EventReader reader;
    do {
      reader.Feed(stream.Take());
    } while (stream.patience() == milliseconds{0} && !stream.is_over());
    std::vector<Event> events;
    while (auto event = reader.Next()) {
      if (!event->id.empty()) cursor_ = event->id;
      events.push_back(*event);
    }
    return events;
  }
  static std::vector<std::string> Names(const std::vector<Event>& events) {
    std::vector<std::string> names;
    for (const Event& event : events) names.push_back(event.name);
    return names;
  }
  // (job, seq) of the log's events.
  static std::vector<std::pair<std::int64_t, std::int64_t>> Told(const std::vector<Event>& events) {
    std::vector<std::pair<std::int64_t, std::int64_t>> told;
    for (const Event& event : events) {
      if (event.name != "job") continue;
      const Json data = Json::parse(event.data);
      told.emplace_back(data.at("job_id"), data.at("seq"));
    }
    return told;
  }

  fs::path folder_ = fs::temp_directory_path() / ("rollcall-" + base::RandomId());
  DataDirectory data_ = DataDirectory::Open(folder_).value();
  base::SystemClock clock_;
  store::MemoryStore store_{store::StoreClock{clock_}};
  std::unique_ptr<testing::Owner> owner_ = std::make_unique<testing::Owner>(store_, data_);
  // Small, so that what does not fit in memory or in one page is met.
  EventLog log_{owner_->queries(),
                owner_->engine(),
                store_,
                {.kept_max = 4, .page = 3, .view_age_max = {}, .look_again = {}}};
  std::string cursor_;
};

TEST_F(LogStreamTest, BeginsWithWhatIsOpenAndTellsWhatFollows) {
  const auto job = Submit("x");
  LogStream stream(log_, {.open = {job}});
  EXPECT_THAT(Names(Take(stream)), ::testing::ElementsAre("begin", "view"));
  EXPECT_TRUE(stream.Take().empty());
  const auto other = Submit("y");
  Cancel(job);
  const auto events = Take(stream);
  const auto told = Told(events);
  EXPECT_THAT(told, ::testing::Contains(std::pair(other, std::int64_t{1})));
  EXPECT_EQ(told.back().first, job);
  EXPECT_EQ(Names(events).back(), "view");
  EXPECT_FALSE(stream.is_over()) << "of all jobs there is no end";
}

TEST_F(LogStreamTest, WhoComesBackHoldsEveryEventOnceInOrderWhereverHeWasCutOff) {
  std::vector<std::pair<std::int64_t, std::int64_t>> held;
  {
    LogStream first(log_, {});
    Take(first);  // The beginning of everything.
  }
  const std::string beginning = cursor_;
  for (int i = 0; i < 12; ++i) Cancel(Submit("episode_" + std::to_string(i)));
  LogStream whole(log_, {.cursor = beginning});
  const auto all = Told(Take(whole));
  ASSERT_GT(all.size(), 30U);
  // Whoever is cut off after any number of events, of which the first says only that it goes on.
  for (std::size_t takes = 2; takes < 7; ++takes) {
    cursor_ = beginning;
    held.clear();
    while (held.size() < all.size()) {
      LogStream stream(log_, {.cursor = cursor_});
      client::EventReader reader;
      reader.Feed(stream.Take());
      for (std::size_t i = 0; i < takes; ++i) {
        const auto event = reader.Next();
        if (!event) break;
        if (!event->id.empty()) cursor_ = event->id;
        const auto told = Told({*event});
        held.insert(held.end(), told.begin(), told.end());
      }
    }
    EXPECT_EQ(held, all) << takes << " events at a time";
  }
}

TEST_F(LogStreamTest, SaysThatAPastIsUnknown) {
  Submit("x");
  const auto place = log_.Newest().value();
  const std::string beyond = place.epoch + "." + std::to_string(place.position + 1);
  for (const std::string& cursor :
       {std::string("nonsense"), std::string("."), std::string("other.1"), beyond,
        place.epoch + ".-1", place.epoch + ".99999999999999999999", place.epoch + "."}) {
    LogStream stream(log_, {.cursor = cursor});
    const auto events = Take(stream);
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events[0].name, "reset") << cursor;
    EXPECT_EQ(events[0].id, place.epoch + "." + std::to_string(place.position));
  }
}

TEST_F(LogStreamTest, WhoIsFarBehindBeginsAnew) {
  LogStream first(log_, {});
  Take(first);
  for (int i = 0; i < 5; ++i) Cancel(Submit("episode_" + std::to_string(i)));
  LogStream late(log_, {.cursor = cursor_, .behind_max = 5});
  EXPECT_EQ(Take(late)[0].name, "reset");
}

// Its last events were written between the look at them and the look at the job.
TEST_F(LogStreamTest, OfAJobThatIsShownAsEndedAllHasBeenTold) {
  const auto job = Submit("x");
  LogStream stream(log_, {.jobs = {job}});
  Take(stream);
  Cancel(job);
  const auto events = Take(stream);
  EXPECT_TRUE(stream.is_over());
  EXPECT_EQ(Told(events).back().second, store_.JobGet(store::JobId{job})->event_seq);
  EXPECT_EQ(Names(events).back(), "view");
}

// A view that another stream had read before the last event was taken for the last one.
TEST_F(LogStreamTest, AViewIsNeverOlderThanTheEventsThatWereTold) {
  EventLog log(owner_->queries(), owner_->engine(), store_,
               {.view_age_max = std::chrono::hours{1}, .look_again = {}});
  const auto job = Submit("x");
  LogStream stream(log, {.jobs = {job}});
  Take(stream);
  ASSERT_TRUE(log.ViewOf(job).value()->is_open);
  Cancel(job);
  Take(stream);
  EXPECT_TRUE(stream.is_over());
}

TEST_F(LogStreamTest, TellsOfNoOtherJob) {
  const auto job = Submit("x");
  LogStream stream(log_, {.jobs = {job}});
  Take(stream);
  Cancel(Submit("y"));
  EXPECT_THAT(Take(stream), ::testing::IsEmpty());
}

TEST_F(LogStreamTest, SaysThatAJobIsGone) {
  const auto job = Submit("x");
  LogStream stream(log_, {.jobs = {job}});
  Cancel(job);
  ASSERT_TRUE(store_.SubjectErase({"episode", "x"}).ok());
  EXPECT_THAT(Names(Take(stream)), ::testing::ElementsAre("begin", "gone"));
  EXPECT_TRUE(stream.is_over());
}

}  // namespace
}  // namespace rollcall::app
