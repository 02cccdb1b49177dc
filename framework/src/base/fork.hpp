#pragma once

namespace callerapi::base {

/// How often this process came out of a fork(): differs from the parent's in every child.
unsigned fork_count() noexcept;

}  // namespace callerapi::base
