#pragma once

#include "callerapi/caller.hpp"
#include "peer.hpp"

namespace callerapi::bench {

/// A Caller of the registry the task names, whose service is "plain"; completions run on the loop.
/// Ends the program when it cannot be opened.
Caller open_ours(const Task& task);

/// Counts an answer, or why there is none.
void count(Meter& meter, const Result<Response>& answer, TimePoint began);

}  // namespace callerapi::bench
