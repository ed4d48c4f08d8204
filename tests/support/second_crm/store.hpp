#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "support/second_crm/json.hpp"
#include "support/second_crm/schema.hpp"

/// The second CRM's own data: objects under its own ids, checked as strictly as a good API checks them. No I/O, clock
/// given.
namespace second_crm {

using Time = std::chrono::system_clock::time_point;

struct Object {
  std::string id;             ///< the second CRM's own, e.g. acc_3V9K0Q7T2M
  std::string external_id;    ///< the caller's; empty = none
  std::uint64_t version = 0;  ///< 1 after the create; its ETag
  std::uint64_t change = 0;   ///< place in the order of all changes
  bool deleted = false;       ///< kept as a tombstone: 410 and not 404
  Time created, changed;
  std::vector<std::pair<std::string, Json>> fields;  ///< without external_id; no nulls: a null clears
  std::set<std::string> cleared;                     ///< fields that had a value once and have none now
};

struct FieldProblem {
  std::string field, code, words;  ///< code: unknown_field, required, misfit, unknown_reference
};

/// What became of one call on the store. Statuses are HTTP's, because that is what this system thinks in.
struct Effect {
  int status = 200;
  std::string code{}, words{};         ///< of an error
  std::vector<FieldProblem> fields{};  ///< of a 422
  const Object* object = nullptr;      ///< valid until the next change; also the other one of a 409 duplicate
  bool changed = true;                 ///< false: it took effect and nothing is different
  [[nodiscard]] bool good() const { return status < 300; }
};

/// 0 = no condition.
using ExpectedVersion = std::uint64_t;

class Store {
 public:
  explicit Store(Schema schema);

  /// Null if there is no such type.
  [[nodiscard]] const ObjectType* type(std::string_view name);
  [[nodiscard]] const std::vector<std::string>& type_names() const { return names_; }

  Effect create(std::string_view type, const Json& body, Time now);
  Effect update(std::string_view type, std::string_view id, const Json& body, ExpectedVersion expected, Time now);
  /// Like update, but fields that are not named are cleared.
  Effect replace(std::string_view type, std::string_view id, const Json& body, ExpectedVersion expected, Time now);
  Effect upsert(std::string_view type, std::string_view external_id, const Json& body, Time now);
  /// Refused while other objects refer to it.
  Effect remove(std::string_view type, std::string_view id, ExpectedVersion expected, Time now);
  [[nodiscard]] Effect get(std::string_view type, std::string_view id);

  /// The living object with that external id; null if there is none.
  [[nodiscard]] const Object* find(std::string_view type, std::string_view external_id);
  /// Objects changed after that place in the order of changes, tombstones included, oldest change first.
  [[nodiscard]] std::vector<const Object*> changed_after(std::string_view type, std::uint64_t change,
                                                         std::size_t limit);
  [[nodiscard]] std::size_t living(std::string_view type);

 private:
  struct Table {
    ObjectType type;
    std::unordered_map<std::string, Object> objects;
    std::unordered_map<std::string, std::string> ids;  ///< by external id, the living
    std::map<std::uint64_t, Object*> changes;
    std::size_t living = 0;
  };

  Table* table(std::string_view type);
  std::string next_id(const ObjectType& type);
  std::vector<FieldProblem> check(Table& table, const Json& body, const Object* before, bool whole);
  Effect write(Table& table, Object* object, const Json& body, bool whole, Time now);
  Effect change(std::string_view type, std::string_view id, const Json& body, ExpectedVersion expected, bool whole,
                Time now);
  void count_references(const Table& table, const Object& object, int by);
  static void mark_changed(Table& table, Object& object, std::uint64_t change, Time now);

  Schema schema_;
  std::map<std::string, Table, std::less<>> tables_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, int> referrers_;  ///< living objects that refer to an id
  std::uint64_t last_id_ = 0, last_change_ = 0;
};

/// An object as the API shows it. `id`, `version`, `created_at`, `updated_at`, `deleted`, then ExternalId and the
/// fields.
[[nodiscard]] std::string print(const Object& object);

}  // namespace second_crm
