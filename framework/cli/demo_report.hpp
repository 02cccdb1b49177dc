#pragma once

#include <string>
#include <vector>

#include "callerapi/stats.hpp"
#include "demo_ingest.hpp"

namespace callerapi::cli {

/// Everything the demo learned.
struct DemoReport {
  std::size_t documents = 0;
  std::uint64_t bytes = 0;
  double seconds = 0;             ///< Of the ingestion.
  std::size_t killed_with = 0;    ///< Calls to storage in flight when it was killed.
  double outage_ms = 0;           ///< From the kill until it listened again.
  std::int64_t stored = 0;        ///< What storage lists in the end.
  std::size_t expected_hits = 0;  ///< By our own count.
  search::Hits hits;
  double hot_add_ms = 0;  ///< From the rewritten registry until the service was there.
  Ingest::Outcomes outcomes;
  Stats stats;
  std::vector<std::pair<std::string, std::uint64_t>> memory_kib;  ///< Peak, by process.
  std::vector<std::string> faults;                                ///< Checks that did not hold.
};

std::string report_as_json(const DemoReport& report);
/// Prints tables and a verdict on standard output.
void print_report(const DemoReport& report);

}  // namespace callerapi::cli
