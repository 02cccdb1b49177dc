#include "wire/syntax.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <string_view>

#include "callerapi/headers.hpp"

namespace callerapi::wire {
namespace {

/// RFC 9110 5.5 and 5.6.2, byte by byte; the code looks at sixteen at once.
bool may_stand(unsigned char byte) { return byte == '\t' || (byte >= 0x20 && byte != 0x7f); }

TEST(Syntax, EveryByteOfAFieldValueIsLookedAtWhereverItStands) {
  EXPECT_TRUE(is_field_value(""));
  for (std::size_t size = 1; size <= 36; ++size)
    for (std::size_t at = 0; at < size; ++at)
      for (int byte = 0; byte < 256; ++byte) {
        // What surrounds it borrows nothing and hides nothing.
        for (const char around : {'a', '\x80', '\xff', ' '}) {
          std::string text(size, around);
          text[at] = static_cast<char>(byte);
          ASSERT_EQ(is_field_value(text), may_stand(static_cast<unsigned char>(byte)))
              << "byte " << byte << " at " << at << " of " << size;
        }
      }
}

TEST(Syntax, TwoControlsDoNotHideEachOther) {
  for (const char first : {'\x1f', '\x7f', '\x00', '\x01'})
    for (std::size_t at = 1; at < 16; ++at) {
      std::string text(16, 'x');
      text[0] = first;
      text[at] = '\n';
      EXPECT_FALSE(is_field_value(text)) << at;
    }
}

TEST(Syntax, ATokenEndsAtTheFirstByteThatNoneHas) {
  const auto of_token = [](int byte) {
    return byte > 0 && byte < 0x80 &&
           (std::isalnum(byte) != 0 ||
            std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(byte)) !=
                std::string_view::npos);
  };
  EXPECT_FALSE(is_token(""));
  for (std::size_t size = 1; size <= 36; ++size)
    for (std::size_t at = 0; at < size; ++at)
      for (int byte = 0; byte < 256; ++byte)
        for (const char around : {'a', 'Z', '0', '-', '~', '_'}) {
          std::string text(size, around);
          text[at] = static_cast<char>(byte);
          ASSERT_EQ(token_size(text), of_token(byte) ? size : at)
              << "byte " << byte << " at " << at << " of " << size << " around it " << around;
          ASSERT_EQ(is_token(text), of_token(byte));
        }
}

TEST(Syntax, NamesAreTheSameWithoutCaseAndOnlyLettersHaveCase) {
  EXPECT_TRUE(same_name("Content-LENGTH", "content-length"));
  EXPECT_TRUE(same_name("", ""));
  EXPECT_FALSE(same_name("content-length", "content-lengt"));
  EXPECT_FALSE(same_name("content-length", "content-lengti"));
  // These pairs differ in the same bit as letters of two cases do.
  EXPECT_FALSE(same_name("@", "`"));
  EXPECT_FALSE(same_name("[", "{"));
  EXPECT_FALSE(same_name("\x0d", "-"));
}

}  // namespace
}  // namespace callerapi::wire
