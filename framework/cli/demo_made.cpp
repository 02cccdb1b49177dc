#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "demo_corpus.hpp"

namespace callerapi::cli {
namespace {

// The letters the demo writes, in seven rows of five dots; the highest of the five bits is the left
// dot.
using Glyph = std::array<std::uint8_t, 7>;
constexpr std::array<std::pair<char, Glyph>, 5> font{{
    {'A', {0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001}},
    {'E', {0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111}},
    {'N', {0b10001, 0b11001, 0b11001, 0b10101, 0b10011, 0b10011, 0b10001}},
    {'P', {0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000}},
    {'T', {0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100}},
}};
constexpr std::size_t dot_pixels = 6, margin_dots = 6, advance_dots = 6, rows = 7;

bool dark(const std::string& line, std::size_t x, std::size_t y) {
  if (y < margin_dots || y >= margin_dots + rows || x < margin_dots) return false;
  const std::size_t index = (x - margin_dots) / advance_dots,
                    column = (x - margin_dots) % advance_dots;
  if (index >= line.size() || column >= 5) return false;
  for (const auto& [letter, glyph] : font)
    if (letter == line[index]) return ((glyph[y - margin_dots] >> (4 - column)) & 1) != 0;
  return false;
}

}  // namespace

std::string make_image(const std::string& line) {
  const std::size_t width = (2 * margin_dots + advance_dots * line.size()) * dot_pixels,
                    height = (2 * margin_dots + rows) * dot_pixels;
  std::string image = "P5 " + std::to_string(width) + " " + std::to_string(height) + " 255\n";
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t x = 0; x < width; ++x)
      image += dark(line, x / dot_pixels, y / dot_pixels) ? '\0' : '\xff';
  return image;
}

std::string make_pdf(const std::vector<std::string>& lines) {
  std::string drawing = "BT /F1 18 Tf 72 720 Td 24 TL\n";
  for (const auto& line : lines) {
    drawing += '(';
    for (const char c : line) {
      if (c == '(' || c == ')' || c == '\\') drawing += '\\';
      drawing += c;
    }
    drawing += ") Tj T*\n";
  }
  drawing += "ET\n";
  const std::string page =
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
      " /Resources << /Font << /F1 5 0 R >> >> >>";
  const std::string objects[] = {
      "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page,
      "<< /Length " + std::to_string(drawing.size()) + " >>\nstream\n" + drawing + "endstream",
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"};
  std::string pdf = "%PDF-1.4\n", offsets;
  std::size_t number = 0;
  for (const auto& object : objects) {
    std::string offset = std::to_string(pdf.size());
    offset.insert(0, 10 - offset.size(), '0');
    offsets += offset + " 00000 n \n";
    pdf += std::to_string(++number) + " 0 obj\n" + object + "\nendobj\n";
  }
  const std::string count = std::to_string(number + 1);
  const std::string table = std::to_string(pdf.size());
  pdf += "xref\n0 " + count + "\n0000000000 65535 f \n" + offsets;
  pdf += "trailer\n<< /Size " + count + " /Root 1 0 R >>\nstartxref\n" + table + "\n%%EOF\n";
  return pdf;
}

}  // namespace callerapi::cli
