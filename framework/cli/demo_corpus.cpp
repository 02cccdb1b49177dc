#include "demo_corpus.hpp"

#include <Poco/DigestEngine.h>
#include <Poco/SHA2Engine.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <utility>

namespace callerapi::cli {
namespace {

namespace fs = std::filesystem;

// What the extract service takes at most.
constexpr std::uint64_t document_bytes_max = 64u << 20;

/// The digest of a file; empty when it cannot be read.
std::string digest_of(const fs::path& path, std::uint64_t& size) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  Poco::SHA2Engine engine(Poco::SHA2Engine::SHA_256);
  std::array<char, std::size_t{64} << 10> piece;
  size = 0;
  while (file) {
    file.read(piece.data(), piece.size());
    engine.update(piece.data(), static_cast<std::size_t>(file.gcount()));
    size += static_cast<std::uint64_t>(file.gcount());
  }
  return file.bad() ? std::string() : Poco::DigestEngine::digestToHex(engine.digest());
}

/// Documents by id: the same bytes under two names are one.
class Corpus {
 public:
  void add(const fs::path& path) {
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return;
    Source source{.path = path.string()};
    source.id = digest_of(path, source.size);
    if (source.id.empty() || source.size > document_bytes_max) return;
    source.name = path.filename() == "copyright"
                      ? path.parent_path().filename().string() + "/copyright"
                      : path.filename().string();
    by_id_.try_emplace(source.id, std::move(source));
  }
  void add_folder(const fs::path& folder) {
    std::error_code error;
    const auto options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator at(folder, options, error), end; !error && at != end;
         at.increment(error)) {
      if (at->path().filename().string().starts_with('.')) {
        at.disable_recursion_pending();
        continue;
      }
      add(at->path());
    }
  }
  std::vector<Source> take() {
    std::vector<Source> all;
    for (auto& [id, source] : by_id_) all.push_back(std::move(source));
    return all;
  }

 private:
  std::map<std::string, Source> by_id_;
};

}  // namespace

Result<std::vector<Source>> collect_corpus(const std::string& path, const std::string& repository,
                                           const std::string& folder) {
  Corpus corpus;
  std::error_code error;
  if (!path.empty()) {
    if (!fs::exists(path, error))
      return Error{.outcome = Outcome::invalid_argument,
                   .reason = "demo",
                   .message = path + ": no such file or folder; give one that can be read"};
    fs::is_directory(path, error) ? corpus.add_folder(path) : corpus.add(path);
  } else {
    corpus.add(fs::path(repository) / "README.md");
    corpus.add_folder(fs::path(repository) / "docs");
    for (const auto& package : fs::directory_iterator("/usr/share/doc", error))
      corpus.add(package.path() / "copyright");
  }
  const fs::path pdf = fs::path(folder) / "made.pdf", image = fs::path(folder) / "made.pgm";
  std::ofstream(pdf, std::ios::binary)
      << make_pdf({"Made by the demo", "This page grants no patent to anyone."});
  std::ofstream(image, std::ios::binary) << make_image("PATENT");
  corpus.add(pdf);
  corpus.add(image);
  return corpus.take();
}

}  // namespace callerapi::cli
