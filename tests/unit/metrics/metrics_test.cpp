#include "metrics/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <thread>
#include <vector>

#include "metrics/names.hpp"

namespace tandem::metrics {
namespace {

using testing::HasSubstr;

constexpr std::array<double, 2> two_bounds{0.1, 2.5};
constexpr Definition requests{"tandem_test_total", "Things.", Kind::total, {"target", "error"}};
constexpr Definition level{"tandem_test_bytes", "Bytes.", Kind::gauge};
constexpr Definition time_taken{"tandem_test_seconds", "Time.", Kind::histogram, {"target"}, two_bounds};

TEST(Metrics, RendersTotalsWithTheirLabels) {
  Registry registry;
  registry.total(requests, {"crm", "none"}).add(3);
  registry.total(requests, {"crm", "timeout"}).add();
  EXPECT_EQ(
      registry.render(),
      "# HELP tandem_test_total Things.\n# TYPE tandem_test_total counter\n"
      "tandem_test_total{target=\"crm\",error=\"none\"} 3\ntandem_test_total{target=\"crm\",error=\"timeout\"} 1\n");
}

TEST(Metrics, RendersGaugesExactly) {
  Registry registry;
  registry.gauge(level).set(0.1);
  registry.gauge(level).add(1e15);
  EXPECT_THAT(registry.render(), HasSubstr("\ntandem_test_bytes 1000000000000000.1\n"));
}

TEST(Metrics, RendersHistogramsCumulatively) {
  Registry registry;
  Histogram& histogram = registry.histogram(time_taken, {"crm"});
  for (const double value : {0.05, 0.1, 0.5, 3.0, 4.0}) histogram.observe(value);
  EXPECT_EQ(registry.render(),
            "# HELP tandem_test_seconds Time.\n# TYPE tandem_test_seconds histogram\n"
            "tandem_test_seconds_bucket{target=\"crm\",le=\"0.1\"} "
            "2\ntandem_test_seconds_bucket{target=\"crm\",le=\"2.5\"} 3\n"
            "tandem_test_seconds_bucket{target=\"crm\",le=\"+Inf\"} 5\n"
            "tandem_test_seconds_sum{target=\"crm\"} 7.65\ntandem_test_seconds_count{target=\"crm\"} 5\n");
}

TEST(Metrics, EscapesLabelValues) {
  Registry registry;
  registry.total(requests, {"a\"b\\c\nd", ""}).add();
  EXPECT_THAT(registry.render(), HasSubstr(R"(target="a\"b\\c\nd",error="")"));
}

TEST(Metrics, BoundTheNumberOfSeries) {
  Registry registry;
  for (std::size_t i = 0; i < 2 * Registry::most_series; ++i)
    registry.total(requests, {std::to_string(i), "none"}).add();
  EXPECT_EQ(registry.total(requests, {"other", "other"}).value(), Registry::most_series);
  EXPECT_EQ(registry.total(requests, {"7", "none"}).value(), 1U);
}

TEST(Metrics, RefuseUseAgainstTheDefinition) {
  Registry registry;
  EXPECT_THROW((void)registry.total(requests, {"crm"}), std::logic_error);
  EXPECT_THROW((void)registry.gauge(requests, {"crm", "none"}), std::logic_error);
}

TEST(Metrics, LoseNothingUnderThreads) {
  Registry registry;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&registry] {
      for (int i = 0; i < 10'000; ++i) {
        registry.total(requests, {"crm", "none"}).add();
        registry.histogram(time_taken, {"crm"}).observe(1);
      }
    });
  threads.clear();
  EXPECT_EQ(registry.total(requests, {"crm", "none"}).value(), 40'000U);
  EXPECT_EQ(registry.histogram(time_taken, {"crm"}).sum(), 40'000);
}

// The names of Prometheus: base units, _total on what only rises and on nothing else, help that is a sentence.
TEST(MetricNames, FollowTheConventions) {
  const Definition* all[] = {&build_info,
                             &start_time,
                             &resident_memory,
                             &connector_epoch,
                             &sessions_lost,
                             &query_duration,
                             &capture_phase,
                             &stream_rings,
                             &stream_bytes,
                             &stream_starts,
                             &slot_retained,
                             &windows,
                             &window_rows,
                             &gaps,
                             &floor_lag,
                             &queued_records,
                             &queued_bytes,
                             &oldest_pending,
                             &parked_records,
                             &failed_records,
                             &attempts,
                             &attempt_duration,
                             &attempts_in_flight,
                             &settled,
                             &parked,
                             &delivery_latency,
                             &breaker_open,
                             &paused,
                             &throttled,
                             &flush_rows,
                             &flushes};
  const std::regex shape("tandem_[a-z_]+");
  std::set<std::string_view> seen;
  for (const Definition* definition : all) {
    const std::string_view name = definition->name;
    SCOPED_TRACE(name);
    EXPECT_TRUE(std::regex_match(name.begin(), name.end(), shape));
    EXPECT_TRUE(seen.insert(name).second) << "twice";
    EXPECT_EQ(name.ends_with("_total"), definition->kind == Kind::total);
    EXPECT_EQ(definition->bounds.empty(), definition->kind != Kind::histogram);
    EXPECT_TRUE(definition->kind != Kind::histogram || name.ends_with("_seconds"));
    EXPECT_TRUE(definition->help.ends_with('.'));
    for (const std::string_view unit : {"_ms", "_millis", "_kb", "_mb", "_minutes"}) EXPECT_FALSE(name.ends_with(unit));
  }
}

}  // namespace
}  // namespace tandem::metrics
