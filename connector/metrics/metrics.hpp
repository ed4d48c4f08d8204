#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

/// Counts, gauges and histograms of the process, and their Prometheus text (exposition format 0.0.4). Looking a series
/// up takes a lock: do it once and keep the reference, which lives as long as the registry. Changing one is a relaxed
/// atomic operation.
namespace tandem::metrics {

enum class Kind : std::uint8_t { total, gauge, histogram };

/// What a metric is; all of them stand in metrics/names.hpp.
struct Definition {
  std::string_view name, help;
  Kind kind = Kind::total;
  std::array<std::string_view, 2> labels{};  ///< names; empty ones are not there
  std::span<const double> bounds{};          ///< of a histogram's buckets, ascending, without +Inf
};

/// Only rises.
class Total {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double amount);
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds);
  void observe(double value);
  template <class Rep, class Period>
  void observe(std::chrono::duration<Rep, Period> time) {
    observe(std::chrono::duration<double>(time).count());
  }
  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
  [[nodiscard]] std::uint64_t bucket(std::size_t index) const {
    return counts_[index].load(std::memory_order_relaxed);
  }  ///< last: +Inf
  [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::span<const double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

/// Holds the series. The number of series of one metric is bounded: past `most_series`, further label values share the
/// series whose labels are all "other".
class Registry {
 public:
  static constexpr std::size_t most_series = 5000;
  using Labels = std::initializer_list<std::string_view>;  ///< values, in the order of Definition::labels

  Registry();
  ~Registry();
  [[nodiscard]] Total& total(const Definition& definition, Labels labels = {});
  [[nodiscard]] Gauge& gauge(const Definition& definition, Labels labels = {});
  [[nodiscard]] Histogram& histogram(const Definition& definition, Labels labels = {});
  [[nodiscard]] std::string render() const;

 private:
  class Families;
  std::unique_ptr<Families> families_;
};

/// The process's own.
[[nodiscard]] Registry& registry();

}  // namespace tandem::metrics
