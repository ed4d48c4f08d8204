// Commits changes at a steady rate and measures when each arrives: as a request at a sink that tandem delivers to
// (--sink), or as an insert on a bare replication socket (--stream), the limit. Prints one JSON object.
#include <libpq-fe.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "arrivals.hpp"
#include "change_stream.hpp"
#include "stamping_sink.hpp"
#include "support/sql.hpp"
#include "support/wait_for.hpp"

namespace tandem::bench {
namespace {

constexpr std::size_t writers = 4;
constexpr std::size_t warm_up_seconds = 1;

/// Commits every `writers`-th transaction of so many changes at its time and notes when the commit was acknowledged.
void write_changes(const std::string& database, std::int64_t first_object, std::size_t offset, std::int64_t begin_ns,
                   double per_second, std::size_t together, std::vector<std::int64_t>& committed) {
  const test_support::Sql session(database);
  const char* insert =
      "insert into opportunity (id, name, stage, amount, currency, account_id, owner_id, probability, expected_close, "
      "next_step, description) select n, 'Opportunity', 'open', 1000.25, 'EUR', 17, 4, 50, '2026-01-01', 'call the "
      "buyer "
      "again next week', 'Renewal of the maintenance contract, with an option for two more sites in the coming year' "
      "from generate_series($1::bigint, $2::bigint) n";
  PQclear(PQprepare(session.raw(), "insert", insert, 2, nullptr));
  for (std::size_t change = offset * together; change < committed.size(); change += writers * together) {
    const auto due = begin_ns + static_cast<std::int64_t>(static_cast<double>(change) * 1e9 / per_second);
    std::this_thread::sleep_until(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(due)));
    const std::size_t end = std::min(change + together, committed.size());
    const auto first = std::to_string(first_object + static_cast<std::int64_t>(change));
    const auto last = std::to_string(first_object + static_cast<std::int64_t>(end) - 1);
    const char* values[] = {first.c_str(), last.c_str()};
    PGresult* result = PQexecPrepared(session.raw(), "insert", 2, values, nullptr, nullptr, 0);
    std::fill(committed.begin() + static_cast<std::ptrdiff_t>(change),
              committed.begin() + static_cast<std::ptrdiff_t>(end), monotonic_ns());
    const bool inserted = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (!inserted) {
      std::fprintf(stderr, "%s", PQerrorMessage(session.raw()));
      std::exit(1);
    }
  }
}

double at_share(const std::vector<double>& sorted, double share) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

void measure(const std::map<std::string, std::string>& options) {
  const auto& database = options.at("--database");
  const double per_second = std::stod(options.at("--rate"));
  const auto seconds = static_cast<std::size_t>(std::stoul(options.at("--seconds"))) + warm_up_seconds;
  const auto together =
      static_cast<std::size_t>(options.contains("--together") ? std::stoul(options.at("--together")) : 1);
  const auto changes = static_cast<std::size_t>(per_second * static_cast<double>(seconds));
  const auto first_object = test_support::Sql(database).number("select coalesce(max(id), 0) + 1 from opportunity");

  Arrivals arrivals(first_object, changes);
  std::optional<StampingSink> sink;
  std::optional<ChangeStream> stream;
  if (options.contains("--sink"))
    sink.emplace(static_cast<std::uint16_t>(std::stoul(options.at("--sink"))), arrivals);
  else
    stream.emplace(database, arrivals);

  std::vector<std::int64_t> committed(changes);
  const auto begin = monotonic_ns() + 200'000'000;
  {
    std::vector<std::jthread> threads;
    for (std::size_t offset = 0; offset < writers; ++offset)
      threads.emplace_back(
          [&, offset] { write_changes(database, first_object, offset, begin, per_second, together, committed); });
  }
  if (!test_support::wait_for([&] { return arrivals.count() == changes; }, std::chrono::seconds(120)))
    throw std::runtime_error(std::to_string(changes - arrivals.count()) + " of " + std::to_string(changes) +
                             " changes never arrived");

  std::vector<double> waits;
  for (auto change = static_cast<std::size_t>(per_second) * warm_up_seconds; change < changes; ++change)
    waits.push_back(std::max(0.0, static_cast<double>(arrivals.at(change) - committed[change]) / 1e6));
  std::sort(waits.begin(), waits.end());
  const auto last = *std::max_element(committed.begin(), committed.end());
  std::printf("{\"changes\": %zu, \"per_second\": %.1f, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"longest_ms\": %.4f}\n",
              waits.size(), static_cast<double>(changes) * 1e9 / static_cast<double>(last - begin),
              at_share(waits, 0.5), at_share(waits, 0.99), waits.back());
}

}  // namespace
}  // namespace tandem::bench

int main(int count, char** words) {
  std::map<std::string, std::string> options;
  for (int i = 1; i < count; ++i) {
    const std::string name = words[i];
    const bool has_value = i + 1 < count && std::string(words[i + 1]).substr(0, 2) != "--";
    options[name] = has_value ? words[++i] : "";
  }
  try {
    tandem::bench::measure(options);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "latency_probe: %s\n", error.what());
    return 1;
  }
}
