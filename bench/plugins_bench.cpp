// What a large registry of plugins costs: opening it, adding one service, and what each plugin
// holds. A thousand files, each its own content, as a thousand teams would ship them. Goals are
// those of the design; a peer beside it is what the bare loader needs.
#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "callerapi/caller.hpp"

namespace callerapi {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point began) {
  return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
}

std::size_t resident_kib() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

std::size_t descriptors() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

/// Plugins and a registry that names each once, in a folder that goes with it.
class Folder {
 public:
  explicit Folder(const fs::path& plugin) {
    std::string pattern = (fs::temp_directory_path() / "callerapi-bench-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    fs::create_directory(root_ / "plugins");
    std::ifstream file(plugin, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
    services_ = "schema = 1\n";
  }
  ~Folder() { fs::remove_all(root_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// One more file, and its service. What is appended to an ELF file changes nothing but its sum.
  std::string add() {
    const std::string name = "s" + std::to_string(count_++);
    const fs::path file = path(name);
    std::ofstream(file, std::ios::binary) << bytes_ << "distinct " << name;
    ::chmod(file.c_str(), 0644);
    services_ +=
        "[services." + name + "]\nplugin = \"" + name + "\"\nbase_url = \"http://127.0.0.1:1\"\n";
    std::ofstream(registry()) << services_;
    return name;
  }
  void add(int count) {
    while (count_ < count) add();
  }
  fs::path path(const std::string& name) const { return root_ / "plugins" / (name + ".capi.so"); }
  std::string registry() const { return (root_ / "registry.toml").string(); }
  std::size_t plugin_bytes() const { return bytes_.size(); }

 private:
  fs::path root_;
  std::string bytes_, services_;
  int count_ = 0;
};

void say(const char* what, double value, const char* unit, const char* goal) {
  std::printf("%-64s %9.1f %-5s %s\n", what, value, unit, goal);
}

Caller opened(const Folder& folder) {
  Options options;
  options.watch = false;
  options.environment.emplace();
  auto caller = Caller::open(folder.registry(), std::move(options));
  if (caller) return std::move(*caller);
  std::fprintf(stderr, "plugins_bench: %s\n", caller.error().message.c_str());
  std::exit(1);
}

/// From the moment the deployer's files are there until the new service is known.
double hot_add(Caller& caller, Folder& folder) {
  const std::string name = folder.add();
  const auto began = Clock::now();
  if (const auto done = caller.reload(); !done || !caller.endpoints(name)) {
    std::fprintf(stderr, "plugins_bench: %s was not added\n", name.c_str());
    std::exit(1);
  }
  return ms_since(began);
}

double bare_loader(const Folder& folder, int count) {
  const auto began = Clock::now();
  std::vector<void*> handles;
  for (int i = 0; i < count; ++i) {
    void* handle = ::dlopen(folder.path("s" + std::to_string(i)).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr || ::dlsym(handle, "callerapi_plugin_v0") == nullptr) std::exit(1);
    handles.push_back(handle);
  }
  const double took = ms_since(began);
  for (void* handle : handles) ::dlclose(handle);
  return took;
}

/// Of this process, without its children: what a busy machine cannot add to.
double cpu_ms() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

void measure(int count, const fs::path& plugin) {
  Folder folder(plugin);
  folder.add(count);
  std::printf("\n%d services, %d files of %zu bytes\n", count, count, folder.plugin_bytes());
  const std::size_t kib = resident_kib(), fds = descriptors();
  auto began = Clock::now();
  {
    const Caller first = opened(folder);
    say("open, each file tried in a child for the first time", ms_since(began), "ms", "");
  }
  began = Clock::now();
  double cpu = cpu_ms();
  Caller caller = opened(folder);
  say("open, verdicts known", ms_since(began), "ms",
      count <= 40 ? "goal <= 10" : "goal <= 2000 for 1,000, aim 250");
  say("the same, processor time", cpu_ms() - cpu, "ms", "");
  say("memory for each plugin that stays mapped", static_cast<double>(resident_kib() - kib) / count,
      "KiB", "goal <= 200 for the service too");
  say("descriptors for each", static_cast<double>(descriptors() - fds) / count, "",
      "goal <= 1 with code, 0 without");
  std::vector<double> adds;
  cpu = cpu_ms();
  for (int i = 0; i < 9; ++i) adds.push_back(hot_add(caller, folder));
  cpu = (cpu_ms() - cpu) / 9;
  std::sort(adds.begin(), adds.end());
  say("hot add of one until callable, median of 9", adds[4], "ms", "goal <= 50, aim 20");
  say("the same, processor time", cpu, "ms", "");
  say("the same, slowest", adds.back(), "ms", "");
  say("the bare loader for all of them, nothing checked", bare_loader(folder, count), "ms", "");
}

}  // namespace
}  // namespace callerapi

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: plugins_bench PLUGIN.capi.so [COUNT...]\n");
    return 2;
  }
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;  // a plugin with code holds one descriptor
  ::setrlimit(RLIMIT_NOFILE, &files);
  for (int i = 2; i < argc; ++i) callerapi::measure(std::atoi(argv[i]), argv[1]);
  return 0;
}
