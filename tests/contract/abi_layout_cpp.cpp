#define LAYOUT(rule) static_assert(rule, #rule)
#include "abi_layout.h"
