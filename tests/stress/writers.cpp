#include "writers.hpp"

#include <algorithm>
#include <random>

#include "support/sql.hpp"

namespace tandem::stress {
namespace {

using namespace std::chrono_literals;
using test_support::Sql;

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  bool falls(double chance) { return std::uniform_real_distribution<>(0, 1)(engine_) < chance; }
  int up_to(int most) { return std::uniform_int_distribution<>(1, most)(engine_); }

 private:
  std::mt19937 engine_;
};

void change(Sql& session, int object) {
  const auto id = std::to_string(object);
  session.run("update obj set v = v + 1 where id = " + id +
              "; insert into tandem.outbox (object_id, request_type, operation, target, body) select id::text, "
              "'account', 'update', '" +
              target_of(object) + "', jsonb_build_object('v', v) from obj where id = " + id);
}

void transaction(Sql& session, Dice& dice, const std::string& name) {
  session.run("begin");
  if (dice.falls(0.2)) session.run("set local synchronous_commit = off");
  std::vector<int> some;
  for (int left = dice.falls(0.6) ? 1 : dice.up_to(3); left > 0; --left) some.push_back(dice.up_to(objects));
  std::sort(some.begin(), some.end());
  some.erase(std::unique(some.begin(), some.end()), some.end());
  for (const auto object : some) {
    if (dice.falls(0.25)) {
      session.run("savepoint s");
      change(session, object);
      if (dice.falls(0.5)) session.run("rollback to s");
      change(session, object);
      session.run("release s");
    } else {
      change(session, object);
    }
    if (dice.falls(0.02)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(dice.up_to(300)));
    } else if (dice.falls(0.3)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(dice.up_to(3)));
    }
  }
  if (dice.falls(0.15)) return session.run("rollback");
  if (!dice.falls(0.08)) return session.run("commit");
  session.run("prepare transaction '" + name + "'");
  std::this_thread::sleep_for(std::chrono::milliseconds(dice.up_to(20)));
  session.run(std::string(dice.falls(0.7) ? "commit" : "rollback") + " prepared '" + name + "'");
}

void roll_back_prepared(Sql& session, const std::string& like) {
  for (const auto& row : session.rows("select gid from pg_prepared_xacts where gid like '" + like + "'"))
    session.run("rollback prepared '" + row[0].value() + "'");
}

}  // namespace

std::string target_of(int object) {
  return object <= 9 ? "alpha" : object <= 12 ? "beta" : "gamma";
}

Writers::Writers(std::string url, int sessions, unsigned seed) : url_(std::move(url)) {
  for (int number = 0; number < sessions; ++number)
    threads_.emplace_back([this, number, seed](const std::stop_token& stop) { write(stop, number, seed); });
}

void Writers::write(const std::stop_token& stop, int number, unsigned seed) const {
  Dice dice(seed * 7919U + static_cast<unsigned>(number));
  for (long long count = 0; !stop.stop_requested();) {
    try {
      Sql session(url_);
      roll_back_prepared(session, "w" + std::to_string(number) + "\\_%");
      while (!stop.stop_requested())
        transaction(session, dice, "w" + std::to_string(number) + "_" + std::to_string(++count));
    } catch (const std::exception&) {  // the server is down for a moment
      std::this_thread::sleep_for(20ms);
    }
  }
}

void Writers::stop() {
  threads_.clear();
  Sql session(url_);
  roll_back_prepared(session, "w%");
}

}  // namespace tandem::stress
