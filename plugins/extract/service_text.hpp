#pragma once

#include <string>
#include <string_view>

#include "extract/messages.hpp"

namespace extract {

/// Valid UTF-8 of any bytes: what is not UTF-8 is taken for Latin-1, control characters but line
/// feed, tab and form feed become spaces, a byte-order mark goes.
std::string to_utf8(std::string_view bytes);

/// The text of an HTML page: tags, comments, scripts and styles gone, character references
/// replaced, white space folded, blocks on lines of their own. Sets `title` from <title>.
std::string html_to_text(std::string_view html, std::string& title);

/// The first line with a letter or digit, without Markdown's marks, at most 120 bytes.
std::string first_line(std::string_view text);

/// The content type by the first bytes, then by the name's ending; text/plain when in doubt.
std::string sniff(std::string_view bytes, std::string_view name);

}  // namespace extract
