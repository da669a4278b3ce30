#include "subject/document.h"

namespace rollcall::subject {

using base::Json;

Json DocumentHeading(const std::string& epoch, std::int64_t seq) {
  return {{"schema", kDocumentSchema}, {"epoch", epoch}, {"seq", seq}};
}

std::string DocumentText(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace rollcall::subject
