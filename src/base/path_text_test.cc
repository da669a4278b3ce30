#include "base/path_text.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/utf8.h"

namespace rollcall::base {
namespace {

TEST(PathTextTest, APathInUtf8IsItself) {
  for (const char* path : {"", "/", "/v/Mañana.mp4", "/v/100% \\xf1.mp4", "videos/a b.mp4"}) {
    EXPECT_EQ(PathToText(path), path);
    EXPECT_EQ(PathFromText(path), path);
  }
}

TEST(PathTextTest, APathOfAnyBytesComesBackThroughJson) {
  for (const std::string bytes :
       {"/v/Ma\xf1"
        "ana.mp4",
        "/v/\xff%41 \n\x1b.mp4", "videos/\x80.mp4", "/\xed\xa0\x80", "/\xc3"}) {
    const std::string text = PathToText(bytes);
    EXPECT_TRUE(IsUtf8(text)) << text;
    const Json carried = Json::parse(Json(text).dump());
    EXPECT_EQ(PathFromText(carried.get<std::string>()).native(), bytes) << text;
  }
  EXPECT_EQ(PathToText("/v/Ma\xf1"
                       "ana 1.mp4"),
            "file:///v/Ma%F1ana%201.mp4");
}

TEST(PathTextTest, WhatOnlyLooksEncodedIsAPath) {
  for (const char* text : {"/v/Ma%F1ana.mp4", "file:/v/a.mp4", "file:///a%", "file:///a%zz"}) {
    EXPECT_EQ(PathFromText(text).native(), text);
  }
}

}  // namespace
}  // namespace rollcall::base
