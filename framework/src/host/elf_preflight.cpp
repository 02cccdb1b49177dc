#include "host/elf_preflight.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "host/descriptor.hpp"
#include "host/elf_image.hpp"
#include "host/sanitizer.hpp"
#include "wire/syntax.hpp"

namespace callerapi::host {
namespace {

// Runtimes, and the one library that the host has mapped itself and signing cannot do without: to
// allow it maps nothing new, and spares each plugin a SHA-256 of its own.
constexpr std::array<std::string_view, 10> needed_allowed = {
    "libc.so.6",      "libm.so.6",      "libstdc++.so.6", "libgcc_s.so.1",        "libc++.so.1",
    "libc++abi.so.1", "libunwind.so.1", "ld-linux.so.2",  "ld-linux-x86-64.so.2", "libcrypto.so.3"};
constexpr std::array<std::string_view, 6> sanitizer_libraries = {
    "libasan.", "libubsan.", "libtsan.", "liblsan.", "libhwasan.", "libclang_rt."};

struct Import {
  std::string_view name, why;
};
constexpr std::string_view ends = "would end the host's process";
constexpr std::string_view copies = "would copy or replace the host's process";
constexpr std::string_view threads = "would leave a thread in it after it is unmapped";
constexpr std::string_view maps = "would load code that nobody checked";
constexpr std::string_view environment = "races with every getenv() of the host";
constexpr std::string_view signals = "would take a signal from the host";
constexpr std::array imports_refused = {
    Import{"exit", ends},
    Import{"_exit", ends},
    Import{"_Exit", ends},
    Import{"quick_exit", ends},
    Import{"fork", copies},
    Import{"vfork", copies},
    Import{"execve", copies},
    Import{"execv", copies},
    Import{"execvp", copies},
    Import{"posix_spawn", copies},
    Import{"posix_spawnp", copies},
    Import{"system", copies},
    Import{"popen", copies},
    Import{"daemon", copies},
    Import{"pthread_create", threads},
    Import{"thrd_create", threads},
    Import{"_ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE",
           threads},
    Import{"dlopen", maps},
    Import{"dlmopen", maps},
    Import{"setenv", environment},
    Import{"putenv", environment},
    Import{"unsetenv", environment},
    Import{"clearenv", environment},
    Import{"signal", signals},
    Import{"sigaction", signals}};

class Rules {
 public:
  Rules(const ElfImage& image, const std::string& file) : image_(image), file_(file) {}

  Result<Inspection> judge();

 private:
  Error refuse(PluginFault fault, const std::string& text) const {
    return rejected(file_, fault, text);
  }
  Result<PluginNote> note() const;
  Result<void> symbols() const;
  Result<void> imports();
  Result<void> needed() const;
  Result<void> segments() const;
  Result<void> dynamic();
  void warn(const std::string& text) { warnings_.push_back(file_ + ": " + text); }

