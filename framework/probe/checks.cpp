// The conformance kit, the part that runs the plugin: plugins that pass the loader may still lose
// memory, race with themselves, or keep what they were lent.
#include "checks.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "callerapi/json.hpp"
#include "host/descriptor.hpp"
#include "host/sanitizer.hpp"
#include "kit_host.hpp"
#include "trial.hpp"

namespace callerapi::probe {
namespace {

using std::to_string;

constexpr long scan_ms_max = 100, hook_ms_max = 50;
constexpr int times = 100, threads = 8, rounds = 10'000;

std::string verdict(const char* verdict, const std::string& text) {
  json::Writer out;
  out.begin_object().member("verdict", verdict).member("text", text).end_object();
  return out.take();
}
std::string passed(const std::string& text) { return verdict("passed", text); }
std::string failed(const std::string& text) { return verdict("failed", text); }
std::string skipped(const std::string& text) { return verdict("skipped", text); }

/// With a configuration that is meant for it a plugin must be made.
std::string not_made(const std::string& why) { return config_given() ? failed(why) : skipped(why); }

std::string milliseconds(std::int64_t microseconds) {
  const std::int64_t tenths = (microseconds + 50) / 100;
  return to_string(tenths / 10) + "." + to_string(tenths % 10) + " ms";
}

std::int64_t processor_us() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

/// Of processor time, so that a busy machine fails no plugin.
std::string scan(int) {
  const std::int64_t begun = processor_us();
  const Mapped mapped = map_plugin(plugin_fd);
  if (!mapped.why.empty()) return failed(mapped.why);
  const auto tables = host::copy_tables(*mapped.plugin, "");
  const std::int64_t took = processor_us() - begun;
  if (!tables) return failed(tables.error().message.substr(2));
  if (!host::sanitized && took > scan_ms_max * 1000)
    return failed("loading it takes " + milliseconds(took) + " of processor time, at most " +
                  to_string(scan_ms_max) + " ms allowed; what do its constructors do?");
  return passed(to_string(tables->endpoints.size()) + " endpoints in " + milliseconds(took));
}

struct Resources {
  std::size_t bytes, files, threads;
};
Resources resources() {
  std::size_t files = 0, threads_now = 0;
  for (int fd = 0; fd < 64; ++fd) files += ::fcntl(fd, F_GETFD) >= 0 ? 1u : 0u;
  std::error_code no_descriptor_left;
  for (std::filesystem::directory_iterator at("/proc/self/task", no_descriptor_left), end;
       at != end; ++at)
    ++threads_now;
  // A sanitizer's allocator is not asked: it keeps what was freed.
  return {host::sanitized ? 0 : ::mallinfo2().uordblks, files, threads_now};
}

std::string create(int) {
  const Mapped mapped = map_plugin(plugin_fd);
  if (!mapped.why.empty()) return failed(mapped.why);
  if (mapped.plugin->create == nullptr) return skipped("it has no code");
  const auto once = [&] { return Instance(*mapped.plugin).why(); };
  for (int i = 0; i < times / 10; ++i)  // what is made once and kept is no leak
    if (const std::string why = once(); !why.empty()) return not_made(why);
  const Resources before = resources();
  std::string why;
  for (int i = 0; i < times && why.empty(); ++i) why = once();
  const Resources after = resources();
  const std::string each = " after " + to_string(times) + " times create() and destroy()";
  if (after.threads > before.threads)
    return failed(to_string(after.threads - before.threads) + " threads are left" + each);
  if (after.files > before.files)
    return failed(to_string(after.files - before.files) + " descriptors are open" + each);
  if (!why.empty()) return failed(why);
  // One block a time is a leak, and no block is below 32 bytes; a cache that grew once is none.
  if (after.bytes > before.bytes && after.bytes - before.bytes >= std::size_t{times} * 32)
    return failed(to_string(after.bytes - before.bytes) + " bytes are not freed" + each);
  return passed(to_string(times) + " times, nothing is left");
}

/// A mapped plugin with its object, or the verdict there is without.
struct Ready {
  Mapped mapped = map_plugin(plugin_fd);
  std::unique_ptr<Instance> instance;
  std::string instead;

