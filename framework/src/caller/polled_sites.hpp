#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/request.hpp"
#include "callerapi/response.hpp"
#include "policy/discovery.hpp"

namespace callerapi::caller {

inline constexpr Duration poll_every = std::chrono::seconds(10);
// After a failure: soon, and still no burden to who fails.
inline constexpr Duration poll_again = std::chrono::seconds(2);
inline constexpr Duration poll_timeout = std::chrono::seconds(5);
inline constexpr std::size_t places_bytes_max = std::size_t{256} << 10;

/// Reads `{"instances": [{"host", "port", "weight"} or {"url", "weight"}]}`; weights may be left
/// out, other members are overlooked. A URL has `scheme` and no path. All or nothing. Errors:
/// `decode_error`; the message names the member and holds nothing else of the text.
Result<std::vector<policy::Site>> read_places(std::string_view text, std::string_view scheme);

/// Asks a service of the registry where another one runs: every 10 s, with the ETag of the last
/// answer. The loop never waits: the answer comes as that of any other call.
class PolledSites final : public policy::SiteSource {
 public:
  /// Sends a GET through the engine; `done` runs once, on the loop, perhaps at once.
  using Get = std::function<void(Request request, std::function<void(Result<Response>)> done)>;
  /// `from` begins the message of every error; `before` is what holds until the first answer.
  PolledSites(std::string from, std::string scheme, Get get, std::function<TimePoint()> now,
              std::vector<policy::Site> before);
  std::vector<policy::Site> first() const override { return before_; }
  void ask(std::uint64_t cursor, Answered done) override;

 private:
  struct State {
    std::uint64_t cursor = 0;  ///< 0: nobody has answered yet.
    std::vector<policy::Site> all;
    std::string etag;
    TimePoint next = TimePoint::min();  ///< Until then the last answer holds,
    std::optional<Error> failed;        ///< or this.
    Result<void> take(const Result<Response>& answer, std::string_view scheme);
    policy::SitesChange since(std::uint64_t known) const;
  };
  const std::string from_, scheme_;
  const Get get_;
  const std::function<TimePoint()> now_;
  const std::vector<policy::Site> before_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace callerapi::caller
