#include "httpbin.hpp"

CALLERAPI_PLUGIN(httpbin::Httpbin)
