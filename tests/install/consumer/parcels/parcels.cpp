#include "parcels.hpp"
CALLERAPI_PLUGIN(parcels::Parcels)
