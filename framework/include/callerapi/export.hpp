#pragma once

/// Marks what libcallerapi shows to embedders; everything else stays hidden.
#define CALLERAPI_API __attribute__((visibility("default")))
