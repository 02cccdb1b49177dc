#include "policy/uuid.hpp"

#include <gtest/gtest.h>

namespace callerapi::policy {
namespace {

TEST(Uuid, IsTheExampleOfRfc9562) {
  // Appendix A.6: 2022-02-22 19:22:22 GMT, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
  EXPECT_EQ(view(uuid_v7(0x017F22E279B0, 0xCC3, 0x18C4DC0C0C07398F)),
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST(Uuid, VersionAndVariantStandWhateverIsRandom) {
  EXPECT_EQ(view(uuid_v7(0, 0, 0)), "00000000-0000-7000-8000-000000000000");
  EXPECT_EQ(view(uuid_v7(0xffffffffffff, ~0ull, ~0ull)), "ffffffff-ffff-7fff-bfff-ffffffffffff");
}

}  // namespace
}  // namespace callerapi::policy