  Ready() {
    if (!mapped.why.empty()) {
      instead = failed(mapped.why);
      return;
    }
    instance = std::make_unique<Instance>(*mapped.plugin);
    if (!instance->why().empty())
      instead = not_made(instance->why());
    else if (!instance->hooked())
      instead = skipped("it has no hooks");
  }
};

std::string hooks(int) {
  const Ready ready;
  if (!ready.instead.empty()) return ready.instead;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  std::mutex mutex;
  std::string fault;
  std::atomic<int> done{0};
  const auto work = [&] {
    for (int i = 0; i < rounds && std::chrono::steady_clock::now() < until; ++i, ++done) {
      std::string found = ready.instance->round(
          kit_request(), {.status = 500, .body = kit_text(R"({"title":"no"})")});
      if (found.empty()) continue;
      const std::lock_guard lock(mutex);
      fault = std::move(found);
      return;
    }
  };
  std::vector<std::thread> all;
  all.reserve(threads);
  for (int i = 0; i < threads; ++i) all.emplace_back(work);
  for (std::thread& thread : all) thread.join();
  if (!fault.empty()) return failed(fault);
  return passed(to_string(threads) + " threads, " + to_string(done) + " rounds of every hook");
}

/// A slow hook fails another check; here fewer rounds of it do.
class Rounds {
 public:
  bool next() { return done_ < times && std::chrono::steady_clock::now() < until_ && ++done_ > 0; }
  int done() const noexcept { return done_; }

