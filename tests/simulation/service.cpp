#include "simulation/service.hpp"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace callerapi::simulation {
namespace {

/// The number behind `name` in a head; the engine writes names as they were given.
std::optional<std::size_t> number_of(std::string_view head, std::string_view name) {
  const auto at = head.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view digits = head.substr(at + name.size());
  std::size_t value = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc()) return {};
  return value;
}

/// The whole field with its line end; empty: it is not there.
std::string line_of(std::string_view head, std::string_view name) {
  const auto at = head.find(name);
  if (at == std::string_view::npos) return {};
  return std::string(head.substr(at, head.find("\r\n", at) + 2 - at));
}

std::string answer(int status, const std::string& body, bool chunked, std::string_view field = {}) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " x\r\n" + std::string(field);
  if (!chunked) return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  text += "Transfer-Encoding: chunked\r\n\r\n";
  char size[20];
  const auto half = body.size() / 2;
  for (const std::string& piece : {body.substr(0, half), body.substr(half)}) {
    if (piece.empty()) continue;
    const auto end = std::to_chars(size, size + sizeof size, piece.size(), 16).ptr;
    text += std::string(size, end) + "\r\n" + piece + "\r\n";
  }
  return text + "0\r\n\r\n";
}

class Service final : public Peer {
 public:
  Service(std::shared_ptr<const Manners> manners, Ledger& ledger)
      : manners_(std::move(manners)), ledger_(ledger) {}

  void on_bytes(Cable& cable, std::string_view bytes) override {
    if (busy_) ledger_.breaches.push_back("a second request came before the first was answered");
    inbox_ += bytes;
    const auto end = inbox_.find("\r\n\r\n");
    if (end == std::string::npos) return;
    const std::string_view head = std::string_view(inbox_).substr(0, end + 2);
    const auto call = number_of(head, "Sim-Call: ");
    if (!call || *call >= ledger_.calls.size()) {
      ledger_.breaches.push_back("a request arrived that no call made");
      return cable.reset();
    }
    Entry& entry = ledger_.calls[*call];
    if (!std::exchange(head_seen_, true)) {
      ++entry.heads;
      if (chance(cable, manners_->cut_request)) return cable.reset();
    }
    const std::size_t whole = end + 4 + number_of(head, "Content-Length: ").value_or(0);
    if (inbox_.size() < whole) return;
    if (inbox_.size() > whole) ledger_.breaches.push_back("bytes followed a request");
    echo_ = line_of(head, "X-Request-Id: ");
    inbox_.clear();
    head_seen_ = false;
    ++entry.arrivals;
    cable.loop().note(*call);
    work_on(cable, *call);
  }

  void on_end(Cable& cable) override { cable.close(); }

 private:
  static bool chance(Cable& cable, std::uint64_t of_1000) {
    return cable.loop().rng().below(1000) < of_1000;
  }

  void work_on(Cable& cable, std::size_t call) {
    busy_ = true;
    const auto work = cable.loop().rng().below(
        static_cast<std::uint64_t>(std::max<Duration::rep>(1, manners_->work_max.count())));
    cable.loop().after(Duration(static_cast<Duration::rep>(work)),
                       [this, cable = cable.shared_from_this(), call] {
                         if (!cable->ended()) reply(*cable, call);
                       });
  }

  void reply(Cable& cable, std::size_t call) {
    if (chance(cable, manners_->silent)) return;
    if (chance(cable, manners_->no_answer))
      return chance(cable, 500) ? cable.reset() : cable.close();
    if (chance(cable, manners_->gibberish)) return cable.send("SSH-2.0-what\r\n"), cable.close();
    const bool chunked = chance(cable, 400);
    std::string text = answer(200, body_of(call), chunked, echo_);
    int status = 200;
    const auto instead = [&](int other, std::string_view field) {
      status = other;
      text = answer(other, "no", chunked, std::string(field) + echo_);
    };
    if (chance(cable, manners_->unavailable))
      instead(503, chance(cable, 300) ? "Retry-After: 1\r\n" : "");
    else if (chance(cable, manners_->server_error))
      instead(500, "");
    else if (chance(cable, manners_->throttled))
      instead(429, "Retry-After: 1\r\n");
    if (chance(cable, manners_->cut_answer)) {
      cable.send(text.substr(0, cable.loop().rng().below(text.size())));
      return chance(cable, 500) ? cable.reset() : cable.close();
    }
    ledger_.calls[call].answers.push_back(status);
    busy_ = false;
    // An unasked answer in a segment of its own may come when the next request is already under
    // way: only a name for each request tells then.
    const bool excess = chance(cable, manners_->excess);
    const std::string unasked = excess ? answer(200, "not yours", false, echo_) : "";
    if (echo_.empty()) text += unasked;
    cable.send(std::move(text));
    if (excess && !echo_.empty()) cable.send(unasked);
    if (chance(cable, manners_->leaves_after)) leave(cable);
  }

  static void leave(Cable& cable) {
    const Duration rest = std::chrono::microseconds(cable.loop().rng().below(20'000));
    cable.loop().after(rest, [cable = cable.shared_from_this()] { cable->close(); });
  }

  const std::shared_ptr<const Manners> manners_;
  Ledger& ledger_;
  std::string inbox_, echo_;
  bool busy_ = false, head_seen_ = false;
};

}  // namespace

std::unique_ptr<Peer> make_service(std::shared_ptr<const Manners> manners, Ledger& ledger) {
  return std::make_unique<Service>(std::move(manners), ledger);
}

}  // namespace callerapi::simulation
