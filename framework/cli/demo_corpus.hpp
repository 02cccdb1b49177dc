#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "callerapi/result.hpp"

namespace callerapi::cli {

/// One document to ingest. `id` is the SHA-256 of its bytes.
struct Source {
  std::string id, name, path;
  std::uint64_t size = 0;
};

/// The word the demo asks for; the documents it makes itself hold it.
inline constexpr const char* demo_word = "patent";

/// Every readable file under `path` or, when that is empty, the repository's docs and README and
/// /usr/share/doc/*/copyright; in any case a PDF and an image that are made under `folder`. The
/// same bytes count once. Sorted by id.
Result<std::vector<Source>> collect_corpus(const std::string& path, const std::string& repository,
                                           const std::string& folder);

/// A PDF of one page with these lines of printable ASCII, in Helvetica.
std::string make_pdf(const std::vector<std::string>& lines);
/// A greyscale image (PGM) of one line; it knows the letters of PATENT, all others stay blank.
std::string make_image(const std::string& line);

}  // namespace callerapi::cli
