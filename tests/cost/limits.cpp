#include "cost/limits.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

namespace callerapi::cost {
namespace {

std::map<std::string, double> table() {
  std::ifstream file(CALLERAPI_TEST_SOURCE "/tests/cost/limits.txt");
  std::map<std::string, double> out;
  for (std::string line; std::getline(file, line);) {
    std::istringstream row(line);
    std::string name, where, what;
    double most = 0;
    if (line.starts_with('#') || !(row >> name >> where >> what >> most)) continue;
    out[name + " " + where + " " + what] = most;
  }
  return out;
}

}  // namespace

void judge(const std::string& row, std::uint64_t count, std::uint64_t of, double slack) {
  const double each = static_cast<double>(count) / static_cast<double>(of);
  std::printf("%-36s %8.2f each\n", row.c_str(), each);
  const auto limits = table();
  const auto limit = limits.find(row);
  ASSERT_NE(limit, limits.end()) << "tests/cost/limits.txt has no row '" << row << "'";
  EXPECT_LE(each, limit->second + slack)
      << row << ": more than tests/cost/limits.txt allows; do without, or say in the commit why it "
      << "is worth it and raise the row";
}

}  // namespace callerapi::cost
