#include "metrics/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace tandem::metrics {
namespace {

void add_to(std::atomic<double>& sum, double amount) {
  double before = sum.load(std::memory_order_relaxed);
  while (!sum.compare_exchange_weak(before, before + amount, std::memory_order_relaxed)) {
  }
}

std::string number(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

constexpr std::string_view type_words[] = {"counter", "gauge", "histogram"};

struct Series {
  std::unique_ptr<Total> total;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Histogram> histogram;
};

struct Family {
  const Definition* definition;
  std::map<std::vector<std::string>, Series> series;
};

std::size_t label_count(const Definition& definition) {
  return static_cast<std::size_t>(std::count_if(definition.labels.begin(), definition.labels.end(),
                                                [](std::string_view name) { return !name.empty(); }));
}

// {target="x",le="0.1"}, or nothing.
std::string braces(const Definition& definition, const std::vector<std::string>& values, std::string_view le = {}) {
  std::string out;
  const auto add = [&out](std::string_view name, std::string_view value) {
    out += out.empty() ? '{' : ',';
    out.append(name).append("=\"").append(escaped(value)) += '"';
  };
  for (std::size_t i = 0; i < values.size(); ++i) add(definition.labels[i], values[i]);
  if (!le.empty()) add("le", le);
  return out.empty() ? out : out + '}';
}

void render_histogram(std::string& out, const Definition& definition, const std::vector<std::string>& labels,
                      const Histogram& histogram) {
  const std::string name(definition.name);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i <= histogram.bounds().size(); ++i) {
    cumulative += histogram.bucket(i);
    const std::string le = i < histogram.bounds().size() ? number(histogram.bounds()[i]) : "+Inf";
    out += name + "_bucket" + braces(definition, labels, le) + " " + std::to_string(cumulative) + "\n";
  }
  out += name + "_sum" + braces(definition, labels) + " " + number(histogram.sum()) + "\n";
  out += name + "_count" + braces(definition, labels) + " " + std::to_string(cumulative) + "\n";
}

}  // namespace

void Gauge::add(double amount) {
  add_to(value_, amount);
}

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds), counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)) {}

void Histogram::observe(double value) {
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<std::size_t>(bound - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
  add_to(sum_, value);
}

class Registry::Families {
 public:
  Series& series(const Definition& definition, Kind kind, Labels labels) {
    if (definition.kind != kind || labels.size() != label_count(definition))
      throw std::logic_error("metric " + std::string(definition.name) + " is used against its definition");
    const std::lock_guard lock(mutex_);
    Family& family = families_.try_emplace(std::string(definition.name), Family{&definition, {}}).first->second;
    std::vector<std::string> key(labels.begin(), labels.end());
    if (!family.series.contains(key) && family.series.size() >= most_series) key.assign(key.size(), "other");
    Series& series = family.series[key];
    if (kind == Kind::total && !series.total) series.total = std::make_unique<Total>();
    if (kind == Kind::gauge && !series.gauge) series.gauge = std::make_unique<Gauge>();
    if (kind == Kind::histogram && !series.histogram) series.histogram = std::make_unique<Histogram>(definition.bounds);
    return series;
  }

  std::string render() const {
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const auto& [name, family] : families_) {
      const Definition& definition = *family.definition;
      out += "# HELP " + name + " " + std::string(definition.help) + "\n";
      out += "# TYPE " + name + " " + std::string(type_words[static_cast<std::size_t>(definition.kind)]) + "\n";
      for (const auto& [labels, series] : family.series) {
        if (series.histogram) render_histogram(out, definition, labels, *series.histogram);
        if (series.total) out += name + braces(definition, labels) + " " + std::to_string(series.total->value()) + "\n";
        if (series.gauge) out += name + braces(definition, labels) + " " + number(series.gauge->value()) + "\n";
      }
    }
    return out;
  }

 private:
  mutable std::mutex mutex_;  // any thread may look a series up; changing one needs no lock
  std::map<std::string, Family> families_;
};

Registry::Registry() : families_(std::make_unique<Families>()) {}
Registry::~Registry() = default;

Total& Registry::total(const Definition& definition, Labels labels) {
  return *families_->series(definition, Kind::total, labels).total;
}
Gauge& Registry::gauge(const Definition& definition, Labels labels) {
  return *families_->series(definition, Kind::gauge, labels).gauge;
}
Histogram& Registry::histogram(const Definition& definition, Labels labels) {
  return *families_->series(definition, Kind::histogram, labels).histogram;
}
std::string Registry::render() const {
  return families_->render();
}

Registry& registry() {
  static Registry process;
  return process;
}

}  // namespace tandem::metrics
