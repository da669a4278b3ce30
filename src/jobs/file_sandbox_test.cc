// What a real worker process may reach of the file system, and what not.

#include "worker/file_sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>

#include "base/file.h"
#include "base/random.h"
#include "jobs/testing/engine_fixture.h"

// A sanitizer's runtime reads and writes what it likes: there are no such tests under one.
#ifndef ROLLCALL_SANITIZED

namespace rollcall::jobs {
namespace {

namespace fs = std::filesystem;
using base::Json;
using domain::JobState;
using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// Asked of the kernel's list and not of what is tested.
bool KernelHasLandlock() {
  const auto modules = base::ReadFile("/sys/kernel/security/lsm");
  return modules.ok() ? modules->find("landlock") != std::string::npos
                      : worker::LandlockVersion() > 0;
}

class FileSandboxTest : public EngineTest {
 protected:
  FileSandboxTest() {
    fs::create_directories(outside_);
    std::ofstream(outside_ / "diary") << "mine";
    std::ofstream(data_dir_ / "committed") << "committed";
    fs::create_directories(data_dir_ / "harvest/x/segments/detect");
    std::ofstream(data_dir_ / "harvest/x/segments/detect/committed") << "committed";
    fs::create_symlink(outside_ / "diary", data_dir_ / "link-to-outside");
    StartEngine([](Engine::Options& options) {
      options.worker_argv = {"/proc/self/exe", "--sandboxed-worker"};
    });
  }
  ~FileSandboxTest() override { fs::remove_all(outside_); }

  const fs::path outside_ = fs::temp_directory_path() / ("rollcall-outside-" + base::RandomId());
};

TEST_F(FileSandboxTest, AWorkerReachesItsFilesAndNoOthers) {
  const Json params{{"behaviour", "reach_for_files"}, {"outside", (outside_ / "diary").string()}};
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, params));
  ASSERT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const Json results = Json::parse(Run("detect").run.result_json);
  EXPECT_GT(results.size(), 20U);
  engine_.reset();
  if (!KernelHasLandlock()) {
    EXPECT_THAT(LogLines("detect_x"), Contains(HasSubstr("may reach every file of its user: ")));
    return;
  }
  EXPECT_THAT(LogLines("detect_x"), Not(Contains(HasSubstr("may reach every file"))));
  for (const auto& [name, error_number] : results.items()) {
    if (name.starts_with("may_") || name == "make_again") {
      EXPECT_EQ(error_number, 0) << name;
    } else {
      EXPECT_THAT(error_number.get<int>(), AnyOf(EACCES, EPERM, EXDEV)) << name;
    }
  }
  EXPECT_EQ(ReadText("committed"), "committed");
  EXPECT_FALSE(Exists("stray"));
}

TEST_F(FileSandboxTest, AWholeJobWorksWithinIt) {
  const store::Job job =
      SubmitOk(FakeRequest("x", {"detect", "track", "stills"}, Json{{"segments", 3}}));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), "segment 0\nsegment 1\nsegment 2\n");
}

TEST(FileSandbox, CanBeTriedWithoutEnteringIt) {
  const auto tried = worker::TryFileSandbox();
  EXPECT_EQ(tried.ok(), KernelHasLandlock());
  EXPECT_TRUE(std::ifstream("/etc/passwd").is_open()) << "this process is under its rules";
}

}  // namespace
}  // namespace rollcall::jobs

#endif