 private:
  int done_ = 0;
  const std::chrono::steady_clock::time_point until_ =
      std::chrono::steady_clock::now() + std::chrono::seconds(1);
};

std::string refused(int) {
  const Ready ready;
  if (!ready.instead.empty()) return ready.instead;
  Rounds round;
  while (round.next()) {
    KitRequest request = kit_request();
    request.refuses = true;
    const std::string fault = ready.instance->round(
        request, {.status = round.done() % 2 == 0 ? 500 : 0, .refuses = true});
    if (!fault.empty()) return failed("when the host answers nothing, " + fault);
  }
  return passed(to_string(round.done()) + " rounds with a host that answers nothing");
}

/// Text on pages that are taken away when a hook has returned.
class Lent {
 public:
  explicit Lent(KitRequest& request) {
    for (capi_str* text :
         {&request.method, &request.target, &request.endpoint, &request.authority, &request.body})
      lend(*text);
  }
  ~Lent() {
    if (at_ != MAP_FAILED) ::mprotect(at_, size, PROT_NONE);
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  void lend(capi_str& text) {
    if (at_ == MAP_FAILED || used_ + text.len > size) return;
    char* to = static_cast<char*>(at_) + used_;
    std::memcpy(to, text.ptr, text.len);
    text.ptr = to;
    used_ += text.len;
  }

 private:
  static constexpr std::size_t size = 4096;
  void* at_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::size_t used_ = 0;
};

std::string borrowed(int) {
  const Ready ready;
  if (!ready.instead.empty()) return ready.instead;
  Rounds round;
  while (round.next()) {
    KitRequest request = kit_request();
    KitResponse response{.status = 500, .body = kit_text(R"({"title":"no"})")};
    Lent lent(request);
    lent.lend(response.body);
    if (const std::string fault = ready.instance->round(request, response); !fault.empty())
      return failed(fault);
  }
  return passed(to_string(round.done()) + " rounds, each with memory taken away after it");
}

std::string budget(int) {
  const Ready ready;
  if (!ready.instead.empty()) return ready.instead;
  using Clock = std::chrono::steady_clock;
  auto best = Clock::duration::max();
  for (int i = 0; i < 5; ++i) {  // the best of a few: a busy machine fails no plugin
    const auto begun = Clock::now();
    const std::string fault = ready.instance->round(kit_request(), {.status = 500});
    best = std::min(best, Clock::now() - begun);
    if (!fault.empty()) return failed(fault);
  }
  const std::int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(best).count();
  if (us > hook_ms_max * 1000)
    return failed("one round of its hooks takes " + milliseconds(us) + " at best, a hook " +
                  to_string(hook_ms_max) + " ms at most; a hook must not block");
  return passed("one round of its hooks takes " + milliseconds(us));
}

std::string reload(int) {
  const std::string path = "/proc/self/fd/" + to_string(plugin_fd);
  std::uint64_t first = 0;
  for (int i = 0; i < times; ++i) {
    const Mapped mapped = map_plugin(plugin_fd);
    if (!mapped.why.empty()) return failed(mapped.why);
    {
      const Instance instance(*mapped.plugin);
      if (i == 0 && instance.why().empty()) (void)instance.round(kit_request(), {.status = 500});
    }
    const auto tables = host::copy_tables(*mapped.plugin, "");
    if (!tables) return failed(tables.error().message.substr(2));
    const std::uint64_t print = host::fingerprint(*tables);
    if (i == 0) first = print;
    if (print != first) return failed("declares something else when it is loaded again");
    ::dlclose(mapped.handle);
    if (::dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD) != nullptr)
      return failed("stays mapped after it is unloaded, the " + to_string(i + 1) +
                    ". time; LD_DEBUG=files names the reason: a thread_local object with a "
                    "destructor, or a unique symbol");
  }
  return passed(to_string(times) + " times, unmapped each time");
}

std::string twins(int copy) {
  if (copy < 0) return failed("no memory for a second copy");
  const Mapped one = map_plugin(plugin_fd), other = map_plugin(copy);
  if (!one.why.empty() || !other.why.empty()) return failed(one.why + other.why);
  if (one.plugin == other.plugin)
    return failed("the loader takes two copies of it for one library");
  auto first = std::make_unique<Instance>(*one.plugin);
  const Instance second(*other.plugin);
  if (first->why().empty() != second.why().empty())
    return failed("of two copies side by side, one fails: " + first->why() + second.why());
  first.reset();
  ::dlclose(one.handle);
  if (!second.why().empty()) return not_made(second.why());
  if (const std::string fault = second.round(kit_request(), {.status = 500}); !fault.empty())
    return failed(fault);
  return passed("two copies side by side, one unloaded before the other");
}

constexpr std::array checks = {
    Check{"scan", false, &scan},         Check{"create", false, &create},
    Check{"hooks", false, &hooks},       Check{"refused", false, &refused},
    Check{"borrowed", false, &borrowed}, Check{"budget", false, &budget},
    Check{"reload", false, &reload},     Check{"twins", true, &twins}};

}  // namespace

const Check* find_check(std::string_view name) {
  const auto* found = std::ranges::find(checks, name, &Check::name);
  return found == checks.end() ? nullptr : found;
}

std::string run(const Check& check, int copy) {
  // Each arena reserves 64 MiB of the addresses that this process may have.
  ::mallopt(M_ARENA_MAX, 2);
  return check.run(copy);
}

int copy_plugin() {
  struct stat info {};
  const int copy = ::memfd_create("callerapi:twin", MFD_CLOEXEC);
  if (copy < 0 || ::fstat(plugin_fd, &info) != 0) return -1;
  std::vector<char> bytes(static_cast<std::size_t>(info.st_size));
  const auto size = static_cast<ssize_t>(bytes.size());
  if (::pread(plugin_fd, bytes.data(), bytes.size(), 0) != size ||
      ::write(copy, bytes.data(), bytes.size()) != size)
    return -1;
  return copy;
}

}  // namespace callerapi::probe
