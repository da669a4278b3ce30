#include "app/config.h"

#include <gtest/gtest.h>

#include <cctype>

#include "base/file.h"
#include "base/random.h"
#include "domain/reasons.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
namespace reason = domain::reason;

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() : folder_(fs::temp_directory_path() / ("rollcall-" + base::RandomId())) {
    fs::create_directories(folder_);
    variables_["ROLLCALL_DATA"] = folder_.string();
  }
  ~ConfigTest() override { fs::remove_all(folder_); }

  void WriteToml(std::string_view text) {
    ASSERT_TRUE(base::WriteFileAtomic(folder_ / "rollcall.toml", text).ok());
  }
  base::Result<Config> Load(const SettingValues& flags = {}) {
    return LoadConfig(flags, [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    });
  }

  fs::path folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(ConfigTest, HasDefaultsWithoutAnything) {
  const auto config = Load();
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->effort, "normal");
  EXPECT_EQ(config->provider, "cpu");
  EXPECT_EQ(config->slots, 2);
  EXPECT_EQ(config->worker_memory_mb, 4096);
  EXPECT_EQ(config->disk_free_mb, 64);
  EXPECT_GE(config->inference_threads(), 1);
}

TEST_F(ConfigTest, PutsFlagsOverEnvironmentOverFile) {
  WriteToml("[analysis]\neffort = \"draft\"\n[jobs]\nslots = 3\n[models]\nprovider = \"cuda\"\n");
  variables_["ROLLCALL_EFFORT"] = "normal";
  variables_["ROLLCALL_SLOTS"] = "4";
  const auto config = Load({{"effort", "full"}});
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->effort, "full");
  EXPECT_EQ(config->slots, 4);
  EXPECT_EQ(config->provider, "cuda");
  EXPECT_EQ(config->origins.at("effort"), "flag");
  EXPECT_EQ(config->origins.at("slots"), "ROLLCALL_SLOTS");
  EXPECT_EQ(config->origins.at("provider"), "rollcall.toml:6");
}

TEST_F(ConfigTest, PutsTheDataFlagOverTheVariable) {
  const auto config = Load({{"data", "/nowhere/else/../data"}});
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->data_dir, "/nowhere/data");
}

TEST_F(ConfigTest, FindsTheDataDirectoryAtHome) {
  variables_.erase("ROLLCALL_DATA");
  variables_["HOME"] = folder_.string();
  EXPECT_EQ(Load()->data_dir, folder_ / ".local/share/rollcall");
  variables_.erase("HOME");
  EXPECT_EQ(Load().error().reason, reason::kBadParams);
}

struct BadToml {
  const char* text;
  const char* line;
};
// Fit for the name of a test.
void PrintTo(const BadToml& each, std::ostream* out) {
  for (const char c : std::string_view(each.text)) *out << (std::isalnum(c) != 0 ? c : '_');
}

class BadTomlTest : public ConfigTest, public ::testing::WithParamInterface<BadToml> {};

TEST_P(BadTomlTest, IsRefusedWithItsLine) {
  WriteToml(GetParam().text);
  const auto config = Load();
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.error().reason, reason::kBadConfig);
  EXPECT_NE(config.error().message.find(GetParam().line), std::string::npos)
      << config.error().message;
  EXPECT_FALSE(config.error().hint.empty());
}

INSTANTIATE_TEST_SUITE_P(ConfigTest, BadTomlTest,
                         ::testing::Values(BadToml{"[analysis\n", "line 1"},
                                           BadToml{"\n\neffort = draft\n", "line 3"},
                                           BadToml{"[analysis]\neffort = \"fast\"\n", "line 2"},
                                           BadToml{"[analysis]\nefort = \"full\"\n", "line 2"},
                                           BadToml{"[jobs]\n\nslots = 0\n", "line 3"},
                                           BadToml{"[jobs]\nslots = 1.5\n", "line 2"},
                                           BadToml{"[jobs]\nslots = [1]\n", "line 2"},
                                           BadToml{"[jobs]\nworker_memory_mb = 8\n", "line 2"}));

TEST_F(ConfigTest, LimitsTheMemoryOfAWorker) {
  WriteToml("[jobs]\ndisk_free_mb = 5\n");
  EXPECT_EQ(Load()->disk_free_mb, 5);
  WriteToml("[jobs]\nworker_memory_mb = 512\n");
  EXPECT_EQ(Load()->worker_memory_mb, 512);
  variables_["ROLLCALL_WORKER_MEMORY_MB"] = "0";
  EXPECT_EQ(Load()->worker_memory_mb, 0) << "no limit";
}

