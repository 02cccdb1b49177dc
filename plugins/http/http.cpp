#include "http.hpp"

CALLERAPI_PLUGIN(http::Http)
