#include "vision/pack_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rollcall::vision {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kGood = R"(
name = "mine"
version = "3"
[detector]
kind = "ulfg"
file = "d.onnx"
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
licence = "MIT"
source = "here"
outputs = ["a", "b"]
[detector.params]
input_width = 320
mean = 0.5
)";

std::string With(std::string_view from, std::string_view to) {
  std::string text(kGood);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST(PackFileTest, ReadsRolesAndTheirParameters) {
  const auto pack = ParsePackFile(kGood, "pack.toml");
  ASSERT_TRUE(pack.ok()) << pack.error().ToString();
  EXPECT_EQ(pack->name, "mine");
  EXPECT_EQ(pack->version, "3");
  ASSERT_EQ(pack->roles.size(), 1U);
  EXPECT_EQ(pack->roles[0].role.kind, "ulfg");
  EXPECT_EQ(pack->roles[0].role.file, "d.onnx");
  const ParamTable& params = pack->roles[0].params;
  EXPECT_EQ(std::get<double>(params.at("input_width")), 320);
  EXPECT_EQ(std::get<double>(params.at("mean")), 0.5);
  EXPECT_EQ(std::get<std::vector<std::string>>(params.at("outputs")).size(), 2U);
}

struct BadPack {
  const char* name;
  const char* from;
  const char* to;
  const char* says;
};
class BadPackFileTest : public testing::TestWithParam<BadPack> {};

TEST_P(BadPackFileTest, IsRefusedWithWhatIsWrong) {
  const auto pack = ParsePackFile(With(GetParam().from, GetParam().to), "pack.toml");
  ASSERT_FALSE(pack.ok());
  EXPECT_EQ(pack.error().reason, "ERR_BAD_CONFIG");
  EXPECT_THAT(pack.error().message, HasSubstr(GetParam().says));
  EXPECT_THAT(pack.error().message, HasSubstr("pack.toml"));
}

INSTANTIATE_TEST_SUITE_P(
    Mistakes, BadPackFileTest,
    testing::Values(BadPack{"NotToml", "kind =", "kind :", "line 5"},
                    BadPack{"NoName", "name = \"mine\"", "", "'name'"},
                    BadPack{"NameIsNumber", "name = \"mine\"", "name = 3", "'name'"},
                    BadPack{"NoVersion", "version = \"3\"", "", "'version'"},
                    BadPack{"UnknownRole", "[detector]", "[ears]\n[detector]", "'ears'"},
                    BadPack{"UnknownKey", "[detector]", "colour = 1\n[detector]", "'colour'"},
                    BadPack{"NoKind", "kind = \"ulfg\"", "", "'kind'"},
                    BadPack{"NoLicence", "licence = \"MIT\"", "", "'licence'"},
                    BadPack{"HashTooShort", "0123456789abcdef\"", "\"", "'sha256'"},
                    BadPack{"FileOutside", "d.onnx", "../d.onnx", "not a file in the pack"},
                    BadPack{"FileAbsolute", "d.onnx", "/tmp/d.onnx", "not a file in the pack"},
                    BadPack{"ParamTwice", "mean = 0.5", "outputs = [\"c\"]", "twice"},
                    BadPack{"ParamIsTable", "mean = 0.5", "mean = {x = 1}", "'mean'"},
                    BadPack{"ListOfNumbers", "[\"a\", \"b\"]", "[1, 2]", "'outputs'"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(PackFileTest, RefusesPackWithoutRoles) {
  EXPECT_FALSE(ParsePackFile("name = \"a\"\nversion = \"1\"\n", "pack.toml").ok());
}

class ParamReaderTest : public testing::Test {
 protected:
  ParamTable table_{{"side", 320.0}, {"share", 0.5}, {"word", std::string("rgb")}};
};

TEST_F(ParamReaderTest, IsContentWhenEverythingWasAskedFor) {
  ParamReader reader(table_, "here");
  EXPECT_EQ(reader.Int("side", {1, 1000}), 320);
  EXPECT_FLOAT_EQ(reader.Number("share", {0, 1}), 0.5F);
  EXPECT_EQ(reader.Word("word", {"bgr", "rgb"}), "rgb");
  EXPECT_FLOAT_EQ(reader.NumberOr("other", {0, 1}, 0.25F), 0.25F);
  EXPECT_TRUE(reader.Finish().ok());
}

TEST_F(ParamReaderTest, RefusesWhatNobodyAskedFor) {
  ParamReader reader(table_, "here");
  reader.Int("side", {1, 1000});
  const auto finished = reader.Finish();
  ASSERT_FALSE(finished.ok());
  EXPECT_THAT(finished.error().message, HasSubstr("nothing is known of 'share'"));
}

TEST_F(ParamReaderTest, NamesTheFirstMistake) {
  ParamReader reader(table_, "here");
  reader.Number("missing", {0, 1});
  reader.Int("side", {1, 10});
  const auto finished = reader.Finish();
  ASSERT_FALSE(finished.ok());
  EXPECT_EQ(finished.error().message, "here: 'missing' is missing");
}

TEST_F(ParamReaderTest, RefusesValuesOutOfRangeOrOfAnotherType) {
  const auto message = [&](auto ask) {
    ParamReader reader(table_, "here");
    ask(reader);
    return reader.Finish().error().message;
  };
  EXPECT_THAT(message([](auto& r) { r.Int("side", {1, 10}); }), HasSubstr("not in 1…10"));
  EXPECT_THAT(message([](auto& r) { r.Int("share", {0, 1}); }), HasSubstr("whole number"));
  EXPECT_THAT(message([](auto& r) { r.Int("word", {0, 1}); }), HasSubstr("not a number"));
  EXPECT_THAT(message([](auto& r) { r.Word("word", {"grey"}); }), HasSubstr("not one of: grey"));
  EXPECT_THAT(message([](auto& r) { r.Words("word", 1); }), HasSubstr("not a list"));
}

}  // namespace
}  // namespace rollcall::vision