TEST_F(ConfigTest, NamesTheVariableThatIsWrong) {
  variables_["ROLLCALL_THREADS"] = "many";
  const auto config = Load();
  ASSERT_FALSE(config.ok());
  EXPECT_NE(config.error().message.find("ROLLCALL_THREADS"), std::string::npos);
}

TEST_F(ConfigTest, PassesOverVariablesThatItDoesNotKnow) {
  variables_["ROLLCALL_MEDIA"] = "somewhere";
  EXPECT_TRUE(Load().ok());
}

TEST_F(ConfigTest, PrefersAPackInTheDataDirectory) {
  variables_["ROLLCALL_MODELS"] = "/packs";
  EXPECT_EQ(Load()->ModelPackFolder(), "/packs/default");
  fs::create_directories(folder_ / "models/default");
  ASSERT_TRUE(base::WriteFileAtomic(folder_ / "models/default/pack.toml", "").ok());
  EXPECT_EQ(Load()->ModelPackFolder(), folder_ / "models/default");
  EXPECT_EQ(Load({{"model_pack", "/my/pack"}})->ModelPackFolder(), "/my/pack");
}

TEST_F(ConfigTest, SaysWhereEachSettingCameFrom) {
  const auto config = Load({{"effort", "draft"}});
  const base::Json json = config->ToJson();
  EXPECT_EQ(json["analysis.effort"]["value"], "draft");
  EXPECT_EQ(json["analysis.effort"]["origin"], "flag");
  EXPECT_EQ(json["jobs.slots"]["origin"], "default");
}

// It listed `slots`, which the file calls `jobs.slots`.
TEST_F(ConfigTest, WhatItPrintsCanBeWrittenIntoTheFileAndMeansTheSame) {
  variables_["ROLLCALL_MODELS"] = (folder_ / "packs").string();
  variables_["ROLLCALL_SLOTS"] = "7";
  variables_["ROLLCALL_DATA_GROUP"] = "editors";
  const base::Json printed = Load({{"effort", "draft"}, {"model_pack", "yunet"}})->ToJson();
  std::string toml;
  for (const auto& [name, setting] : printed.items()) {
    if (name != "data") toml += name + " = " + setting.at("value").dump() + "\n";
  }
  WriteToml(toml);
  for (const char* name : {"ROLLCALL_MODELS", "ROLLCALL_SLOTS", "ROLLCALL_DATA_GROUP"}) {
    variables_.erase(name);
  }
  const auto read = Load();
  ASSERT_TRUE(read.ok()) << read.error().ToString() << "\n" << toml;
  const base::Json again = read->ToJson();
  for (const auto& [name, setting] : printed.items()) {
    EXPECT_EQ(again.at(name).at("value"), setting.at("value")) << name;
    if (name != "data") {
      EXPECT_NE(again.at(name).at("origin"), "default") << name;
    }
  }
  EXPECT_EQ(again.size(), printed.size());
}

TEST_F(ConfigTest, TakesEveryTimeConstantOfTheRuntime) {
  const jobs::RuntimeTimes divided = jobs::RuntimeTimes{}.DividedBy(10);
  std::string toml = "[runtime]\n";
  for (const jobs::RuntimeTimeField& field : jobs::kRuntimeTimeFields) {
    toml +=
        std::string(field.name) + " = " + std::to_string((divided.*field.member).count()) + "\n";
  }
  WriteToml(toml);
  const auto config = Load();
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  for (const jobs::RuntimeTimeField& field : jobs::kRuntimeTimeFields) {
    EXPECT_EQ(config->runtime.*field.member, divided.*field.member) << field.name;
  }
  EXPECT_EQ(config->ToJson()["runtime.lease_ms"]["value"], 3000);
  EXPECT_EQ(config->ToJson()["runtime.lease_ms"]["origin"], "rollcall.toml:2");
}

TEST_F(ConfigTest, RefusesTimesThatAreNoneOrContradictEachOther) {
  for (const std::string wrong : {"lease_ms = 0", "lease_ms = -5", "lease_ms = \"30 s\"",
                                  "leese_ms = 30000", "pulse_ms = 90000000", "lease_ms = 10000"}) {
    WriteToml("[runtime]\n" + wrong + "\n");
    const auto config = Load();
    ASSERT_FALSE(config.ok()) << wrong;
    EXPECT_EQ(config.error().reason, reason::kBadConfig) << wrong;
    EXPECT_NE(config.error().message.find("rollcall.toml, line "), std::string::npos) << wrong;
  }
}

}  // namespace
}  // namespace rollcall::app
