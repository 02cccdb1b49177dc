#include "storage/service_range.hpp"

#include <gtest/gtest.h>

#include <string>

namespace storage {
namespace {

struct Asked {
  const char* label;
  const char* header;
  RangeKind kind;
  std::uint64_t first, count;
};

class ReadRange : public testing::TestWithParam<Asked> {};

TEST_P(ReadRange, OfTenBytes) {
  Range range;
  EXPECT_EQ(read_range(GetParam().header, 10, range), GetParam().kind);
  if (GetParam().kind == RangeKind::unsatisfiable) return;
  EXPECT_EQ(range.first, GetParam().first);
  EXPECT_EQ(range.count, GetParam().count);
}

INSTANTIATE_TEST_SUITE_P(
    , ReadRange,
    testing::Values(Asked{"None", "", RangeKind::whole, 0, 10},
                    Asked{"FirstAndLast", "bytes=2-4", RangeKind::part, 2, 3},
                    Asked{"OpenEnd", "bytes=7-", RangeKind::part, 7, 3},
                    Asked{"LastBytes", "bytes=-4", RangeKind::part, 6, 4},
                    Asked{"MoreLastBytesThanThereAre", "bytes=-40", RangeKind::part, 0, 10},
                    Asked{"EndBeyond", "bytes=8-99", RangeKind::part, 8, 2},
                    Asked{"StartBeyond", "bytes=10-", RangeKind::unsatisfiable, 0, 0},
                    Asked{"NoLastBytes", "bytes=-0", RangeKind::unsatisfiable, 0, 0},
                    Asked{"Backwards", "bytes=4-2", RangeKind::whole, 0, 10},
                    Asked{"Several", "bytes=0-1,3-4", RangeKind::whole, 0, 10},
                    Asked{"OtherUnit", "lines=1-2", RangeKind::whole, 0, 10},
                    Asked{"Overflow", "bytes=99999999999999999999-", RangeKind::whole, 0, 10}),
    [](const auto& row) { return std::string(row.param.label); });

}  // namespace
}  // namespace storage
