#include "client/api_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <future>
#include <thread>

#include "base/unix_socket.h"
#include "domain/reasons.h"
#include "server/testing/served_test.h"

namespace rollcall::client {
namespace {

using base::Json;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
namespace reason = domain::reason;

class ApiClientTest : public server::testing::ServedTest {
 protected:
  std::unique_ptr<ApiClient> Connect() {
    auto client = ApiClient::Connect(socket());
    EXPECT_TRUE(client.ok()) << client.error().ToString();
    return std::move(client).value();
  }
  // What an event of the server says next.
  void Say(const std::string& text) {
    said_->Say(text);
    server_->Notify(server::HttpServer::News::kTransition);
  }
  static std::string Data(const base::Result<std::optional<Event>>& event) {
    return event.ok() && *event ? (*event)->data : "";
  }
};

TEST_F(ApiClientTest, AsksAndIsAnswered) {
  const auto client = Connect();
  const auto got = client->Ask(api::Get({"echo"}));
  ASSERT_TRUE(got.ok()) << got.error().ToString();
  EXPECT_EQ((*got)["path"], "/echo");
  EXPECT_EQ((*got)["door"], "unix");
  EXPECT_EQ(client->Ask(api::Post({"echo"}, {{"a", 1}})).value()["body"], (Json{{"a", 1}}));
  EXPECT_EQ(client->Ask(api::Post({"echo"})).value()["body"], Json::object());
  EXPECT_EQ(client->engine_pid(), ::getpid());
  EXPECT_FALSE(client->is_lost());
}

TEST_F(ApiClientTest, GivesAnErrorBackAsItWas) {
  const auto answer = Connect()->Ask(api::Get({"no", "such"}));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().reason, reason::kNoSuchResource);
  EXPECT_EQ(answer.error().code, base::ErrorCode::kNotFound);
}

TEST_F(ApiClientTest, SaysThatNobodyListens) {
  server_.reset();
  const auto client = ApiClient::Connect(socket());
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().reason, reason::kEngineUnavailable);
}

TEST_F(ApiClientTest, IsLostWhenItsEngineIsGone) {
  const auto client = Connect();
  ASSERT_TRUE(client->Ask(api::Get({"echo"})).ok());
  server_.reset();
  const auto answer = client->Ask(api::Get({"echo"}));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().reason, reason::kEngineUnavailable);
  EXPECT_TRUE(client->is_lost());
}

TEST_F(ApiClientTest, IsNotLostWhenAnAnswerDoesNotComeInTime) {
  const auto client = Connect();
  const auto answer = client->Ask(api::Get({"block"}), milliseconds{20});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().reason, reason::kEngineUnavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("did not answer GET /block in time"));
  EXPECT_FALSE(client->is_lost());
  EXPECT_TRUE(client->Ask(api::Get({"echo"})).ok());
}

TEST_F(ApiClientTest, ReadsEventsAndAsksMeanwhile) {
  const auto client = Connect();
  ASSERT_TRUE(client->Listen(api::Get({"events"})).ok());
  EXPECT_FALSE(client->Next(milliseconds{0}).value().has_value());
  Say("data: one\n\ndata: two\n\n");
  EXPECT_EQ(Data(client->Next(std::chrono::minutes{1})), "one");
  EXPECT_TRUE(client->Ask(api::Get({"echo"})).ok());
  EXPECT_EQ(Data(client->Next(std::chrono::minutes{1})), "two");
  Say("data: three\n\n");
  EXPECT_TRUE(client->Ask(api::Get({"echo"})).ok());
  EXPECT_EQ(Data(client->Next(std::chrono::minutes{1})), "three");
}

TEST_F(ApiClientTest, SaysWhyThereIsNoStream) {
  const auto client = Connect();
  const auto listening = client->Listen(api::Get({"no", "stream"}));
  ASSERT_FALSE(listening.ok());
  EXPECT_EQ(listening.error().reason, reason::kNoSuchResource);
  EXPECT_FALSE(client->is_lost());
}

TEST_F(ApiClientTest, GivesWhatWasSaidBeforeAStreamEnded) {
  const auto client = Connect();
  ASSERT_TRUE(client->Listen(api::Get({"events"})).ok());
  Say("data: last\n\n");
  EXPECT_EQ(Data(client->Next(std::chrono::minutes{1})), "last");
  server_.reset();
  const auto event = client->Next(std::chrono::minutes{1});
  ASSERT_FALSE(event.ok());
  EXPECT_EQ(event.error().reason, reason::kEngineUnavailable);
  EXPECT_TRUE(client->is_lost());
}

TEST_F(ApiClientTest, ASignalEndsAWaitForEvents) {
  const auto client = Connect();
  ASSERT_TRUE(client->Listen(api::Get({"events"})).ok());
  struct sigaction quiet {};
  struct sigaction before {};
  quiet.sa_handler = [](int) {};
  ::sigaction(SIGUSR1, &quiet, &before);
  std::promise<void> has_ended;
  std::thread knocker([&, waiter = ::pthread_self(), ended = has_ended.get_future()] {
    while (ended.wait_for(milliseconds{5}) != std::future_status::ready) {
      ::pthread_kill(waiter, SIGUSR1);
    }
  });
  const auto event = client->Next(std::chrono::hours{1});
  has_ended.set_value();
  knocker.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  ASSERT_TRUE(event.ok());
  EXPECT_FALSE(event->has_value());
}

TEST_F(ApiClientTest, ManyProgramsAtOnce) {
  std::vector<std::future<int>> clients;
  for (int i = 0; i < 16; ++i) {
    clients.push_back(std::async(std::launch::async, [this, i] {
      const auto client = Connect();
      int right = 0;
      for (int j = 0; j < 50; ++j) {
        const Json sent{{"client", i}, {"call", j}};
        const auto answer = client->Ask(api::Post({"echo"}, sent));
        right += answer.ok() && (*answer)["body"] == sent ? 1 : 0;
      }
      return right;
    }));
  }
  for (auto& client : clients) EXPECT_EQ(client.get(), 50);
}

}  // namespace
}  // namespace rollcall::client
