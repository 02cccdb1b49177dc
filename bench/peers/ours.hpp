#pragma once

#include "callerapi/caller.hpp"
#include "peer.hpp"

namespace callerapi::bench {

/// A Caller of the registry the task names, whose service is "plain"; completions run on the loop.
/// Ends the program when it cannot be opened.
Caller open_ours(const Task& task);

/// Counts an answer, or why there is none.
void count(Meter& meter, const Result<Response>& answer, TimePoint began);

/// Begins so many calls when they are due, whether or not others have ended, from this thread; the
/// loop's thread takes their answers. Returns when all have ended. What a call took is counted from
/// when it was meant to begin.
void open_loop(Caller& caller, const Task& task, Meter& meter, std::uint64_t calls);

}  // namespace callerapi::bench
