#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "model/error.hpp"

/// From our row image to their body and back, token by token: a JSON token that the database printed is copied, never
/// parsed into a number. docs/mapping.md is the reference for people.
namespace tandem {

/// Values that the database looked up or computed for one record, by field position.
struct Lookups {
  struct Value {
    std::size_t field = 0;  ///< index in RouteSettings::fields
    bool found = false;     ///< ref: the other object has an identity here
    std::string json;       ///< JSON text
  };
  std::vector<Value> values;
};

struct MappingFault {
  std::string field;        ///< ours, or theirs where there is no column; empty: the body as a whole
  std::string description;  ///< "field stage: no value for \"Perdu\" in its table"
  bool waits_for_parent = false;
  std::string parent_type, parent_object_id;
};

/// What their body says of our columns.
struct Inverse {
  struct Column {
    std::string column;
    std::string json;  ///< JSON text as they wrote it, or ours from the value table
    std::string ref;   ///< not empty: `json` is their id of an object of this request_type, still to be looked up
  };
  std::vector<Column> columns;
};

/// A field that `invert` passes over, and why.
struct NotInvertible {
  std::string field, reason;
};

struct MappingPlan;

/// A route's mapping, prepared once. Cheap to copy; thread-safe after construction.
class Mapping {
 public:
  explicit Mapping(const RouteSettings& route);

  /// Writes their body for our row image `body` (a JSON object). On a fault nothing may be sent for this record.
  [[nodiscard]] tl::expected<std::string, MappingFault> render(std::string_view body, const Lookups& lookups) const;

  /// Reads our columns out of their body. What their body does not mention is absent, not null. Where columns travel
  /// under their own names, every member that no field names is taken for a column: the caller knows which exist.
  [[nodiscard]] tl::expected<Inverse, MappingFault> invert(std::string_view their_body) const;
  [[nodiscard]] const std::vector<NotInvertible>& not_invertible() const;

 private:
  std::shared_ptr<const MappingPlan> plan_;
};

}  // namespace tandem
