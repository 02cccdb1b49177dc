#include "demo_report.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "callerapi/json.hpp"
#include "command.hpp"

namespace callerapi::cli {
namespace {

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<std::size_t>(rank)];
}

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

void write_steps(json::Writer& out, const Ingest::Outcomes& outcomes) {
  out.key("steps").begin_object();
  for (std::size_t step = 0; step < step_names.size(); ++step) {
    const auto& ms = outcomes.latencies_ms[step];
    out.key(step_names[step]).begin_object().member("calls", ms.size());
    out.member("p50_ms", percentile(ms, 0.5)).member("p99_ms", percentile(ms, 0.99)).end_object();
  }
  out.end_object();
}

}  // namespace

std::string report_as_json(const DemoReport& report) {
  json::Writer out;
  out.begin_object().member("schema", 1).member("ok", report.faults.empty());
  out.member("documents", report.documents).member("bytes", report.bytes);
  out.member("seconds", report.seconds).member("stored", report.stored);
  out.member("killed_with_calls_in_flight", report.killed_with);
  out.member("outage_ms", report.outage_ms).member("hot_add_ms", report.hot_add_ms);
  out.member("query", demo_word).member("hits", report.hits.total);
  out.member("hits_expected", report.expected_hits);
  out.member("calls", report.stats.calls).member("calls_failed", report.stats.calls_failed);
  out.member("attempts", report.stats.attempts).member("retries", report.stats.retries);
  out.member("connections_opened", report.stats.connections_opened);
  out.member("connections_reused", report.stats.connections_reused);
  write_steps(out, report.outcomes);
  out.key("memory_peak_kib").begin_object();
  for (const auto& [process, kib] : report.memory_kib) out.member(process, kib);
  out.end_object().key("faults").begin_array();
  for (const auto& fault : report.faults) out.value(fault);
  out.end_array().end_object();
  return out.take();
}

void print_report(const DemoReport& report) {
  std::printf("\n%zu documents, %s MiB, in %s s; '%s' is in %lld of them:\n", report.documents,
              fixed(static_cast<double>(report.bytes) / (1 << 20), 1).c_str(),
              fixed(report.seconds, 1).c_str(), demo_word,
              static_cast<long long>(report.hits.total));
  for (const auto& hit : report.hits.hits) {
    std::string snippet = hit.snippet;
    std::replace(snippet.begin(), snippet.end(), '\n', ' ');
    std::printf("  %6s  %s\n          %s\n", fixed(hit.score, 3).c_str(), hit.title.c_str(),
                snippet.c_str());
  }
  std::printf(
      "\nstorage was killed with %zu calls in flight and gone for %s ms; storage-copy was "
      "there %s ms after the registry named it\n\n",
      report.killed_with, fixed(report.outage_ms, 0).c_str(), fixed(report.hot_add_ms, 0).c_str());
  std::vector<std::vector<std::string>> rows{{"step", "calls", "p50 ms", "p99 ms"}};
  for (std::size_t step = 0; step < step_names.size(); ++step) {
    const auto& ms = report.outcomes.latencies_ms[step];
    rows.push_back({step_names[step], std::to_string(ms.size()), fixed(percentile(ms, 0.5), 2),
                    fixed(percentile(ms, 0.99), 2)});
  }
  print_table(rows);
  const Stats& stats = report.stats;
  std::printf("\n");
  print_table(
      {{"calls", "failed", "attempts", "retries", "connections", "reused"},
       {std::to_string(stats.calls), std::to_string(stats.calls_failed),
        std::to_string(stats.attempts), std::to_string(stats.retries),
        std::to_string(stats.connections_opened), std::to_string(stats.connections_reused)}});
  std::printf("\n");
  rows = {{"process", "peak memory MiB"}};
  for (const auto& [process, kib] : report.memory_kib)
    rows.push_back({process, fixed(static_cast<double>(kib) / 1024, 1)});
  print_table(rows);
  std::printf("\n");
  for (const auto& fault : report.faults) std::printf("FAILED: %s\n", fault.c_str());
  if (report.faults.empty())
    std::printf(
        "ok: every document is stored exactly once, and the search found what a scan of "
        "all texts finds\n");
}

}  // namespace callerapi::cli
