// An open loop of ours while the registry is reloaded under it. Each reload changes the settings of
// the service that is called, exchanges its plugin for another file, and adds or removes a tenth of
// the services beside it.
//   --rate N --reloads N (a second; 0: none) --services N --plugin FILE, and what every client
//   takes
#include <sys/stat.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "ours.hpp"

namespace callerapi::bench {
namespace {

namespace fs = std::filesystem;

/// A registry and its plugins, in a folder that goes with it. One thread.
class Folder {
 public:
  Folder(const Task& task, const fs::path& plugin, int services) : task_(task), beside_(services) {
    std::string pattern = (fs::temp_directory_path() / "callerapi-bench-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    fs::create_directory(root_ / "plugins");
    std::ifstream file(plugin, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});

    fs::copy_file(plugin.parent_path() / "http.capi.so", root_ / "plugins" / "beside.capi.so");
    deploy(0);
  }
  ~Folder() { fs::remove_all(root_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string registry() const { return (root_ / "registry.toml").string(); }

  /// What the next reload finds.
  void deploy(std::uint64_t round) {
    version_ = round;
    write_plugin("called");
    const int extra = round % 2 == 0 ? 0 : beside_ / 10;
    std::string text = "schema = 1\n[defaults]\npool.queue_max = 20000\nlimits.inflight = 20000\n";
    text += "[services.plain]\nplugin = \"called\"\nbase_url = \"http://" + task_.host + ":" +
            task_.port + "\"\ntimeouts.total = \"" + std::to_string(100 + round % 2) + "s\"\n";
    for (int i = 0; i < beside_ + extra; ++i)
      text += "[services.s" + std::to_string(i) +
              "]\nplugin = \"beside\"\nbase_url = \"http://127.0.0.1:1\"\n";
    put(registry(), text);
  }

 private:
  /// What is appended to an ELF file changes nothing but its sum.
  void write_plugin(const std::string& name) const {
    const fs::path file = root_ / "plugins" / (name + ".capi.so");
    put(file, bytes_ + "version " + std::to_string(version_));
    ::chmod(file.c_str(), 0644);
  }
  /// As a deployer does: beside, then in its place.
  static void put(const fs::path& file, const std::string& text) {
    const std::string beside = file.string() + ".new";
    std::ofstream(beside, std::ios::binary) << text;
    ::chmod(beside.c_str(), 0644);
    fs::rename(beside, file);
  }

  const Task& task_;
  const int beside_;
  fs::path root_;
  std::string bytes_;
  std::uint64_t version_ = 0;
};

/// Reloads at a fixed rate until stopped, and says how long that took.
class Reloads {
 public:
  Reloads(Caller& caller, Folder& folder, double rate) {
    if (rate > 0) thread_ = std::thread([&, rate] { run(caller, folder, rate); });
  }
  ~Reloads() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    std::fprintf(stderr, "reloads %llu refused %llu median_ms %.3f longest_ms %.3f\n",
                 static_cast<unsigned long long>(took_.count()),
                 static_cast<unsigned long long>(refused_), ms(took_.at(0.5)), ms(took_.at(1)));
  }
  Reloads(const Reloads&) = delete;
  Reloads& operator=(const Reloads&) = delete;

 private:
  static double ms(Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

  void run(Caller& caller, Folder& folder, double rate) {
    const auto gap = Duration(static_cast<Duration::rep>(1e9 / rate));
    TimePoint due = clock_now();
    for (std::uint64_t round = 1; !stop_; ++round) {
      folder.deploy(round);
      const TimePoint began = clock_now();
      if (auto done = caller.reload(); !done && refused_++ == 0)
        std::fprintf(stderr, "refused: %s\n", done.error().message.c_str());
      took_.record(clock_now() - began);
      for (due += gap; !stop_ && clock_now() < due;)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  std::atomic<bool> stop_{false};
  std::uint64_t refused_ = 0;
  cli::Histogram took_;
  std::thread thread_;
};

}  // namespace
}  // namespace callerapi::bench

int main(int argc, char** argv) {
  using namespace callerapi::bench;
  Task task = task_of(argc, argv);
  std::map<std::string, std::string> given;
  for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  Folder folder(task, given["--plugin"], std::atoi(given["--services"].c_str()));
  task.registry = folder.registry();
  Meter meter(task);
  callerapi::Caller caller = open_ours(task);
  return meter.run([&](std::uint64_t calls) {
    const Reloads reloads(caller, folder,
                          calls == task.requests ? std::atof(given["--reloads"].c_str()) : 0);
    open_loop(caller, task, meter, calls);
  });
}
