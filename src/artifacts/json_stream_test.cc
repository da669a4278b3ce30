#include "artifacts/json_stream.h"

#include <gtest/gtest.h>

#include "artifacts/testing/temporary_folder.h"
#include "base/file.h"

namespace rollcall::artifacts {
namespace {

using base::Json;
using testing::TemporaryFolder;

// Says a document part by part, down to the single values.
void Say(JsonStream& stream, const Json& value) {
  if (value.is_object()) {
    stream.BeginObject();
    for (const auto& [key, entry] : value.items()) {
      stream.Key(key);
      Say(stream, entry);
    }
    stream.EndObject();
  } else if (value.is_array()) {
    stream.BeginArray();
    for (const Json& element : value) Say(stream, element);
    stream.EndArray();
  } else {
    stream.Value(value);
  }
}

class JsonStreamTest : public ::testing::TestWithParam<const char*> {
 protected:
  template <typename Sayer>
  std::string Written(JsonStream::Layout layout, Sayer say) {
    const auto path = folder_.path() / "document.json";
    OutputFile file = OutputFile::Create(path).value();
    JsonStream stream(file, layout);
    say(stream);
    EXPECT_TRUE(stream.Finish().ok());
    EXPECT_TRUE(file.Close().ok());
    return base::ReadFile(path).value();
  }
  TemporaryFolder folder_;
};

TEST_P(JsonStreamTest, WritesTheBytesOfTheWholeDocument) {
  const Json document = Json::parse(GetParam());
  const auto say = [&](JsonStream& stream) { Say(stream, document); };
  EXPECT_EQ(Written(JsonStream::Layout::kCompact, say), document.dump());
  EXPECT_EQ(Written(JsonStream::Layout::kIndented, say), document.dump(1));
}

TEST_P(JsonStreamTest, AValueMayBeAWholeDocumentInside) {
  const Json inner = Json::parse(GetParam());
  const Json document{{"before", 1}, {"list", {inner, inner}}, {"inner", inner}};
  const auto say = [&](JsonStream& stream) {
    stream.BeginObject();
    stream.Key("before");
    stream.Value(1);
    stream.Key("list");
    stream.BeginArray();
    stream.Value(inner);
    stream.Value(inner);
    stream.EndArray();
    stream.Entries({{"inner", inner}});
    stream.EndObject();
  };
  EXPECT_EQ(Written(JsonStream::Layout::kCompact, say), document.dump());
  EXPECT_EQ(Written(JsonStream::Layout::kIndented, say), document.dump(1));
}

INSTANTIATE_TEST_SUITE_P(
    Documents, JsonStreamTest,
    ::testing::Values("{}", "[]", "null", "-1", "0.1", R"("a\n\"b\" ü")",
                      R"({"z":1,"a":[],"m":{}})", "[[],[{}],[1,[2,[3]]]]",
                      R"({"a":{"b":{"c":[1.5,true,null,"x"]}},"d":[{"e":2}]})"));

TEST(JsonStreamFloatTest, AFloatIsWrittenAsTheDoubleThatItIs) {
  const TemporaryFolder folder;
  OutputFile file = OutputFile::Create(folder.path() / "x").value();
  JsonStream stream(file, JsonStream::Layout::kCompact);
  stream.Value(0.9F);
  ASSERT_TRUE(stream.Finish().ok());
  ASSERT_TRUE(file.Close().ok());
  EXPECT_EQ(base::ReadFile(folder.path() / "x").value(), Json(0.9F).dump());
}

}  // namespace
}  // namespace rollcall::artifacts
