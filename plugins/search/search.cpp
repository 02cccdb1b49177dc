#include "search.hpp"

CALLERAPI_PLUGIN(search::Search)
