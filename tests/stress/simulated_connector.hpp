#pragma once
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "delivery/feed.hpp"
#include "store/flush.hpp"
#include "store/parked.hpp"
#include "store/route_table.hpp"
#include "store/window.hpp"

namespace tandem::stress {

/// What outlives a killed connector: what its requests have done there, and what was seen to be wrong.
struct Judge {
  std::map<std::uint64_t, std::int64_t> started;  ///< newest counter that an attempt has carried, by lane
  std::vector<std::string> faults;
  struct {
    long windows = 0, rows = 0, late = 0, attempts = 0, parked = 0, detached = 0, floors = 0, kills = 0,
         lost_sessions = 0, server_crashes = 0;
    std::size_t most_gaps = 0;
  } counts;
};

/// One life of a connector: the class Feed and the store's statements, driven in random order by one thread, until it
/// is killed at some step, its session is lost, or nothing is left to do.
class SimulatedConnector {
 public:
  SimulatedConnector(const Settings& settings, Judge& judge, std::mt19937& random);
  enum class End { killed, lost, enough };
  /// `enough` says when to end.
  template <class Enough>
  End live(double kill_chance, Enough enough) {
    if (!begin()) return End::lost;
    while (!enough()) {
      if (falls(kill_chance)) return End::killed;
      if (!step()) return End::lost;
      if (!judge_.faults.empty()) return End::enough;
    }
    return End::enough;
  }

 private:
  struct Lane {
    std::deque<Record> records;  ///< by counter
    bool busy = false, blocked = false;
  };

  bool falls(double chance) { return std::uniform_real_distribution<>(0, 1)(random_) < chance; }
  bool begin();
  bool step();
  bool windows();
  bool read(const Feed::Window& window, const std::vector<bool>& wanted);
  void keep(Record record);
  void attempts();
  bool flush();
  bool park_a_lane();
  bool take_up();
  bool write_floors();
  std::string what_is_missing(const Settlement& settlement);
  void fault(const std::string& sentence) { judge_.faults.push_back(sentence); }

  const Settings& settings_;
  Judge& judge_;
  std::mt19937& random_;
  store::RouteTable table_;
  store::Fence fence_;
  std::optional<postgres::Connection> reading_, settling_;
  std::optional<Feed> feed_;
  std::vector<Counter> floors_;
  Reader reader_;
  std::vector<bool> full_;  ///< targets that pretend to have no room
  std::map<std::uint64_t, Lane> lanes_;
  std::map<std::uint64_t, TargetIndex> target_of_lane_;
  std::set<std::int64_t> taken_;  ///< by windows, in this life
  std::vector<Settlement> answered_;
};

}  // namespace tandem::stress
