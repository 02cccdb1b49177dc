#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <tuple>

#include "callerapi/dsl/verbs.hpp"

namespace callerapi::dsl {

/// The endpoints of one service, in order. `common` may stand among them.
template <class... Entries>
struct endpoints {
  template <class E>
  static constexpr bool named(std::string_view name) {
    if constexpr (std::is_same_v<E, common>)
      return false;
    else
      return E::name == name;
  }
  template <class E>
  using not_replaced =
      std::conditional_t<(named<Entries>(E::name) || ...), std::tuple<>, std::tuple<E>>;
  template <class E>
  struct listed {
    using type = std::tuple<E>;
  };
  template <class E>
  requires std::same_as<E, common>
  struct listed<E> {
    using type = decltype(std::tuple_cat(not_replaced<std::tuple_element_t<0, common::list>>{},
                                         not_replaced<std::tuple_element_t<1, common::list>>{}));
  };
  using list = decltype(std::tuple_cat(typename listed<Entries>::type{}...));
  static constexpr std::size_t count = std::tuple_size_v<list>;

  static constexpr auto rows = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<capi_endpoint, count>{std::tuple_element_t<I, list>::row...};
  }
  (std::make_index_sequence<count>());

  static constexpr bool unique = [] {
    const auto same = [](capi_str a, capi_str b) {
      return std::string_view(a.ptr, a.len) == std::string_view(b.ptr, b.len);
    };
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t k = 0; k < i; ++k)
        if (same(rows[i].name, rows[k].name) ||
            (same(rows[i].method, rows[k].method) && same(rows[i].path, rows[k].path) &&
             rows[i].request_body == rows[k].request_body))
          return false;
    return true;
  }();
  static_assert(unique, "callerapi: two endpoints share a name, or method, path and body kind");

  /// count where there is none of that name.
  static constexpr std::size_t index_of(std::string_view name) {
    for (std::size_t i = 0; i < count; ++i)
      if (std::string_view(rows[i].name.ptr, rows[i].name.len) == name) return i;
    return count;
  }
};

/// The endpoint of that name in a contract's `api`.
template <class Contract, Text Name>
struct by_name {
  static constexpr std::size_t index = Contract::api::index_of(Name.view());
  static_assert(index < Contract::api::count,
                "callerapi: no such endpoint in this contract; see its `api`");
  using type = std::tuple_element_t<index, typename Contract::api::list>;
};

}  // namespace callerapi::dsl
