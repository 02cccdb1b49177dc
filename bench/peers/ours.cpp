#include "ours.hpp"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace callerapi::bench {

Caller open_ours(const Task& task) {
  Options options;
  options.watch = false;
  options.executor = Executor::inline_executor();
  auto caller = Caller::open(task.registry, std::move(options));
  if (caller) return std::move(*caller);
  std::fprintf(stderr, "%s\n", caller.error().message.c_str());
  std::exit(2);
}

void count(Meter& meter, const Result<Response>& answer, TimePoint began) {
  if (!answer) return meter.failed(answer.error().message.c_str());
  meter.ended(answer->status, answer->body.size(), began);
}

}  // namespace callerapi::bench
