#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "callerapi/client.hpp"
#include "demo_corpus.hpp"
#include "extract/extract.hpp"
#include "search/search.hpp"
#include "storage/storage.hpp"

namespace callerapi::cli {

enum class Step { store, extract, index };
inline constexpr std::array<const char*, 3> step_names{"store", "extract", "index"};

/// Stores, reads and indexes documents, some at once, each by the callbacks of its calls. Made
/// shared, because calls in flight refer to it; everything public is thread-safe.
class Ingest : public std::enable_shared_from_this<Ingest> {
 public:
  using Clock = std::chrono::steady_clock;
  struct Progress {
    std::size_t done = 0, failed = 0;
    std::array<std::size_t, 3> in_flight{};
    std::string first_failure;  ///< Names the document.
  };
  struct Outcomes {
    std::array<std::vector<double>, 3> latencies_ms;
    std::size_t with_word = 0;  ///< Texts or titles that hold demo_word, by our own count.
  };

  Ingest(Caller& caller, std::vector<Source> sources);
  /// Begins the first `concurrency` documents; each that ends begins another.
  void start(std::size_t concurrency);
  /// Waits until something ended, at most `limit`.
  Progress wait(std::chrono::milliseconds limit);
  std::size_t total() const noexcept { return sources_.size(); }
  /// After the last document.
  Outcomes take_outcomes();

 private:
  void begin_next();
  void store(std::size_t document);
  void extract(std::size_t document);
  void index(std::size_t document, const extract::Extracted& found);
  Clock::time_point begin(Step step);
  void end(Step step, Clock::time_point begun);
  void finish(std::size_t document, const Error* error);

  Client<storage::Storage> storage_;
  Client<extract::Extract> extract_;
  Client<search::Search> search_;
  const std::vector<Source> sources_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;  // all below: guarded by mutex_
  Progress progress_;
  Outcomes outcomes_;
};

}  // namespace callerapi::cli
