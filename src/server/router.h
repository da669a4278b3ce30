#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.h"
#include "base/result.h"

namespace rollcall::server {

// One thing that can be asked: GET /api/jobs/{id}.
struct Route {
  enum class From { kAnywhere, kUnixSocket };

  std::string method;   // "GET"; it answers HEAD as well.
  std::string pattern;  // "/api/jobs/{id}": a segment in braces stands for any.
  // The values of the segments in braces, in their order, stand before the request.
  std::function<base::Result<api::Answer>(const std::vector<std::string>& parts,
                                          const api::Request& request)>
      run;
  From from = From::kAnywhere;
  std::size_t body_bytes_max = 64 * 1024;
};

// Which route answers what.
//
// Thread-safe: it never changes.
class Router {
 public:
  explicit Router(std::vector<Route> routes);

  struct Match {
    const Route* route = nullptr;
    std::vector<std::string> parts;
  };
  // kNotFound / ERR_NO_SUCH_RESOURCE; ERR_METHOD_NOT_ALLOWED, where Allowed says which are. Routes
  // of the unix socket do not exist at another door.
  base::Result<Match> Find(const api::Request& request) const;
  // "GET, HEAD, POST"; empty where there is nothing.
  std::string Allowed(const api::Request& request) const;

  // Never fails: what goes wrong is a problem document. A page of another origin changes nothing:
  // 403.
  api::Answer Run(const api::Request& request) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace rollcall::server
