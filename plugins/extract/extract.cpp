#include "extract.hpp"

CALLERAPI_PLUGIN(extract::Extract)
