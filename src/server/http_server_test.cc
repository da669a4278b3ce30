#include "server/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "domain/reasons.h"
#include "server/testing/served_test.h"

namespace rollcall::server {
namespace {

namespace fs = std::filesystem;
using base::Json;
using server::testing::RawClient;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class HttpServerTest : public server::testing::ServedTest {};

TEST_F(HttpServerTest, AnswersAtBothDoors) {
  RawClient tcp = AtTcp();
  tcp.Send(GetLast("/echo"));
  const std::string answer = tcp.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_EQ(Json::parse(BodyOf(answer))["door"], "tcp");
  RawClient local = AtUnix();
  local.Send(GetLast("/echo"));
  EXPECT_EQ(Json::parse(BodyOf(local.ReadAll()))["door"], "unix");
}

TEST_F(HttpServerTest, AnswersSeveralRequestsOfOneConnectionInTheirOrder) {
  RawClient client = AtTcp();
  client.Send(Get("/echo") + Get("/nothing") + GetLast("/echo"));
  const std::string answers = client.ReadAll();
  const auto first = answers.find("HTTP/1.1 200");
  const auto second = answers.find("HTTP/1.1 404");
  const auto third = answers.rfind("HTTP/1.1 200");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_EQ(asked_, 2);
}

TEST_F(HttpServerTest, AnswersAClientThatHasShutItsSideDown) {
  RawClient client = AtUnix();
  client.Send(Get("/echo"));
  client.SayAll();
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(HttpServerTest, ReadsABodyThatComesInPieces) {
  const std::string request = Post("/echo", R"({"a": [1, 2]})");
  RawClient client = AtTcp();
  for (const char c : request) client.Send(std::string(1, c));
  EXPECT_EQ(Json::parse(BodyOf(client.ReadAll()))["body"], Json::parse(R"({"a": [1, 2]})"));
}

TEST_F(HttpServerTest, ReadsAChunkedBody) {
  RawClient client = AtTcp();
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
      "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\n{\"a\":\r\n3\r\n 1}\r\n0\r\n\r\n");
  EXPECT_EQ(Json::parse(BodyOf(client.ReadAll()))["body"], Json::parse(R"({"a": 1})"));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  RawClient client = AtTcp();
  client.Send("HEAD /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: "));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

struct BadBody {
  const char* name;
  std::string request;
  int status;
};

TEST_F(HttpServerTest, RefusesABodyThatIsOfNoUse) {
  const std::string large(2000, ' ');
  const std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  for (const BadBody& bad : {
           BadBody{"large", Post("/echo", large), 413},
           BadBody{"large in chunks", chunked + "7d0\r\n" + large + "\r\n0\r\n\r\n", 413},
           BadBody{"bad chunk", chunked + "zz\r\n", 400},
           BadBody{"chunk size too large", chunked + "fffffffffffffffff\r\n", 400},
           BadBody{"no JSON", Post("/echo", "{"), 400},
           BadBody{"no object", Post("/echo", "[1]"), 400},
           BadBody{"not said to be JSON", Post("/echo", "{}", "text/plain"), 415},
           BadBody{"a form", Post("/echo", "a=1", "application/x-www-form-urlencoded"), 415},
           BadBody{"nobody wants it", Post("/nothing", "{}"), 404},
       }) {
    RawClient client = AtTcp();
    client.Send(bad.request + Get("/echo"));
    const std::string answer = client.ReadAll();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::to_string(bad.status))) << bad.name;
    EXPECT_THAT(answer, HasSubstr("Connection: close")) << bad.name;
    EXPECT_THAT(answer, HasSubstr("application/problem+json")) << bad.name;
  }
  EXPECT_EQ(asked_, 0);
}

// --- Slow clients

TEST_F(HttpServerTest, EndsAConnectionWhoseHeadDoesNotComeInTime) {
  Start({.head_limit = std::chrono::milliseconds{50}});
  for (const bool over_tcp : {true, false}) {
    RawClient client = over_tcp ? AtTcp() : AtUnix();
    client.Send("GET /echo HTT");
    EXPECT_EQ(client.ReadAll(), "");
  }
}

