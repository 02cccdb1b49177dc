#pragma once

#include <memory>

#include "callerapi/explain.hpp"
#include "commands.hpp"

namespace callerapi::cli {

/// Appends the parts of `time` that took any: one row each, or members in milliseconds.
void add_times(std::vector<std::vector<std::string>>& rows, const TimeLedger& time);
void write_times(json::Writer& out, const TimeLedger& time);

/// Appends what the deadline, the breaker and the limits of the call were: one row each.
void add_state(std::vector<std::vector<std::string>>& rows, const CallRecord& record);
/// The attempts of a call as a table, where they could have gone as another, if anywhere else; or
/// the whole record as an object.
void print_attempts(const CallRecord& record);
void print_candidates(const CallRecord& record);
void write_record(json::Writer& out, const CallRecord& record);
void write_settings(json::Writer& out, const std::vector<SettingInfo>& settings);

/// Shows what the call would send first, secrets hidden, and sends nothing.
int run_dry(const Common& common, const CallArguments& arguments, Request request);

std::string milliseconds_text(Duration d);
double milliseconds(Duration d);

}  // namespace callerapi::cli
