#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "callerapi/json.hpp"

/// What typed calls of the benchmarks carry: a nested type with every kind of value.
namespace invoices {

struct Position {
  std::string article, text;
  std::int32_t count = 0;
  double price = 0;
};
CALLERAPI_JSON(Position, article, text, count, price)

struct Invoice {
  std::int64_t number = 0;
  std::string customer;
  std::optional<std::string> note;
  bool paid = false;
  std::vector<Position> positions;
};
CALLERAPI_JSON(Invoice, number, customer, note, paid, positions)

}  // namespace invoices