TEST_F(HttpServerTest, EndsAConnectionWhoseBodyDoesNotComeInTime) {
  Start({.body_limit = std::chrono::milliseconds{50}});
  const std::string request = Post("/echo", "{}");
  RawClient client = AtTcp();
  client.Send(request.substr(0, request.size() - 1));
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_EQ(asked_, 0);
}

TEST_F(HttpServerTest, EndsAnIdleConnectionOverTcpAndNoneOfACommand) {
  Start({.idle_limit = std::chrono::milliseconds{50}});
  RawClient local = AtUnix();
  RawClient tcp = AtTcp();
  EXPECT_EQ(tcp.ReadAll(), "");
  local.Send(GetLast("/echo"));
  EXPECT_THAT(local.ReadAll(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AnswersHoweverManyCallsBlock) {
  constexpr int kBlocked = 20;
  std::vector<RawClient> blocked;
  for (int i = 0; i < kBlocked; ++i) {
    blocked.push_back(AtTcp());
    blocked.back().Send(GetLast("/block"));
  }
  RawClient client = AtTcp();
  client.Send(GetLast("/echo"));
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, TurnsAwayAClientTooMany) {
  Start({.clients_max = 1});
  RawClient first = AtTcp();
  first.Send(Get("/echo"));
  first.ReadUntil("\"door\"");
  RawClient second = AtTcp();
  EXPECT_THAT(second.ReadAll(), StartsWith("HTTP/1.1 503 "));
  first.Send(GetLast("/echo"));
  EXPECT_THAT(first.ReadAll(), Not(HasSubstr(" 503 ")));
}

// --- Files

TEST_F(HttpServerTest, SendsAFile) {
  RawClient client = AtTcp();
  client.Send(GetLast("/file"));
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("\r\nAccept-Ranges: bytes\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n0123456789"));
}

TEST_F(HttpServerTest, SendsAPartOfAFile) {
  RawClient client = AtTcp();
  client.Send(GetLast("/file", "Range: bytes=2-4\r\n"));
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 206 "));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Range: bytes 2-4/10\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 3\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n234"));
}

TEST_F(HttpServerTest, SaysWhichBytesThereAre) {
  RawClient client = AtTcp();
  client.Send(GetLast("/file", "Range: bytes=10-\r\n"));
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 416 "));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Range: bytes */10\r\n"));
}

TEST_F(HttpServerTest, SendsALargeFileWholeToAClientThatReadsSlowly) {
  std::string bytes(20'000'003, ' ');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i * 2654435761U >> 24);
  std::ofstream(folder_ / "file.bin") << bytes;
  for (const bool is_tcp : {true, false}) {
    RawClient client = is_tcp ? AtTcp() : AtUnix();
    client.Send(GetLast("/file"));
    client.ReadUntil("HTTP/1.1 200");
    RawClient other = AtTcp();  // The socket of the first is full: others are answered.
    other.Send(GetLast("/echo"));
    EXPECT_THAT(other.ReadAll(), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(BodyOf(client.ReadAll()), bytes);
  }
}

TEST_F(HttpServerTest, EndsAConnectionWhoseClientTakesNothingOfAFile) {
  Start({.write_limit = std::chrono::milliseconds{50}});
  std::ofstream(folder_ / "file.bin") << std::string(20'000'000, 'x');
  RawClient client = AtUnix();
  client.Send(GetLast("/file"));
  while (unix_clients_ != 1) std::this_thread::yield();
  while (unix_clients_ != 0) std::this_thread::yield();
  EXPECT_LT(client.ReadAll().size(), 20'000'000U);
}

TEST_F(HttpServerTest, SaysThatAFileIsNotThere) {
  fs::remove(folder_ / "file.bin");
  RawClient client = AtTcp();
  client.Send(GetLast("/file"));
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 404 "));
}

std::string TagIn(const std::string& answer) {
  const std::size_t at = answer.find("\r\nETag: ") + 8;
  return answer.substr(at, answer.find("\r\n", at) - at);
}

TEST_F(HttpServerTest, WhoHasAFileAlreadyIsToldSo) {
  RawClient first = AtTcp();
  first.Send(GetLast("/file"));
  const std::string tag = TagIn(first.ReadAll());
  RawClient again = AtTcp();
  again.Send(GetLast("/file", "If-None-Match: \"x\", W/" + tag + "\r\n"));
  const std::string answer = again.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 304 "));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  std::ofstream(folder_ / "file.bin") << "other bytes";
  RawClient later = AtTcp();
  later.Send(GetLast("/file", "If-None-Match: " + tag + "\r\n"));
  EXPECT_THAT(later.ReadAll(), EndsWith("\r\n\r\nother bytes"));
}

