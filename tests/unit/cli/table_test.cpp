#include <gtest/gtest.h>

#include "command.hpp"

namespace callerapi::cli {
namespace {

TEST(Table, ColumnsLineUpForLettersOfAnyAlphabetAndNothingTrails) {
  ::testing::internal::CaptureStdout();
  print_table({{"OWNER", "N", "WHY"}, {"Größe", "1", ""}, {"x", "22", "y"}});
  EXPECT_EQ(::testing::internal::GetCapturedStdout(),
            "OWNER  N   WHY\n"
            "Größe  1\n"
            "x      22  y\n");
}

TEST(Table, WhatAPluginSaysOfItselfMovesNoCursor) {
  ::testing::internal::CaptureStdout();
  print_table({{"a\033[2Jb\nc"}});
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "a?[2Jb?c\n");
}

}  // namespace
}  // namespace callerapi::cli
