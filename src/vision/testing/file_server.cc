#include "vision/testing/file_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

namespace rollcall::vision {
namespace {

void SendAll(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string ReadHead(int connection) {
  std::string head;
  char byte = 0;
  while (!head.ends_with("\r\n\r\n") && ::recv(connection, &byte, 1, 0) == 1) head += byte;
  return head;
}

// "Range: bytes=5-" → "bytes=5-"; empty if there is none.
std::string RangeOf(const std::string& head) {
  constexpr std::string_view kName = "Range: ";
  const std::size_t at = head.find(kName);
  if (at == std::string::npos) return {};
  return head.substr(at + kName.size(), head.find('\r', at) - at - kName.size());
}

}  // namespace

FileServer::FileServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener_.get(), generic, size), 0);
  EXPECT_EQ(::listen(listener_.get(), 8), 0);
  EXPECT_EQ(::getsockname(listener_.get(), generic, &size), 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

FileServer::~FileServer() {
  is_stopping_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);  // Ends accept.
  thread_.join();
}

std::string FileServer::Url(const std::string& path) const {
  return fmt::format("http://127.0.0.1:{}/{}", port_, path);
}

void FileServer::Put(const std::string& path, std::string bytes) {
  const base::MutexLock lock(mutex_);
  files_["/" + path] = std::move(bytes);
}

void FileServer::BreakAfter(std::size_t bytes) {
  const base::MutexLock lock(mutex_);
  break_after_ = bytes;
}

void FileServer::AllowRanges(bool is_allowed) {
  const base::MutexLock lock(mutex_);
  has_ranges_ = is_allowed;
}

std::vector<std::string> FileServer::requests() const {
  const base::MutexLock lock(mutex_);
  return requests_;
}

void FileServer::Serve() {
  while (!is_stopping_) {
    const base::UniqueFd connection(::accept(listener_.get(), nullptr, nullptr));
    if (connection.is_open()) Answer(connection.get());
  }
}

void FileServer::Answer(int connection) {
  const std::string head = ReadHead(connection);
  const std::string path = head.substr(0, head.find(" HTTP")).substr(head.find(' ') + 1);
  const std::string range = RangeOf(head);
  const base::MutexLock lock(mutex_);
  requests_.push_back(fmt::format("GET {}{}{}", path, range.empty() ? "" : " ", range));
  const auto file = files_.find(path);
  if (file == files_.end()) {
    SendAll(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
    return;
  }
  std::string_view body = file->second;
  std::string status = "200 OK";
  if (has_ranges_ && range.starts_with("bytes=")) {
    const std::size_t start = std::stoul(range.substr(6));
    if (start >= body.size()) {
      SendAll(connection, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    status = fmt::format("206 Partial Content\r\nContent-Range: bytes {}-{}/{}", start,
                         body.size() - 1, body.size());
    body.remove_prefix(start);
  }
  SendAll(connection, fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                                  status, body.size()));
  if (break_after_ > 0) body = body.substr(0, std::exchange(break_after_, 0));
  SendAll(connection, body);
}

}  // namespace rollcall::vision
