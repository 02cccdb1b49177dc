#include <utility>

#include "callerapi/context.hpp"

namespace callerapi {
namespace {

thread_local const Context* innermost = nullptr;

}  // namespace

ContextScope::ContextScope(Context context)
    : context_(std::move(context)), outer_(std::exchange(innermost, &context_)) {}

ContextScope::~ContextScope() { innermost = outer_; }

const Context* ContextScope::current() noexcept { return innermost; }

}  // namespace callerapi
