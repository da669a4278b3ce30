#include "server/testing/bad_heads.h"

#include "domain/reasons.h"

namespace rollcall::server::testing {
namespace {

namespace reason = domain::reason;

std::string With(const std::string& fields) {
  return "POST /x HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}

}  // namespace

void PrintTo(const BadHead& head, std::ostream* out) { *out << head.name; }

std::vector<BadHead> BadHeads() {
  const std::string nul(1, '\0');
  return {
      {"EncodingBesideLength", With("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
      {"LengthBesideEncoding", With("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
      {"GzipBesideLength", With("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n")},
      {"Gzip", With("Transfer-Encoding: gzip\r\n")},
      {"Identity", With("Transfer-Encoding: identity\r\n")},
      {"Xchunked", With("Transfer-Encoding: xchunked\r\n")},
      {"ChunkedThenGzip", With("Transfer-Encoding: chunked, gzip\r\n")},
      {"GzipThenChunked", With("Transfer-Encoding: gzip, chunked\r\n")},
      {"ChunkedTwice", With("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"ChunkedWithVerticalTab", With("Transfer-Encoding: \x0b"
                                      "chunked\r\n")},
      {"QuotedChunked", With("Transfer-Encoding: \"chunked\"\r\n")},
      {"EncodingInHttp10",
       "POST /x HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"LengthList", With("Content-Length: 5, 5\r\n")},
      {"LengthTwice", With("Content-Length: 5\r\nContent-Length: 5\r\n")},
      {"LengthTwiceDiffers", With("Content-Length: 5\r\nContent-Length: 6\r\n")},
      {"LengthSigned", With("Content-Length: +5\r\n")},
      {"LengthNegative", With("Content-Length: -5\r\n")},
      {"LengthHex", With("Content-Length: 0x5\r\n")},
      {"LengthEmpty", With("Content-Length:\r\n")},
      {"LengthTooLarge", With("Content-Length: 99999999999999999999\r\n")},
      {"FoldedLine", With("X-A: b\r\n c\r\n")},
      {"FoldedFirstField", "POST /x HTTP/1.1\r\n Host: localhost\r\n\r\n"},
      {"SpaceBeforeColon", With("Content-Length : 5\r\n")},
      {"NameWithoutColon", With("Content-Length\r\n")},
      {"NameIsEmpty", With(": 5\r\n")},
      {"NulInValue", With("X-A: b" + nul + "c\r\n")},
      {"EscapeInValue", With("X-A: \x1b[31m\r\n")},
      {"BareCarriageReturn", With("X-A: b\rContent-Length: 5\r\n")},
      {"BareLineFeed", "POST /x HTTP/1.1\nHost: localhost\n\n"},
      {"BareLineFeedInside", "POST /x HTTP/1.1\r\nHost: localhost\nContent-Length: 5\r\n\r\n"},
      {"NoHost", "GET /x HTTP/1.1\r\n\r\n"},
      {"NoHostInHttp10", "GET /x HTTP/1.0\r\n\r\n"},
      {"HostTwice", With("Host: localhost\r\n")},
      {"HostList", "GET /x HTTP/1.1\r\nHost: localhost, evil\r\n\r\n"},
      {"HostWithPath", "GET /x HTTP/1.1\r\nHost: localhost/evil\r\n\r\n"},
      {"HostWithUser", "GET /x HTTP/1.1\r\nHost: evil@localhost\r\n\r\n"},
      {"HostEmpty", "GET /x HTTP/1.1\r\nHost:\r\n\r\n"},
      {"HostBadPort", "GET /x HTTP/1.1\r\nHost: localhost:80x\r\n\r\n"},
      {"AnothersHost", "GET /x HTTP/1.1\r\nHost: evil.example\r\n\r\n", reason::kMisdirected},
      {"RebindingHost", "GET /x HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n",
       reason::kMisdirected},
      {"AbsoluteTarget", "GET http://localhost/x HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"AuthorityTarget", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"AsteriskTarget", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"TwoSlashes", "GET //evil.example/x HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"Fragment", "GET /x#y HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"SpaceInTarget", "GET /x y HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"RawUtf8InTarget", "GET /\xc3\xb1 HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"TabBetween", "GET\t/x\tHTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"Http2", "GET /x HTTP/2.0\r\nHost: localhost\r\n\r\n"},
      {"Http09", "GET /x\r\n\r\n"},
      {"LowerCaseVersion", "GET /x http/1.1\r\nHost: localhost\r\n\r\n"},
      {"MethodIsNoToken", "GE(T /x HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"EmptyFirstLine", "\r\nGET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"JsonRpc", "{\"jsonrpc\": \"2.0\"}\n"},
      {"LongLine", With("X-A: " + std::string(9000, 'a') + "\r\n"), reason::kHeadTooLarge},
      {"ManyFields",
       [] {
         std::string fields;
         for (int i = 0; i < 3000; ++i) fields += "X: y\r\n";
         return With(fields);
       }(),
       reason::kHeadTooLarge},
  };
}

}  // namespace rollcall::server::testing
