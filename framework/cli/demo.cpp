#include "demo.hpp"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <set>
#include <sstream>

#include "command.hpp"
#include "demo_process.hpp"
#include "demo_report.hpp"

extern char** environ;

namespace callerapi::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t concurrency = 16, killed_with_min = 8;

// Written by a signal handler.
volatile sig_atomic_t interrupted = 0;

Error failure(std::string message) {
  return {.outcome = Outcome::internal, .reason = "demo", .message = std::move(message)};
}

double ms_since(Clock::time_point begun) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
}

/// Turns Ctrl-C into a flag for as long as it lives, so that everything is put away in order.
class Interruptible {
 public:
  Interruptible() {
    interrupted = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    sigaction(SIGINT, &action, &old_int_);
    sigaction(SIGTERM, &action, &old_term_);
  }
  ~Interruptible() {
    sigaction(SIGINT, &old_int_, nullptr);
    sigaction(SIGTERM, &old_term_, nullptr);
  }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  struct sigaction old_int_ {
  }, old_term_{};
};

/// A folder that goes with its contents.
class Folder {
 public:
  Folder() : path_((fs::temp_directory_path() / "callerapi-demo-XXXXXX").string()) {
    made_ = mkdtemp(path_.data()) != nullptr;
  }
  ~Folder() {
    std::error_code ignored;
    if (made_) fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  bool made() const noexcept { return made_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  bool made_ = false;
};

/// Lines about how far it is, on standard error: one that moves on a terminal, else a few.
class ProgressLine {
 public:
  void show(std::size_t done, std::size_t total) {
    const std::size_t percent = total == 0 ? 100 : done * 100 / total;
    if (terminal_ ? percent == shown_ : percent / 25 == shown_ / 25) return;
    shown_ = percent;
    std::fprintf(stderr, terminal_ ? "\r%zu of %zu documents" : "%zu of %zu documents\n", done,
                 total);
    open_ = terminal_;
  }
  void say(const std::string& text) {
    std::fprintf(stderr, "%s%s\n", open_ ? "\n" : "", text.c_str());
    open_ = false;
  }

 private:
  bool terminal_ = isatty(STDERR_FILENO) == 1, open_ = false;
  std::size_t shown_ = 0;
};

std::string default_bin_dir() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

/// Where plugins and registry lie: in a build tree with the repository as working directory, or in
/// the prefix that this program was installed to.
std::string plugins_of(const std::string& bin) {
  std::error_code error;
  const std::string built = bin + "/../plugins";
  return fs::weakly_canonical(
             fs::is_directory(built, error) ? built : bin + "/" CALLERAPI_INSTALLED_PLUGINS, error)
      .string();
}
std::string registry_of(const DemoOptions& options, const std::string& bin) {
  if (!options.registry.empty()) return options.registry;
  std::error_code error;
  const std::string installed = bin + "/" CALLERAPI_INSTALLED_DATA "/registry.toml";
  return fs::exists(installed, error) ? installed : "registry.toml";
}

/// One run: the steps in order, each an Error when the demo cannot go on.
class Demo {
 public:
  Demo(const DemoOptions& options, std::string bin)
      : options_(options),
        bin_(std::move(bin)),
        base_(registry_of(options, bin_)),
        storage_(bin_ + "/callerapi-storage", folder_ / "storage"),
        extract_(bin_ + "/callerapi-extract", folder_ / "extract"),
        search_(bin_ + "/callerapi-search", folder_ / "search") {}

  Result<void> run() {
    if (!folder_.made()) return failure(folder_.path() + ": cannot be made; set TMPDIR");
    for (auto* service : {&storage_, &extract_, &search_})
      if (auto started = service->start(); !started) return started;
    if (auto opened = open(); !opened) return opened;
    if (auto ingested = ingest(); !ingested) return ingested;
    if (auto checked = check_storage(); !checked) return checked;
    if (auto asked = ask(); !asked) return asked;
    if (auto added = hot_add(); !added) return added;
    report_.stats = caller_->stats();
    report_.memory_kib = {{"caller", memory_peak_kib("self")},
                          {"storage", storage_.memory_peak_kib()},
                          {"extract", extract_.memory_peak_kib()},
                          {"search", search_.memory_peak_kib()}};
    return {};
  }
  const DemoReport& report() const noexcept { return report_; }

 private:
  Result<void> open();
  Result<void> write_registry(const std::string& more);
  Result<void> ingest();
  Result<void> kill_storage(Ingest& ingest);
  Result<void> check_storage();
  Result<void> ask();
  Result<void> hot_add();

  const DemoOptions& options_;
  const std::string bin_, base_;  ///< Where the programs lie; the registry that is copied.
  Folder folder_;
  ServiceProcess storage_, extract_, search_;
  std::optional<Caller> caller_;
  std::string registry_;
  std::set<std::string> ids_;
  ProgressLine line_;
  DemoReport report_;
};

/// Written aside and renamed: the watcher never sees half of it.
Result<void> Demo::write_registry(const std::string& more) {
  registry_ += more;
  const std::string path = folder_ / "registry.toml", aside = path + ".new";
  std::ofstream file(aside);
  file << registry_;
  file.close();
  std::error_code error;
  if (file) fs::rename(aside, path, error);
  return file && !error ? Result<void>() : failure(path + ": cannot be written");
}

Result<void> Demo::open() {
  std::ifstream file(base_);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return failure(base_ + ": cannot be read; give --registry");
  registry_ = text.str();
  // Enough patience for a service that is killed and comes back: five requests over some seconds,
  // all calls of that moment retried, and none refused meanwhile.
  auto written = write_registry(
      "\n[services.storage.retry]\nmax_attempts = 5\nbase = \"300ms\"\ncap = \"3s\"\n"
      "budget_min_per_second = 100\n[services.storage.breaker]\nmode = \"dark\"\n");
  if (!written) return written;

  Options options;
  options.environment.emplace();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string pair = *entry;
    const auto equals = pair.find('=');
    if (equals != std::string::npos)
      options.environment->insert_or_assign(pair.substr(0, equals), pair.substr(equals + 1));
  }
  auto& environment = *options.environment;
  environment["CALLERAPI_PLUGIN_DIR"] = plugins_of(bin_);
  environment["STORAGE_URL"] = storage_.url();
  environment["EXTRACT_URL"] = extract_.url();
  environment["SEARCH_URL"] = search_.url();
  auto opened = Caller::open(folder_ / "registry.toml", std::move(options));
  if (!opened) return std::move(opened).error();
  caller_.emplace(std::move(*opened));
  return {};
}

/// Freezes storage so that calls to it pile up, kills it with all of them unanswered, and starts it
/// again on the same port. Where the documents do not suffice, calls to `list` make up the number.
Result<void> Demo::kill_storage(Ingest& ingest) {
  const auto in_flight = [&](const Ingest::Progress& now) {
    return now.in_flight[static_cast<std::size_t>(Step::store)];
  };
  Client<storage::Storage> client(*caller_);
  storage_.freeze();
  const auto until = Clock::now() + 1s;
  auto now = ingest.wait(0ms);
  while (in_flight(now) < killed_with_min && Clock::now() < until && now.done < ingest.total())
    now = ingest.wait(20ms);
  std::vector<std::future<Result<storage::Blobs>>> lists;
  for (std::size_t i = in_flight(now); i < killed_with_min; ++i)
    lists.push_back(client.start<"list">().future());
  const auto killed = Clock::now();
  report_.killed_with = in_flight(ingest.wait(0ms)) + lists.size();
  storage_.kill_now();
  if (auto again = storage_.start(); !again) return again;
  report_.outage_ms = ms_since(killed);
  line_.say("killed storage with " + std::to_string(report_.killed_with) +
            " calls in flight; it listens again");
  if (report_.killed_with < killed_with_min)
    report_.faults.push_back("only " + std::to_string(report_.killed_with) +
                             " calls were in flight when storage was killed");
  for (auto& list : lists)
    if (auto listed = list.get(); !listed)
      report_.faults.push_back("a list did not survive the kill: " + listed.error().message);
  return {};
}

Result<void> Demo::ingest() {
  std::error_code error;
  const auto repository = fs::absolute(base_, error).parent_path().string();
  auto sources = collect_corpus(options_.path, repository, folder_.path());
  if (!sources) return std::move(sources).error();
  report_.documents = sources->size();
  for (const auto& source : *sources) {
    ids_.insert(source.id);
    report_.bytes += source.size;
  }
  const auto ingest = std::make_shared<Ingest>(*caller_, std::move(*sources));
  const auto begun = Clock::now();
  ingest->start(concurrency);
  bool killed = false;
  Ingest::Progress now;
  do {
    now = ingest->wait(100ms);
    line_.show(now.done, ingest->total());
    if (interrupted != 0) return failure("interrupted");
    if (killed || now.done < ingest->total() / 3) continue;
    killed = true;
    if (auto restarted = kill_storage(*ingest); !restarted) return restarted;
  } while (now.done < ingest->total());
  report_.seconds = ms_since(begun) / 1000;
  line_.say("all calls ended");
  report_.outcomes = ingest->take_outcomes();
  report_.expected_hits = report_.outcomes.with_word;
  if (now.failed > 0)
    report_.faults.push_back(std::to_string(now.failed) + " documents failed; the first is " +
                             now.first_failure);
  return {};
}

Result<void> Demo::check_storage() {
  Client<storage::Storage> client(*caller_);
  std::set<std::string> seen;
  std::size_t listed = 0;
  for (std::string after;;) {
    auto page = client.call<"list">(with<"after">(after), with<"limit">(1000));
    if (!page) return std::move(page).error();
    for (const auto& blob : page->blobs) seen.insert(blob.id);
    listed += page->blobs.size();
    report_.stored = page->total;
    if (!page->next) break;
    after = *page->next;
  }
  if (seen != ids_ || listed != ids_.size() ||
      report_.stored != static_cast<std::int64_t>(ids_.size()))
    report_.faults.push_back("storage lists " + std::to_string(listed) + " blobs, " +
                             std::to_string(seen.size()) + " different ones; expected " +
                             std::to_string(ids_.size()));
  return {};
}

Result<void> Demo::ask() {
  Client<search::Search> client(*caller_);
  auto hits = client.call<"search">(search::Query{demo_word, 5});
  if (!hits) return std::move(hits).error();
  report_.hits = std::move(*hits);
  if (report_.hits.total != static_cast<std::int64_t>(report_.expected_hits) ||
      report_.hits.total == 0)
    report_.faults.push_back("the search found " + std::to_string(report_.hits.total) +
                             " documents, a scan of all texts " +
                             std::to_string(report_.expected_hits));
  return {};
}

Result<void> Demo::hot_add() {
  const auto begun = Clock::now();
  auto written = write_registry(
      "\n[services.storage-copy]\nplugin = \"storage\"\nbase_url = \"${STORAGE_URL}\"\n");
  if (!written) return written;
  const auto there = [&] {
    const auto services = caller_->services();
    return std::any_of(services.begin(), services.end(),
                       [](const auto& service) { return service.name == "storage-copy"; });
  };
  while (!there()) {
    if (Clock::now() > begun + 10s || interrupted != 0)
      return failure("storage-copy was not there 10 s after the registry named it");
    const timespec pause{0, 5'000'000};
    nanosleep(&pause, nullptr);
  }
  report_.hot_add_ms = ms_since(begun);
  Client<storage::Storage> copy(*caller_, "storage-copy");
  auto page = copy.call<"list">(with<"limit">(1));
  if (!page) return std::move(page).error();
  if (page->total != report_.stored)
    report_.faults.push_back("storage-copy lists " + std::to_string(page->total) + " blobs");
  return {};
}

}  // namespace

int run_demo(const DemoOptions& options) {
  const Interruptible until_the_end;
  Demo demo(options, options.bin_dir.empty() ? default_bin_dir() : options.bin_dir);
  if (auto done = demo.run(); !done) return cli::report(done.error());
  if (options.json)
    std::printf("%s\n", report_as_json(demo.report()).c_str());
  else
    print_report(demo.report());
  return demo.report().faults.empty() ? 0 : 1;
}

}  // namespace callerapi::cli
