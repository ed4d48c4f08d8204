#include "daemon/settled_counts.hpp"

#include "json/writer.hpp"
#include "metrics/names.hpp"
#include "model/state.hpp"

namespace tandem {

SettledCounts::SettledCounts(const Settings& settings, metrics::Registry& registry) {
  for (const TargetSettings& target : settings.targets) {
    OfTarget of{target.name, {}};
    for (int i = 0; i <= static_cast<int>(Outcome::internal); ++i) {
      const auto name = word(static_cast<Outcome>(i));
      of.series.push_back({std::string(name), {&registry.total(metrics::settled, {target.name, name})}, 0});
    }
    Series attempts{"attempts", {}, 0};
    for (int i = 0; i <= static_cast<int>(ErrorClass::internal); ++i)
      attempts.totals.push_back(&registry.total(metrics::attempts, {target.name, word(static_cast<ErrorClass>(i))}));
    of.series.push_back(std::move(attempts));
    targets_.push_back(std::move(of));
  }
}

std::vector<SettledCounts::Risen> SettledCounts::take() {
  std::vector<Risen> risen;
  for (OfTarget& of : targets_) {
    json::Writer w;
    w.open_object();
    bool any = false;
    for (Series& series : of.series) {
      std::uint64_t now = 0;
      for (const auto* total : series.totals) now += total->value();
      if (now == series.told) continue;
      w.key(series.name).number(static_cast<std::int64_t>(now - series.told));
      series.told = now;
      any = true;
    }
    w.close_object();
    if (any) risen.push_back({of.target, w.take()});
  }
  return risen;
}

}  // namespace tandem
