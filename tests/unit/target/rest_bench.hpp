#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/http_fake.hpp"
#include "target/registry.hpp"

namespace tandem {

/// A rest target with one route, its answers, and the loop that turns it.
struct RestBench {
  Settings settings;
  HttpClient http;
  std::map<std::int64_t, Answer> answers;  ///< by counter
  int answered_twice = 0;
  std::unique_ptr<Target> target;

  explicit RestBench(const test_support::HttpFake& fake) {
    TargetSettings crm;
    crm.name = "crm";
    crm.url = fake.url("/api/");
    crm.timeout = std::chrono::milliseconds(400);
    crm.connect_timeout = std::chrono::milliseconds(200);
    settings.targets.push_back(crm);
    RouteSettings route;
    route.target = "crm";
    route.request_type = "opportunity";
    route.watch = "opportunity";
    route.rest.create = call("POST", "/{request_type}");
    route.rest.create->remote_id = "/id";
    route.rest.update = call("PATCH", "/{request_type}/{remote_id}");
    route.rest.remove = call("DELETE", "/{request_type}/{remote_id}");
    settings.routes.push_back(route);
  }

  static CallSettings call(std::string method, std::string path) {
    CallSettings out;
    out.method = std::move(method);
    out.path = std::move(path);
    return out;
  }
  void with_lookup() {
    rest().lookup = call("GET", "/{request_type}?ext={object_id}");
    rest().lookup->remote_id = "/items/0/id";
  }

  TargetSettings& crm() { return settings.targets[0]; }
  RestSettings& rest() { return settings.routes[0].rest; }

  void make() {
    auto made = make_target(settings, settings.targets[0], http, [this](std::vector<Answer> some) {
      for (Answer& answer : some) answered_twice += !answers.emplace(answer.counter.value, std::move(answer)).second;
    });
    ASSERT_TRUE(made) << made.error().message;
    target = std::move(*made);
  }

  static Attempt attempt(std::int64_t counter, Operation operation = Operation::create, std::string remote_id = {},
                         Doubt doubt = Doubt::none) {
    Attempt out;
    out.counter = {counter};
    out.record_id.bytes[15] = static_cast<std::uint8_t>(counter);
    out.operation = operation;
    out.object_id = "K" + std::to_string(counter);
    out.remote_id = std::move(remote_id);
    out.doubt = doubt;
    if (operation != Operation::remove) out.body = "{\"n\":" + std::to_string(counter) + "}";
    return out;
  }

  void turn_until_answered(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (answers.size() < count && std::chrono::steady_clock::now() < end) http.turn(std::chrono::milliseconds(20));
    ASSERT_EQ(answers.size(), count);
    http.turn(std::chrono::milliseconds(0));
    EXPECT_EQ(answered_twice, 0);
    EXPECT_EQ(http.in_flight(), 0U);
  }

  /// Sends one attempt and returns its answer.
  Answer send(Attempt attempt) {
    if (!target) make();
    const std::int64_t counter = attempt.counter.value;
    answers.clear();
    Shipment shipment;
    shipment.route = 0;
    shipment.attempts.push_back(std::move(attempt));
    target->start(std::move(shipment));
    EXPECT_TRUE(answers.empty()) << "never from within start";
    turn_until_answered(1);
    return answers[counter];
  }
  void send_together(std::vector<Attempt> attempts) {
    if (!target) make();
    answers.clear();
    const std::size_t count = attempts.size();
    target->start({0, std::move(attempts)});
    turn_until_answered(count);
  }
};

}  // namespace tandem
