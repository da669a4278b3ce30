#include "call_sites.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <regex>
#include <sstream>

namespace rollcall::faults {

namespace fs = std::filesystem;

namespace {

// A call may begin some lines before the line that its instruction is booked under, or after.
constexpr int kLinesApart = 8;

std::set<std::string> StoreMethods() {
  static const std::regex kDeclaration(R"(virtual base::Result<.*> (\w+)\()");
  std::ifstream header(fs::path(ROLLCALL_SOURCE_DIR) / "src/store/job_store.h");
  std::set<std::string> methods;
  std::smatch match;
  for (std::string line; std::getline(header, line);) {
    if (std::regex_search(line, match, kDeclaration)) methods.insert(match[1]);
  }
  return methods;
}

// Of every module under src/, as the build has written them down: modules.txt, tab-separated
// kind, name, folder and more.
std::vector<std::string> ModuleFolders() {
  std::ifstream list(fs::path(ROLLCALL_BIN_DIR).parent_path() / "modules.txt");
  std::vector<std::string> folders;
  for (std::string line; std::getline(list, line);) {
    std::istringstream columns(line);
    std::string kind;
    std::string name;
    std::string folder;
    columns >> kind >> name >> folder;
    if (kind == "module" && folder.starts_with("src/")) folders.push_back(folder);
  }
  return folders;
}

void AddSitesOf(const fs::path& file, const std::string& name, const std::set<std::string>& methods,
                std::vector<CallSite>& sites) {
  static const std::regex kCall(R"(\bstore_?(?:\.|->)(\w+)\()");
  std::ifstream text(file);
  int number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    for (std::sregex_iterator it(line.begin(), line.end(), kCall), end; it != end; ++it) {
      if (methods.contains((*it)[1])) {
        sites.push_back({.file = name, .line = number, .method = (*it)[1]});
      }
    }
  }
}

struct Place {
  std::string file;
  int line = 0;
};

// One line of addr2line: "/…/src/jobs/agent.cc:228 (discriminator 2)".
std::optional<Place> ReadPlace(const std::string& line) {
  static const std::regex kPlace(R"((src/[\w/]+\.cc):(\d+))");
  std::smatch match;
  if (!std::regex_search(line, match, kPlace)) return std::nullopt;
  return Place{.file = match[1], .line = std::stoi(match[2])};
}

std::vector<std::string> LinesOf(const std::string& command) {
  std::vector<std::string> lines;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"),
                                                             &::pclose);
  std::array<char, 4096> line{};
  while (pipe && std::fgets(line.data(), line.size(), pipe.get()) != nullptr) {
    lines.emplace_back(line.data());
  }
  return lines;
}

}  // namespace

std::string CallSite::Name() const {
  return fmt::format("{}:{} {}", file.substr(file.rfind('/') + 1), line, method);
}

std::vector<CallSite> AllCallSites() {
  const std::set<std::string> methods = StoreMethods();
  std::vector<CallSite> sites;
  for (const std::string& folder : ModuleFolders()) {
    if (folder.starts_with("src/store")) continue;  // What lies, and what it lies about.
    for (const auto& entry : fs::recursive_directory_iterator(ROLLCALL_SOURCE_DIR "/" + folder)) {
      const std::string path =
          entry.path().lexically_relative(ROLLCALL_SOURCE_DIR).generic_string();
      if (!path.ends_with(".cc") || path.ends_with("_test.cc")) continue;
      if (path.find("/testing/") != std::string::npos) continue;
      AddSitesOf(entry.path(), path, methods, sites);
    }
  }
  std::sort(sites.begin(), sites.end());
  // A folder below another module's was read with both.
  sites.erase(std::unique(sites.begin(), sites.end()), sites.end());
  return sites;
}

std::map<const void*, CallSite> Locate(const std::map<const void*, std::string>& method_of,
                                       const std::vector<CallSite>& sites) {
  std::map<const void*, CallSite> located;
  Dl_info program{};
  if (::dladdr(reinterpret_cast<const void*>(&AllCallSites), &program) == 0) return located;
  std::string command =
      fmt::format("addr2line -e '{}'", fs::read_symlink("/proc/self/exe").string());
  for (const auto& [address, method] : method_of) {
    const auto offset = static_cast<const char*>(address) -
                        static_cast<const char*>(program.dli_fbase) - 1;  // In the call itself.
    command += fmt::format(" {:#x}", offset);
  }
  const std::vector<std::string> lines = LinesOf(command);
  std::size_t i = 0;
  for (const auto& [address, method] : method_of) {
    const auto place = i < lines.size() ? ReadPlace(lines[i]) : std::nullopt;
    ++i;
    const CallSite* nearest = nullptr;
    for (const CallSite& site : sites) {
      if (!place || site.file != place->file || site.method != method) continue;
      const int apart = std::abs(site.line - place->line);
      const bool is_nearer = nearest == nullptr || apart < std::abs(nearest->line - place->line);
      if (apart <= kLinesApart && is_nearer) nearest = &site;
    }
    if (nearest != nullptr) located[address] = *nearest;
  }
  return located;
}

}  // namespace rollcall::faults
