#include "vision/runtime/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "base/file.h"
#include "vision/runtime/testing/onnx_graph.h"

namespace rollcall::vision::runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A folder of the test's own, gone with it, and a network y = 2·x over any number of rows of two.
class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rollcall-session-XXXXXX");
    folder_ = ::mkdtemp(pattern.data());
    model_ = folder_ / "twice.onnx";
    OnnxGraph()
        .Input("x", {-1, 2})
        .Constant("two", {1}, {2})
        .Node("Mul", {"x", "two"}, "y")
        .Output("y", {-1, 2})
        .Write(model_);
  }
  ~SessionTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Session> Twice() {
    auto session = Session::Create(model_, {});
    EXPECT_TRUE(session.ok()) << session.error().ToString();
    return std::move(session).value();
  }

  static base::Result<std::vector<TensorView>> Run(Session& session,
                                                   std::span<const float> values) {
    const TensorView x{.name = "x", .shape = {std::ssize(values) / 2, 2}, .values = values};
    return session.Run({&x, 1}, {});
  }

  std::filesystem::path folder_;
  std::filesystem::path model_;
};

TEST_F(SessionTest, GivesOutputsWithNameAndShape) {
  const auto session = Twice();
  const std::vector<float> x{1, 2, 3, 4};
  const auto outputs = Run(*session, x);
  ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
  ASSERT_EQ(outputs->size(), 1U);
  EXPECT_EQ(outputs->front().name, "y");
  EXPECT_THAT(outputs->front().shape, ElementsAre(2, 2));
  EXPECT_THAT(std::vector<float>(outputs->front().values.begin(), outputs->front().values.end()),
              ElementsAre(2, 4, 6, 8));
}

TEST_F(SessionTest, KnowsItsPorts) {
  const auto session = Twice();
  ASSERT_EQ(session->inputs().size(), 1U);
  EXPECT_EQ(session->inputs()[0].name, "x");
  EXPECT_THAT(session->inputs()[0].shape, ElementsAre(-1, 2));
  EXPECT_TRUE(session->inputs()[0].is_float);
  EXPECT_EQ(session->outputs()[0].name, "y");
}

TEST_F(SessionTest, SaysWhichProviderComputes) {
  const auto session = Twice();
  EXPECT_EQ(session->provider(), "cpu");
  EXPECT_GE(session->provider_operators(), 1);
  EXPECT_EQ(session->cpu_operators(), 0);
  EXPECT_THAT(AvailableProviders(), Contains("cpu"));
}

TEST_F(SessionTest, RefusesProviderThatIsNotThere) {
  const auto session = Session::Create(model_, {.provider = "abacus"});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().reason, "ERR_PROVIDER_MISSING");
  EXPECT_THAT(session.error().message, HasSubstr("it has: cpu"));
}

TEST_F(SessionTest, RefusesMissingFile) {
  const auto session = Session::Create(folder_ / "none.onnx", {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().reason, "ERR_MODEL_MISSING");
}

TEST_F(SessionTest, RefusesFileThatIsNoNetwork) {
  ASSERT_TRUE(base::WriteFileAtomic(model_, "<html>404</html>").ok());
  const auto session = Session::Create(model_, {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().reason, "ERR_MODEL_ALTERED");
}

TEST_F(SessionTest, RefusesNetworkThatIsCutShort) {
  const std::string bytes = base::ReadFile(model_).value();
  ASSERT_TRUE(base::WriteFileAtomic(model_, bytes.substr(0, bytes.size() / 2)).ok());
  const auto session = Session::Create(model_, {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().reason, "ERR_MODEL_ALTERED");
}

TEST_F(SessionTest, RefusesNoThreads) {
  const auto session = Session::Create(model_, {.threads = 0});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().reason, "ERR_BAD_PARAMS");
}

TEST_F(SessionTest, SaysSoWhenInputDoesNotFit) {
  const auto session = Twice();
  const std::vector<float> values(3);
  const TensorView x{.name = "x", .shape = {1, 3}, .values = values};
  const auto outputs = session->Run({&x, 1}, {});
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().reason, "ERR_MODEL_ALTERED");
}

TEST_F(SessionTest, SaysSoWhenOutputIsUnknown) {
  const auto session = Twice();
  const std::vector<float> values(2);
  const TensorView x{.name = "x", .shape = {1, 2}, .values = values};
  const std::vector<std::string> wanted{"z"};
  const auto outputs = session->Run({&x, 1}, wanted);
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().reason, "ERR_MODEL_ALTERED");
}

// ONNX Runtime's own option does not reach a thread that only runs: seven times slower there.
TEST_F(SessionTest, CountsDenormalsAsZeroOnWhateverThreadRuns) {
  const auto session = Twice();
  const float denormal = std::numeric_limits<float>::denorm_min() * 1000;
  std::thread other([&] {
    const std::vector<float> x{denormal, 1};
    const auto outputs = Run(*session, x);
    ASSERT_TRUE(outputs.ok());
    EXPECT_EQ(outputs->front().values[0], 0.0F);
  });
  other.join();
}

TEST_F(SessionTest, LeavesTheCallersDenormalsAlone) {
  const auto session = Twice();
  const std::vector<float> x{1, 1};
  ASSERT_TRUE(Run(*session, x).ok());
  volatile float denormal = std::numeric_limits<float>::denorm_min();
  EXPECT_GT(denormal * 2, 0.0F);
}

TEST_F(SessionTest, CanBeMadeAgainAfterTheLastOneIsGone) {
  Twice().reset();
  const auto session = Twice();
  const std::vector<float> x{5, 6};
  EXPECT_TRUE(Run(*session, x).ok());
}

}  // namespace
}  // namespace rollcall::vision::runtime