// Half of one file and half of another came.
TEST_F(HttpServerTest, APartOfAFileThatHasChangedIsTheWholeOfIt) {
  RawClient first = AtTcp();
  first.Send(GetLast("/file", "Range: bytes=0-3\r\n"));
  const std::string tag = TagIn(first.ReadAll());
  const std::string rest = "Range: bytes=4-\r\nIf-Range: " + tag + "\r\n";
  RawClient second = AtTcp();
  second.Send(GetLast("/file", rest));
  EXPECT_THAT(second.ReadAll(), EndsWith("\r\n\r\n456789"));
  std::ofstream(folder_ / "file.bin") << "other bytes";
  RawClient third = AtTcp();
  third.Send(GetLast("/file", rest));
  EXPECT_THAT(third.ReadAll(), EndsWith("\r\n\r\nother bytes"));
}

TEST_F(HttpServerTest, AFilesNameCannotLeaveItsField) {
  name_ = "Mañana \"1\"\r\nX: \xff.mp4";
  RawClient client = AtTcp();
  client.Send(GetLast("/file"));
  EXPECT_THAT(client.ReadAll(),
              HasSubstr("\r\nContent-Disposition: inline; filename=\"Ma__ana _1___X_ _xff.mp4\"; "
                        "filename*=UTF-8''Ma%C3%B1ana%20%221%22%0D%0AX%3A%20%5Cxff.mp4\r\n"));
}

TEST_F(HttpServerTest, WhoHasAnAnswerAlreadyIsToldSo) {
  RawClient first = AtTcp();
  first.Send(GetLast("/echo"));
  const std::string tag = TagIn(first.ReadAll());
  RawClient again = AtTcp();
  again.Send(GetLast("/echo", "If-None-Match: " + tag + "\r\n"));
  EXPECT_THAT(again.ReadAll(), StartsWith("HTTP/1.1 304 "));
}

// --- Event streams

TEST_F(HttpServerTest, SendsEventsWhenThereIsNews) {
  RawClient client = AtTcp();
  client.Send(Get("/events"));
  EXPECT_THAT(client.ReadUntil(": alive"), HasSubstr("Content-Type: text/event-stream"));
  said_->Say("data: one\n\n");
  server_->Notify(HttpServer::News::kTransition);
  client.ReadUntil("data: one\n\n");
  said_->Say("data: two\n\n");
  server_->Notify(HttpServer::News::kProgress);
  EXPECT_THAT(client.ReadUntil("data: two\n\n"), EndsWith("data: two\n\n"));
}

TEST_F(HttpServerTest, AStreamShowsThatItLives) {
  Start({.keep_alive = std::chrono::milliseconds{20}});
  RawClient client = AtTcp();
  client.Send(Get("/events"));
  client.ReadUntil(": alive\n\n: alive\n\n: alive\n\n");
}

TEST_F(HttpServerTest, NoticesThatTheReaderOfAStreamHasGone) {
  {
    RawClient client = AtUnix();
    client.Send(Get("/events"));
    client.ReadUntil(": alive");
    EXPECT_EQ(unix_clients_, 1);
  }
  while (unix_clients_ != 0) std::this_thread::yield();
}

// --- The end

TEST_F(HttpServerTest, SendsTheAnswersThatAreBeingMadeWhenItEnds) {
  RawClient client = AtUnix();
  client.Send(Get("/block"));
  RawClient idle = AtUnix();
  idle.Send(Get("/echo"));
  idle.ReadUntil("\"door\"");
  while (blocked_ != 1) std::this_thread::yield();
  auto ended = std::async(std::launch::async, [this] { server_.reset(); });
  while (!idle.HasEnded(std::chrono::seconds{1})) {
  }
  release_.set_value();
  ended.get();
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 200"));
  release_ = {};
}

TEST_F(HttpServerTest, EndsStreams) {
  RawClient client = AtTcp();
  client.Send(Get("/events"));
  client.ReadUntil(": alive");
  server_.reset();
  client.ReadAll();
}

}  // namespace
}  // namespace rollcall::server
