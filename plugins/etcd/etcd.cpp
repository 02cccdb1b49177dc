#include "etcd.hpp"

CALLERAPI_PLUGIN(etcd::Etcd)
