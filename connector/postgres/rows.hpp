#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/identifiers.hpp"
#include "model/record.hpp"

struct pg_result;

namespace tandem::postgres {

/// The rows of one statement; text format unless the statement was sent with binary results. Views live as long as this
/// does. A cell that does not exist reads as null: a query and its reader are written together and tested together.
class Rows {
 public:
  Rows() = default;
  explicit Rows(pg_result* result);  ///< takes ownership
  [[nodiscard]] int size() const;
  [[nodiscard]] int columns() const;
  [[nodiscard]] bool null(int row, int column) const;
  [[nodiscard]] std::string_view text(int row,
                                      int column) const;         ///< "" for null; binary jsonb without its version byte
  [[nodiscard]] std::int64_t number(int row, int column) const;  ///< text or binary int2, int4, int8, xid8; 0 for null
  [[nodiscard]] bool flag(int row, int column) const;
  [[nodiscard]] RecordId uuid(int row, int column) const;  ///< text or binary
  [[nodiscard]] WallTime time(int row,
                              int column) const;  ///< timestamptz, text (in UTC, as our sessions print it) or binary
  [[nodiscard]] std::vector<std::int64_t> numbers(int row,
                                                  int column) const;  ///< bigint[], text or binary, nulls left out
  [[nodiscard]] std::vector<std::string> texts(int row, int column) const;  ///< text[], text or binary, nulls as ""
  [[nodiscard]] int column(std::string_view name) const;                    ///< -1 if there is none
  [[nodiscard]] std::int64_t affected() const;  ///< rows of a select, insert, update or delete

 private:
  [[nodiscard]] bool has(int row, int column) const;
  [[nodiscard]] bool binary(int column) const;
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace tandem::postgres