  const ElfImage& image_;
  const std::string& file_;
  std::vector<std::string> warnings_;
};

Result<PluginNote> Rules::note() const {
  const auto& raw = image_.note();
  if (!raw) {
    const bool exported = std::ranges::any_of(image_.symbols(), [](const ElfSymbol& s) {
      return s.defined && s.name == CALLERAPI_PLUGIN_SYMBOL;
    });
    if (!exported)
      return refuse(PluginFault::format_entry_missing,
                    "does not export '" CALLERAPI_PLUGIN_SYMBOL
                    "'; is CALLERAPI_PLUGIN(...) in one of its sources?");
    return refuse(PluginFault::format_note_missing,
                  "has no note " CALLERAPI_NOTE_SECTION " of " + std::to_string(sizeof(capi_note)) +
                      " bytes; rebuild it with the current CALLERAPI_PLUGIN(...)");
  }
  const auto text = [](const auto& from) {
    return wire::printable(std::string_view(from, ::strnlen(from, sizeof from)));
  };
  PluginNote note{raw->abi_major,
                  raw->abi_minor,
                  raw->min_host_version[0] | std::uint64_t{raw->min_host_version[1]} << 32,
                  text(raw->id),
                  text(raw->version),
                  text(raw->compiler),
                  image_.build_id()};
  if (auto speaks = check_versions(file_, note.abi_major, note.min_host_version); !speaks)
    return std::move(speaks).error();
  return note;
}

Result<void> Rules::symbols() const {
  bool found = false;
  std::string extra;
  std::size_t extras = 0;
  for (const ElfSymbol& symbol : image_.symbols()) {
    if (!symbol.defined || symbol.bind == STB_LOCAL || symbol.visibility == STV_HIDDEN ||
        symbol.visibility == STV_INTERNAL)
      continue;
    const std::string name = wire::printable(symbol.name.substr(0, 80));
    if (symbol.bind == STB_GNU_UNIQUE)
      return refuse(PluginFault::policy_unique_symbols,
                    "exports the unique symbol '" + name +
                        "', which would keep it loaded for ever; build it with "
                        "callerapi_add_plugin()");
    if (symbol.name == CALLERAPI_PLUGIN_SYMBOL) {
      if (symbol.type != STT_OBJECT || !image_.mapped(symbol.value, sizeof(std::uint32_t)))
        return refuse(PluginFault::format_corrupt,
                      "its '" CALLERAPI_PLUGIN_SYMBOL "' is no data of its own");
      found = true;
    } else if (!sanitizer_symbol(symbol.name)) {
      if (++extras == 1) extra = name;
    }
  }
  if (!found)
    return refuse(PluginFault::format_entry_missing,
                  "does not export '" CALLERAPI_PLUGIN_SYMBOL
                  "'; is CALLERAPI_PLUGIN(...) in one of its sources?");
  if (extras > 0)
    return refuse(PluginFault::policy_extra_exports,
                  "exports '" + extra + "'" +
                      (extras > 1 ? " and " + std::to_string(extras - 1) + " more" : "") +
                      " beside '" CALLERAPI_PLUGIN_SYMBOL
                      "'; expected that one alone: build it with callerapi_add_plugin()");
  return {};
}

Result<void> Rules::imports() {
  bool warned = false;
  for (const ElfSymbol& symbol : image_.symbols()) {
    if (symbol.defined) continue;
    for (const Import& import : imports_refused)
      if (symbol.name == import.name)
        return refuse(PluginFault::policy_forbidden_import,
                      "calls " + std::string(symbol.name) + "(), which " + std::string(import.why) +
                          "; leave that to the host");
    // Costs memory only, and only on an upgrade: the copy stays until the threads have ended.
    const bool stays =
        symbol.name == "__cxa_thread_atexit" || symbol.name == "__cxa_thread_atexit_impl";
    if (stays && !warned)
      warn(
          "has a thread_local object with a destructor, which may keep it mapped after an upgrade; "
          "use a plain member");
    warned = warned || stays;
  }
  return {};
}

Result<void> Rules::needed() const {
  for (const std::uint64_t offset : image_.dynamic(DT_NEEDED)) {
    const std::string_view name = image_.string(offset);
    if (std::ranges::find(needed_allowed, name) != needed_allowed.end()) continue;
    if (std::ranges::any_of(sanitizer_libraries, [&](auto s) { return name.starts_with(s); })) {
      if (same_sanitizer(name)) continue;
      return refuse(PluginFault::policy_sanitizer_runtime,
                    "needs the sanitizer runtime " + wire::printable(name) +
                        ", which this host is built without; build it without sanitizer");
    }
    return refuse(PluginFault::policy_forbidden_needed,
                  "needs " + wire::printable(name.substr(0, 80)) +
                      "; a plugin may need libc, libm, the C++ runtime and libcrypto.so.3 only: "
                      "link the rest statically");
  }
  return {};
}

Result<void> Rules::segments() const {
  bool stack = false;
  for (const Elf64_Phdr& segment : image_.segments()) {
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_W) != 0 && (segment.p_flags & PF_X) != 0)
      return refuse(PluginFault::policy_writable_code,
                    "has a segment both writable and executable");
    if (segment.p_type == PT_GNU_STACK) stack = (segment.p_flags & PF_X) == 0;
  }
  if (!stack)  // without the header the loader makes the stack executable
    return refuse(PluginFault::policy_executable_stack,
                  "asks for an executable stack; link it with -Wl,-z,noexecstack");
  return {};
}

Result<void> Rules::dynamic() {
  const std::uint64_t flags = image_.dynamic_one(DT_FLAGS).value_or(0);
  const std::uint64_t flags1 = image_.dynamic_one(DT_FLAGS_1).value_or(0);
  for (const auto& [tag, label] : {std::pair(DT_RPATH, "RPATH"), std::pair(DT_RUNPATH, "RUNPATH")})
    if (const auto at = image_.dynamic_one(tag))
      return refuse(PluginFault::policy_search_path,
                    "carries the " + std::string(label) + " '" +
                        wire::printable(image_.string(*at).substr(0, 80)) +
                        "'; link it without -rpath");
  if (image_.dynamic_one(DT_TEXTREL) || (flags & DF_TEXTREL) != 0)
    return refuse(PluginFault::policy_textrel,
                  "has relocations in its code; compile all of it with -fPIC");
  if (!image_.dynamic_one(DT_BIND_NOW) && (flags & DF_BIND_NOW) == 0 && (flags1 & DF_1_NOW) == 0)
    return refuse(PluginFault::policy_lazy_binding,
                  "binds its symbols at the first call; link it with -Wl,-z,now");
  const std::uint64_t constructors =
      image_.dynamic_one(DT_INIT_ARRAYSZ).value_or(0) / sizeof(std::uint64_t);
  const std::uint64_t own = sanitized ? 2 : 1;  // the compiler's, and the sanitizer's
  if (constructors > own)
    warn("runs " + std::to_string(constructors - own) +
         " static constructors when it is loaded; use constinit");
  return {};
}

Result<Inspection> Rules::judge() {
  auto found = note();
  if (!found) return std::move(found).error();
  if (auto sound = needed(); !sound) return std::move(sound).error();
  if (auto sound = symbols(); !sound) return std::move(sound).error();
  if (auto sound = segments(); !sound) return std::move(sound).error();
  if (auto sound = dynamic(); !sound) return std::move(sound).error();
  if (auto sound = imports(); !sound) return std::move(sound).error();
  Inspection inspection{std::move(*found), {}, std::move(warnings_)};
  for (const std::uint64_t offset : image_.dynamic(DT_NEEDED))
    inspection.needed.push_back(wire::printable(image_.string(offset)));
  return inspection;
}

}  // namespace

Result<Inspection> preflight(std::span<const char> bytes, const std::string& file) {
  const auto image = ElfImage::read(bytes, file);
  if (!image) return image.error();
  return Rules(*image, file).judge();
}

}  // namespace callerapi::host
