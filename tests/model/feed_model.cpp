// Searches the feed protocol for counterexamples: with every rule in place none may be found, with one rule taken out
// one must.
//
//   feed_model [STATES [NAME]]   most states of a run; only the runs whose names hold NAME. 20,000,000 take hours and 5
//   GB of memory.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string_view>

#include "world.hpp"

namespace tandem::model {
namespace {

constexpr std::size_t most_until_failure = 4'000'000;  // a rule that is taken out must show before

struct Run {
  const char* name;
  Rules rules;
  Scene scene;
  bool must_fail;
};

Run without(const char* name, bool Rules::*rule, const std::function<void(Scene&)>& arrange) {
  Run run{name, {}, {}, true};
  run.rules.*rule = false;
  arrange(run.scene);
  return run;
}
Run sound(const char* name, const std::function<void(Scene&)>& arrange) {
  Run run{name, {}, {}, false};
  arrange(run.scene);
  return run;
}

std::vector<Run> runs() {
  const auto nothing = [](Scene&) {};
  const auto calm = [](Scene& s) { s.connector_crashes = 0; };
  const auto parks = [](Scene& s) { s.park = true; };
  const auto retries = [](Scene& s) { s.fail = s.retry = true, s.connector_crashes = 0; };
  const auto cuts = [](Scene& s) { s.rows = 1, s.connector_crashes = 0, s.writes = {{{0, 0}, {1, -1}, {1, -1}}}; };
  const auto two_targets = [](Scene& s) {
    s.connector_crashes = 0, s.room = 1, s.rows = 1;
    s.target_of_object[1] = 1;
  };
  const auto two_targets_crash = [two_targets](Scene& s) { two_targets(s), s.connector_crashes = 1; };
  const auto two_versions = [](Scene& s) {
    s.connector_crashes = 0, s.room = 1, s.rows = 2, s.writes = {{{0, 0}, {1, 1}, {-1, -1}}};
    s.target_of_object[1] = 1;
  };
  const auto server = [](Scene& s) { s.connector_crashes = 0, s.server_crashes = 1; };
  const auto taken_over = [](Scene& s) { s.connector_crashes = 0, s.take_overs = 1; };
  return {
      without("1 a counter is drawn before its xid", &Rules::xid_before_counter, calm),
      without("2 late and new rows in two snapshots", &Rules::one_snapshot, calm),
      without("3 gaps beyond a cut window are forgotten", &Rules::keep_cut_gaps, cuts),
      without("4 safe from comparing two snapshots", &Rules::safe_by_own_xid,
              [](Scene& s) {
                s.connector_crashes = 0, s.rows = 3, s.writes = {{{0, -1}, {1, 1}, {1, -1}}};
              }),
      without("4 safe raised by a cut window", &Rules::safe_only_where_probed, cuts),
      without("5 a bell is answered by one window", &Rules::ring_until_passed, calm),
      without("6 a lane is free at the answer", &Rules::hold_until_settled, nothing),
      without("8 an image without the row lock", &Rules::images_hold_row_lock, calm),
      without("9 latest does not yield", &Rules::latest_yields,
              [](Scene& s) {
                s.connector_crashes = 0, s.latest = 1, s.writes[2] = {0, -1};
              }),
      without("10 memory is freed before the parking has committed", &Rules::park_before_freeing, parks),
      without("10 the parked row is deleted at take-up", &Rules::parked_row_stays, parks),
      without("10 windows return parked rows", &Rules::windows_skip_parked, parks),
      without("11 retry() parks nothing", &Rules::retry_parks, retries),
      without("11 a retried record is not checked", &Rules::retried_is_checked, retries),
      without("13 attempts before parked lanes are known", &Rules::parked_known_first, parks),
      without("13 reading goes on after a server crash", &Rules::loss_is_a_start, server),
      without("settling without the record_id", &Rules::settle_by_record_id, server),
      without("take-over before the older one's requests have ended", &Rules::older_one_has_ended, taken_over),
      without("take-over without a fence", &Rules::fenced, taken_over),
      without("a target attaches at the same position with other gaps", &Rules::attach_when_equal, two_targets),
      without("a detached target looks for the shared gaps instead of its own", &Rules::detached_reads_its_own_gaps,
              [](Scene& s) {
                s.connector_crashes = 0, s.room = s.rows = 2, s.writes = {{{0, -1}, {0, 0}, {1, -1}}};
                s.target_of_object[0] = 1;
              }),
      without("a detached target reads on where the shared head has gaps", &Rules::detached_stays_behind, two_versions),
      without("a detached target does not hold its floor", &Rules::detached_holds_floor, two_targets_crash),

      sound("two crashes", [](Scene& s) { s.connector_crashes = 2; }),
      sound("parking, two crashes", [](Scene& s) { s.park = true, s.connector_crashes = 2; }),
      sound("failures, retry(), a crash", [](Scene& s) { s.fail = s.retry = true; }),
      sound("foreign rows, two writes a transaction, a crash",
            [](Scene& s) {
              s.foreign = true, s.writes = {{{0, 2}, {0, 1}, {2, -1}}};
            }),
      sound("room and window of one, a crash",
            [](Scene& s) {
              s.room = s.rows = 1, s.writes[0] = {0, 0};
            }),
      sound("latest and images in one lane, parking, a crash",
            [](Scene& s) {
              s.latest = 1, s.park = true, s.writes[2] = {0, -1};
            }),
      sound("latest and images in one lane, failures, a crash",
            [](Scene& s) {
              s.latest = 2, s.fail = true, s.room = 2, s.rows = 1, s.writes[2] = {0, -1};
            }),
      sound("one lane of three, parking, failures, retry(), a crash",
            [](Scene& s) {
              s.room = 2, s.fail = s.retry = s.park = true, s.writes[2] = {0, -1};
            }),
      sound("a server crash that loses asynchronous commits", [](Scene& s) { s.server_crashes = 1; }),
      sound("a server crash, parking and failures",
            [](Scene& s) { s.server_crashes = 1, s.connector_crashes = 0, s.park = s.fail = true; }),
      sound("a fail-over that loses synchronous commits",
            [](Scene& s) { s.server_crashes = 1, s.fail_over = true, s.connector_crashes = 0; }),
      sound("a fail-over, parking",
            [](Scene& s) { s.server_crashes = 1, s.fail_over = s.park = true, s.connector_crashes = 0; }),
      sound("a take-over", [](Scene& s) { s.take_overs = 1; }),
      sound("a take-over, parking, failures, retry()",
            [](Scene& s) { s.take_overs = 1, s.connector_crashes = 0, s.park = s.fail = s.retry = true; }),
      sound("two targets, a crash", two_targets_crash),
      sound("two targets, two writes a transaction",
            [](Scene& s) {
              s.connector_crashes = 0, s.room = 2, s.rows = 2, s.writes = {{{0, 1}, {1, 0}, {1, -1}}};
              s.target_of_object[1] = 1;
            }),
      sound("two targets, two versions of an object in one transaction", two_versions),
      sound("two targets, windows that reach one counter, a crash",
            [two_targets_crash](Scene& s) { two_targets_crash(s), s.reach = 1; }),
      sound("two targets, parking, failures, retry()",
            [two_targets](Scene& s) { two_targets(s), s.park = s.fail = s.retry = true; }),
      sound("two targets, a server crash", [two_targets](Scene& s) { two_targets(s), s.server_crashes = 1; }),
  };
}

bool passes(const Run& run, std::size_t limit) {
  const auto begun = std::chrono::steady_clock::now();
  const auto result = Search::search(
      beginning(), [&](const World& world, const Search::Emit& emit) { steps(world, run.rules, run.scene, emit); },
      [&](const World& world) { return check(world, run.rules, run.scene); },
      run.must_fail ? most_until_failure : limit);
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const bool as_expected = result.finding.has_value() == run.must_fail;
  std::printf("%s %-62s %9zu states%s %5.1f s  %s\n", as_expected ? "ok  " : "FAIL", run.name, result.states,
              result.complete ? "  " : " *", seconds,
              result.finding  ? result.finding->violation.c_str()
              : run.must_fail ? "nothing found"
                              : "");
  if (result.finding && !as_expected)
    for (std::size_t line = 0; line < result.finding->trace.size(); ++line)
      std::printf("     %2zu %s\n", line + 1, result.finding->trace[line].c_str());
  std::fflush(stdout);
  return as_expected;
}

}  // namespace
}  // namespace tandem::model

int main(int argc, char** argv) {
  const std::size_t limit = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 400'000;
  const std::string_view wanted = argc > 2 ? argv[2] : "";
  bool all = true;
  for (const auto& run : tandem::model::runs())
    if (std::string_view(run.name).find(wanted) != std::string_view::npos)
      all = tandem::model::passes(run, limit) && all;
  std::puts(all ? "every rule is needed, and together they hold (* = not searched to the end)"
                : "the protocol and its model disagree");
  return all ? 0 : 1;
}
