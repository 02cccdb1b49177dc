#include <deque>
#include <map>
#include <utility>

#include "base/mutex.hpp"
#include "callerapi/testing.hpp"

namespace callerapi::testing {

Transport::~Transport() = default;

struct ScriptedTransport::State {
  using Key = std::pair<std::string, std::string>;
  mutable base::Mutex mutex;
  std::map<Key, Answer> always CALLERAPI_GUARDED_BY(mutex);
  std::map<Key, std::deque<Result<Response>>> once CALLERAPI_GUARDED_BY(mutex);
  std::vector<SeenRequest> requests CALLERAPI_GUARDED_BY(mutex);
  std::vector<std::string> unexpected CALLERAPI_GUARDED_BY(mutex);

  static std::string text(const Key& key) { return key.first + "." + key.second; }

  Error refuse(const Key& key) CALLERAPI_REQUIRES(mutex) {
    unexpected.push_back(text(key));
    std::string scripted;
    for (const auto& [known, answer] : always)
      scripted += (scripted.empty() ? "" : ", ") + text(known);
    return {.outcome = Outcome::invalid_argument,
            .reason = "unexpected_request",
            .message = "no answer is scripted for " + text(key) +
                       "; scripted are: " + (scripted.empty() ? std::string("none") : scripted)};
  }
};

ScriptedTransport::ScriptedTransport() : state_(std::make_unique<State>()) {}
ScriptedTransport::~ScriptedTransport() = default;

ScriptedTransport& ScriptedTransport::on(std::string_view service, std::string_view endpoint,
                                         Answer answer) {
  base::Lock lock(state_->mutex);
  state_->always.insert_or_assign({std::string(service), std::string(endpoint)}, std::move(answer));
  return *this;
}

ScriptedTransport& ScriptedTransport::on(std::string_view service, std::string_view endpoint,
                                         Response response) {
  return on(service, endpoint,
            [response = std::move(response)](const SeenRequest&) { return response; });
}

ScriptedTransport& ScriptedTransport::once(std::string_view service, std::string_view endpoint,
                                           Result<Response> answer) {
  base::Lock lock(state_->mutex);
  state_->once[{std::string(service), std::string(endpoint)}].push_back(std::move(answer));
  return *this;
}

Result<Response> ScriptedTransport::answer(const SeenRequest& request) {
  const State::Key key{request.service, request.endpoint};
  Answer answer;
  {
    base::Lock lock(state_->mutex);
    state_->requests.push_back(request);
    if (auto line = state_->once.find(key); line != state_->once.end() && !line->second.empty()) {
      auto next = std::move(line->second.front());
      line->second.pop_front();
      return next;
    }
    const auto found = state_->always.find(key);
    if (found == state_->always.end()) return state_->refuse(key);
    answer = found->second;
  }
  return answer(request);
}

std::vector<SeenRequest> ScriptedTransport::requests() const {
  base::Lock lock(state_->mutex);
  return state_->requests;
}

std::vector<std::string> ScriptedTransport::unexpected() const {
  base::Lock lock(state_->mutex);
  return state_->unexpected;
}

std::vector<std::string> ScriptedTransport::unused() const {
  base::Lock lock(state_->mutex);
  std::vector<std::string> left;
  for (const auto& [key, answers] : state_->once)
    left.insert(left.end(), answers.size(), State::text(key));
  return left;
}

Response json_response(std::string text, int status) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  response.body = std::move(text);
  return response;
}

Error failure(Outcome outcome, Sent sent) {
  return {.outcome = outcome,
          .reason = "scripted",
          .message = "a failure that the test scripted",
          .phase = sent == Sent::no ? Phase::connect : Phase::wait,
          .sent = sent};
}

}  // namespace callerapi::testing
