#include "app/api_docs.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"

namespace rollcall::app {
namespace {

using base::Json;

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string Text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? Escaped(found->get<std::string>())
                                                     : std::string();
}

// "Job", "list of Job", "integer or null", with links to schemas.
std::string TypeText(const Json& schema) {
  if (const auto ref = schema.find("$ref"); ref != schema.end()) {
    const auto path = ref->get<std::string>();
    const std::string name = Escaped(path.substr(path.rfind('/') + 1));
    return fmt::format(R"(<a href="#{0}">{0}</a>)", name);
  }
  if (const auto choices = schema.find("oneOf"); choices != schema.end()) {
    std::string text;
    for (const Json& choice : *choices) text += (text.empty() ? "" : " or ") + TypeText(choice);
    return text;
  }
  const Json type = schema.value("type", Json("anything"));
  if (type == "array") return "list of " + TypeText(schema.value("items", Json::object()));
  const bool is_map = type == "object" && schema.value("additionalProperties", Json()).is_object();
  if (is_map) return "map of " + TypeText(schema.at("additionalProperties"));
  if (!type.is_array()) return Escaped(type.get<std::string>());
  std::string text;
  for (const Json& one : type) {
    text += (text.empty() ? "" : " or ") + Escaped(one.get<std::string>());
  }
  return text;
}

std::string Row(std::string_view name, std::string_view type, std::string_view description) {
  return fmt::format("<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>\n", name, type,
                     description);
}

std::string PropertyRows(const Json& schema) {
  std::string rows;
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, property] : properties.items()) {
    rows += Row(Escaped(name), TypeText(property), Text(property, "description"));
  }
  return rows;
}

// The schema of what it carries, if it says one.
std::string ContentText(const Json& described) {
  std::string text;
  const Json contents = described.value("content", Json::object());
  for (const auto& [type, content] : contents.items()) {
    text += fmt::format("{}<code>{}</code> {}", text.empty() ? "" : "; ", Escaped(type),
                        TypeText(content.at("schema")));
  }
  return text;
}

std::string OperationText(std::string_view method, std::string_view path, const Json& operation) {
  std::string upper(method);
  for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
  std::string text =
      fmt::format("<h3 id=\"{}\"><code>{} {}</code></h3>\n<p>{}. {}{}</p>\n<table>\n",
                  Text(operation, "operationId"), upper, Escaped(path), Text(operation, "summary"),
                  Text(operation, "description"),
                  operation.contains("x-unix-socket-only") ? " At the unix socket only." : "");
  for (const Json& parameter : operation.value("parameters", Json::array())) {
    text += Row(Text(parameter, "name"),
                Text(parameter, "in") + ", " + TypeText(parameter.at("schema")),
                Text(parameter, "description"));
  }
  if (operation.contains("requestBody")) {
    text += Row("body", ContentText(operation.at("requestBody")), "");
  }
  for (const auto& [status, response] : operation.at("responses").items()) {
    text += Row(Escaped(status), ContentText(response), Text(response, "description"));
  }
  return text + "</table>\n";
}

}  // namespace

const Json& OpenApi() {
  static const Json api = base::ParseJson(std::string(OpenApiText()), "openapi.json").value();
  return api;
}

std::string ApiDocsPage(const Json& api) {
  constexpr std::string_view kStyle =
      "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
      "color:#1c1c1c;background:#fff}table{border-collapse:collapse;width:100%}"
      "td{border-top:1px solid #ddd;padding:.3rem .6rem .3rem 0;vertical-align:top}"
      "td:first-child{width:14rem}td:nth-child(2){width:20rem}code{font-size:.9em}h3{margin:2rem 0 "
      "0}a{color:#0b57d0}"
      "@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}"
      "td{border-color:#333}a{color:#8ab4f8}}";
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{0} API</title>\n"
      "<meta name=\"viewport\" content=\"width=device-width\"><style>{1}</style></head>\n<body>\n"
      "<h1>{0} API {2}</h1>\n<p>{3}</p>\n<p><a href=\"openapi.json\">openapi.json</a></p>\n",
      Text(api.at("info"), "title"), kStyle, Text(api.at("info"), "version"),
      Text(api.at("info"), "description"));
  for (const Json& tag : api.at("tags")) {
    page += fmt::format("<h2>{}</h2>\n<p>{}</p>\n", Text(tag, "name"), Text(tag, "description"));
    for (const auto& [path, methods] : api.at("paths").items()) {
      for (const auto& [method, operation] : methods.items()) {
        if (operation.at("tags").at(0) == tag.at("name"))
          page += OperationText(method, path, operation);
      }
    }
  }
  page += "<h2>Schemas</h2>\n";
  for (const auto& [name, schema] : api.at("components").at("schemas").items()) {
    page += fmt::format(
        "<h3 id=\"{0}\">{0}</h3>\n<p>{1}</p>\n<table>\n{2}</table>\n", Escaped(name),
        schema.contains("properties") ? Text(schema, "description")
                                      : TypeText(schema) + ". " + Text(schema, "description"),
        PropertyRows(schema));
  }
  return page + "</body>\n</html>\n";
}

}  // namespace rollcall::app
