#define LAYOUT(rule) _Static_assert(rule, #rule)
#include "abi_layout.h"
