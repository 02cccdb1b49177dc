#pragma once

#include <string_view>

namespace callerapi::cli {

/// Does `text` (UTF-8) hold the lower-case ASCII `word` as a whole word? A word is a run of
/// letters, digits and private-use characters of Unicode, ASCII compared without case: what
/// SQLite's unicode61 takes for a token, found by other means.
bool holds_word(std::string_view text, std::string_view word);

}  // namespace callerapi::cli
