#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "callerapi/deadline.hpp"
#include "callerapi/result.hpp"

namespace callerapi::wire {

/// Where a name is: numeric addresses in the order to try them, and how long that holds.
struct Found {
  std::vector<std::string> addresses;
  Duration ttl{0};
};

// A service that moved is found again within half a minute, whatever its zone says.
inline constexpr Duration name_ttl_max = std::chrono::seconds(30);
// A TTL of 0 must not cost one question per connection. What is wrong is asked again as soon.
inline constexpr Duration name_ttl_min = std::chrono::seconds(1);
// How long the last good answer outlives its TTL while the name servers fail.
inline constexpr Duration name_stale_max = std::chrono::minutes(5);

/// What is known of names. It reads no clock and asks nobody: one thread, time is given.
///
/// A failed question does not erase a good answer: that is handed out for another name_stale_max.
/// One "no such name" may be a slip of the server and is treated so; a second one without a good
/// answer between them is believed.
class NameCache {
 public:
  using Answer = Result<std::vector<std::string>>;

  /// What holds now; nullopt: ask.
  std::optional<Answer> fresh(const std::string& name, TimePoint now) const;
  /// Is there an old answer for when asking fails or takes long?
  bool has_stale(const std::string& name, TimePoint now) const;
  /// Takes what asking came to and answers what to tell those who wait.
  Answer store(const std::string& name, Result<Found> found, TimePoint now);
  /// Asking takes long: the old answer, which holds until a question may be asked again. Only
  /// after has_stale().
  Answer hold(const std::string& name, TimePoint now);

  void clear() { entries_.clear(); }
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::vector<std::string> addresses;  ///< The last good ones.
    TimePoint holds_until{};             ///< Nobody asks before.
    TimePoint usable_until{};            ///< Of `addresses`, when asking fails.
    int absent_in_a_row = 0;
    std::optional<Error> error;  ///< The answer until holds_until, if no address is usable.
  };
  static bool usable(const Entry& entry, TimePoint now) noexcept;
  void make_room(TimePoint now);

  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace callerapi::wire
