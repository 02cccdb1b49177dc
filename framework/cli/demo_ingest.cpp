#include "demo_ingest.hpp"

#include <utility>

#include "demo_scan.hpp"

namespace callerapi::cli {

Ingest::Ingest(Caller& caller, std::vector<Source> sources)
    : storage_(caller), extract_(caller), search_(caller), sources_(std::move(sources)) {}

void Ingest::start(std::size_t concurrency) {
  for (std::size_t i = 0; i < concurrency; ++i) begin_next();
}

Ingest::Progress Ingest::wait(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  if (progress_.done < sources_.size()) changed_.wait_for(lock, limit);
  return progress_;
}

Ingest::Outcomes Ingest::take_outcomes() {
  const std::lock_guard lock(mutex_);
  return std::move(outcomes_);
}

Ingest::Clock::time_point Ingest::begin(Step step) {
  const std::lock_guard lock(mutex_);
  ++progress_.in_flight[static_cast<std::size_t>(step)];
  return Clock::now();
}

void Ingest::end(Step step, Clock::time_point begun) {
  const std::chrono::duration<double, std::milli> took = Clock::now() - begun;
  const std::lock_guard lock(mutex_);
  --progress_.in_flight[static_cast<std::size_t>(step)];
  outcomes_.latencies_ms[static_cast<std::size_t>(step)].push_back(took.count());
}

void Ingest::finish(std::size_t document, const Error* error) {
  {
    const std::lock_guard lock(mutex_);
    ++progress_.done;
    if (error != nullptr && progress_.failed++ == 0)
      progress_.first_failure = sources_[document].path + ": " + error->message;
  }
  changed_.notify_one();
  begin_next();
}

void Ingest::begin_next() {
  std::size_t document = 0;
  {
    const std::lock_guard lock(mutex_);
    if (next_ == sources_.size()) return;
    document = next_++;
  }
  store(document);
}

void Ingest::store(std::size_t document) {
  const Source& source = sources_[document];
  auto body = Body::file(source.path);
  if (!body) return finish(document, &body.error());
  const auto begun = begin(Step::store);
  storage_.start<"store">(source.id, std::move(*body), with<"name">(source.name))
      .then([self = shared_from_this(), document, begun](Result<storage::Stored> stored) {
        self->end(Step::store, begun);
        stored ? self->extract(document) : self->finish(document, &stored.error());
      });
}

void Ingest::extract(std::size_t document) {
  const Source& source = sources_[document];
  auto body = Body::file(source.path);
  if (!body) return finish(document, &body.error());
  const auto begun = begin(Step::extract);
  extract_.start<"extract">(source.name, std::move(*body))
      .then([self = shared_from_this(), document, begun](Result<extract::Extracted> found) {
        self->end(Step::extract, begun);
        found ? self->index(document, *found) : self->finish(document, &found.error());
      });
}

void Ingest::index(std::size_t document, const extract::Extracted& found) {
  const std::string& title = sources_[document].name;
  // Our own count, taken before the index sees the text.
  if (holds_word(found.text, demo_word) || holds_word(title, demo_word)) {
    const std::lock_guard lock(mutex_);
    ++outcomes_.with_word;
  }
  const auto begun = begin(Step::index);
  search_.start<"index">(sources_[document].id, search::Document{title, found.text})
      .then([self = shared_from_this(), document, begun](Result<void> indexed) {
        self->end(Step::index, begun);
        self->finish(document, indexed ? nullptr : &indexed.error());
      });
}

}  // namespace callerapi::cli
