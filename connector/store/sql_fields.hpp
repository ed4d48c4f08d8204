#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "postgres/connection.hpp"
#include "store/found_body.hpp"

namespace tandem::store {

/// Evaluates the `sql` fields and conditions of routes over images, in a session of its own: with the rights of
/// tandem_mapping, which no expression can leave, in a read-only transaction that is undone, settings and locks
/// included, a second at most for a statement. An expression can neither write nor hold anything up for long.
class SqlFields {
 public:
  explicit SqlFields(const Settings& settings) : settings_(settings) {}

  struct Values {
    std::vector<Lookups::Value> values;
    std::string error;  ///< "field AmountWithTax: division by zero": this image's alone
  };
  /// One answer for each image. `relation` is the watched table, fully qualified. Fails when the database is away or
  /// has not answered in time: that is no image's fault, at first.
  [[nodiscard]] Result<std::vector<Values>> evaluate(RouteIndex route, const std::string& relation,
                                                     std::span<const std::string> images);

  struct Fulfilled {
    bool holds = false;
    std::string error;  ///< "when: division by zero": this image's alone
  };
  /// The same for the route's `when`.
  [[nodiscard]] Result<std::vector<Fulfilled>> fulfil(RouteIndex route, const std::string& relation,
                                                      std::span<const std::string> images);

 private:
  [[nodiscard]] Status open();
  [[nodiscard]] Result<std::vector<Values>> isolate(RouteIndex route, const std::string& relation,
                                                    std::span<const std::string> images, const Error& error);
  [[nodiscard]] Result<std::vector<Values>> run(std::span<const std::size_t> fields, RouteIndex route,
                                                const std::string& relation, std::span<const std::string> images);
  [[nodiscard]] Result<postgres::Rows> run_undone(std::span<const std::string_view> expressions,
                                                  const std::string& relation, std::span<const std::string> images);

  const Settings& settings_;
  std::optional<postgres::Connection> session_;
};

}  // namespace tandem::store
