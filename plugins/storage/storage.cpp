#include "storage.hpp"

CALLERAPI_PLUGIN(storage::Storage)
