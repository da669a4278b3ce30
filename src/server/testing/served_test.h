#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "api/http.h"
#include "base/mutex.h"
#include "server/http_server.h"
#include "server/tcp_listener.h"
#include "server/testing/raw_client.h"

namespace rollcall::server::testing {

// Tells what has been said so far, once.
class SaidStream final : public api::EventStream {
 public:
  std::string Take() override {
    base::MutexLock lock(mutex_);
    return std::exchange(text_, {});
  }
  void Say(std::string_view text) {
    base::MutexLock lock(mutex_);
    text_ += text;
  }

 private:
  base::Mutex mutex_;
  std::string text_ ROLLCALL_GUARDED_BY(mutex_);
};

// A server with a few routes at a unix socket and at a port.
class ServedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "http-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    std::ofstream(folder_ / "file.bin") << "0123456789";
    Start({});
  }
  void TearDown() override {
    release_.set_value();
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Start(HttpServer::Options options) {
    server_.reset();
    auto tcp = ListenAtTcp("127.0.0.1", 0);
    ASSERT_TRUE(tcp.ok()) << tcp.error().ToString();
    port_ = tcp->port;
    options.unix_socket = socket();
    options.tcp_listener = std::move(tcp->fd);
    options.tcp_gate.hosts = {"localhost"};
    options.on_unix_clients = [this](int count) { unix_clients_ = count; };
    server_ = std::move(HttpServer::Create(router_, std::move(options))).value();
  }

  std::filesystem::path socket() const { return folder_ / "sock"; }
  RawClient AtUnix() const { return RawClient::AtUnixSocket(socket()); }
  RawClient AtTcp() const { return RawClient::AtPort(port_); }

  static std::string Get(const std::string& path, const std::string& fields = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
  }
  static std::string GetLast(const std::string& path, const std::string& fields = "") {
    return Get(path, "Connection: close\r\n" + fields);
  }
  static std::string Post(const std::string& path, const std::string& body,
                          const std::string& type = "application/json") {
    return "POST " + path +
           " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: " + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  static std::string BodyOf(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }

  base::Result<api::Answer> Echo(const api::Request& request) {
    ++asked_;
    return api::JsonAnswer({{"path", request.Path()},
                            {"body", request.body},
                            {"door", request.door == api::Door::kTcp ? "tcp" : "unix"}});
  }

  std::filesystem::path folder_;
  std::string name_;  // What the file is called.
  std::uint16_t port_ = 0;
  std::atomic<int> asked_ = 0;
  std::atomic<int> blocked_ = 0;
  std::atomic<int> unix_clients_ = 0;
  std::promise<void> release_;
  std::shared_future<void> released_ = release_.get_future().share();
  std::shared_ptr<SaidStream> said_ = std::make_shared<SaidStream>();
  Router router_{{
      {.method = "GET",
       .pattern = "/echo",
       .run = [this](const auto&, const api::Request& request) { return Echo(request); }},
      {.method = "POST",
       .pattern = "/echo",
       .run = [this](const auto&, const api::Request& request) { return Echo(request); },
       .body_bytes_max = 1000},
      {.method = "GET",
       .pattern = "/block",
       .run =
           [this](const auto&, const api::Request& request) {
             ++blocked_;
             released_.wait();
             return Echo(request);
           }},
      {.method = "GET",
       .pattern = "/file",
       .run = [this](const auto&, const api::Request&) -> base::Result<api::Answer> {
         return api::Answer{.file = api::FileBody{.path = folder_ / "file.bin",
                                                  .content_type = "application/octet-stream",
                                                  .name = name_}};
       }},
      {.method = "GET",
       .pattern = "/events",
       .run = [this](const auto&, const api::Request&) -> base::Result<api::Answer> {
         return api::Answer{.events = said_};
       }},
  }};
  std::unique_ptr<HttpServer> server_;
};

}  // namespace rollcall::server::testing
