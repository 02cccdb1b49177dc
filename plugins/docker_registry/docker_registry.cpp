#include "docker_registry.hpp"

CALLERAPI_PLUGIN(docker_registry::DockerRegistry)
