#include "app/api_docs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "app/testing/owner.h"
#include "base/random.h"
#include "store/memory/memory_store.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
using base::Json;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(OpenApiTest, NamesEveryRouteAndNoOther) {
  const fs::path folder = fs::temp_directory_path() / ("rollcall-" + base::RandomId());
  std::set<std::string> routes;
  std::set<std::string> of_the_socket;
  {
    const auto data = DataDirectory::Open(folder).value();
    base::SystemClock clock;
    store::MemoryStore store{store::StoreClock{clock}};
    const testing::Owner owner(store, data);
    for (const server::Route& route : owner.router().routes()) {
      const std::string name = route.method + " " + route.pattern;
      routes.insert(name);
      if (route.from == server::Route::From::kUnixSocket) of_the_socket.insert(name);
    }
  }
  fs::remove_all(folder);
  std::set<std::string> described;
  std::set<std::string> described_of_the_socket;
  for (const auto& [path, methods] : OpenApi().at("paths").items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::string name = method;
      for (char& c : name) c = static_cast<char>(c - 'a' + 'A');
      name += " " + path;
      described.insert(name);
      if (operation.contains("x-unix-socket-only")) described_of_the_socket.insert(name);
    }
  }
  EXPECT_EQ(described, routes);
  EXPECT_EQ(described_of_the_socket, of_the_socket);
}

TEST(ApiDocsTest, ShowsEveryOperationAndNothingFromElsewhere) {
  const std::string page = ApiDocsPage(OpenApi());
  for (const auto& [path, methods] : OpenApi().at("paths").items()) {
    for (const auto& [method, operation] : methods.items()) {
      EXPECT_THAT(page, HasSubstr("id=\"" + operation.at("operationId").get<std::string>() + "\""));
    }
  }
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
}

TEST(ApiDocsTest, TextOfTheFileIsNoMarkup) {
  Json api = OpenApi();
  api["info"]["title"] = "<b>&\"";
  EXPECT_THAT(ApiDocsPage(api), HasSubstr("<title>&lt;b&gt;&amp;&quot; API</title>"));
}

}  // namespace
}  // namespace rollcall::app
