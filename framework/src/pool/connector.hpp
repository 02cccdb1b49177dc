#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pool/settings.hpp"
#include "wire/loop.hpp"

namespace callerapi::pool {

/// Opens one connection: looks the name up, tries each address in turn. On the loop's thread;
/// tells its owner once. Kept alive by what it waits for.
class Connector final : public std::enable_shared_from_this<Connector>, private wire::StreamEvents {
 public:
  using Opened = std::function<void(Connector&, Result<std::unique_ptr<wire::Stream>>)>;
  Connector(const Settings& settings, wire::Loop& loop, Opened opened);
  ~Connector();

  void begin();
  /// Tells nobody any more.
  void abandon();

 private:
  void on_ready() noexcept override;
  void on_resolved(Result<std::vector<wire::Address>> found);
  void on_time();
  void try_next();
  void finish(Result<std::unique_ptr<wire::Stream>> result);

  const Settings settings_;
  wire::Loop& loop_;
  Opened opened_;
  wire::Timer timer_;
  std::vector<wire::Address> addresses_;
  std::size_t next_ = 0;
  std::unique_ptr<wire::Stream> stream_;
  bool resolving_ = false;
  Error last_;
};

}  // namespace callerapi::pool
