#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "store/transitions.h"

namespace rollcall::store {
namespace {

TEST(LifecycleDocumentTest, ShowsEveryTransitionAsTheCodeHasIt) {
  const auto path = std::filesystem::path(ROLLCALL_SOURCE_DIR) / "docs/job-lifecycle.md";
  const std::string document = *base::ReadFile(path);
  std::string table;
  for (const Transition& transition : kTransitions) {
    table += fmt::format("| {} | {} | {} | `{}` |\n", domain::JobStateName(transition.from),
                         domain::JobStateName(transition.to), transition.cause, transition.event);
  }
  EXPECT_NE(document.find("| --- | --- | --- | --- |\n" + table + "\n"), std::string::npos)
      << path << " should have this table:\n"
      << table;
}

}  // namespace
}  // namespace rollcall::store
