#pragma once
#include <libpq-fe.h>

#include <memory>
#include <string>
#include <vector>

#include "support/sql.hpp"

namespace tandem::test_support {

/// What a server says when it is asked for a slot's changes by a function: messages of the plugin, or a refusal.
struct SlotAnswer {
  std::string sqlstate;  ///< "" = no refusal; "lost" = the session is gone
  std::string words;
  std::vector<std::string> messages;
};

/// The list as text of a text[]; a nullptr is a null.
inline std::string array_text(const std::vector<const std::string*>& elements) {
  std::string out = "{";
  for (const auto* element : elements) {
    if (out.size() > 1) out += ',';
    if (element == nullptr) {
      out += "null";
      continue;
    }
    out += '"';
    for (const char c : *element) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + "}";
}

enum class SlotReading { peek, take };

inline SlotAnswer read_slot(Sql& sql, const std::string& slot, const std::string& options, SlotReading reading) {
  const std::string verb = reading == SlotReading::peek ? "peek" : "get";
  const std::string statement =
      "select data from pg_logical_slot_" + verb + "_binary_changes($1, null, null, variadic $2::text[])";
  const char* parameters[] = {slot.c_str(), options.c_str()};
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(
      PQexecParams(sql.raw(), statement.c_str(), 2, nullptr, parameters, nullptr, nullptr, 1), &PQclear);
  SlotAnswer answer;
  if (PQstatus(sql.raw()) != CONNECTION_OK) return {"lost", PQerrorMessage(sql.raw()), {}};
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) {
    const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return {state == nullptr ? "none" : state, PQresultErrorMessage(result.get()), {}};
  }
  for (int row = 0; row < PQntuples(result.get()); ++row)
    answer.messages.emplace_back(PQgetvalue(result.get(), row, 0),
                                 static_cast<std::size_t>(PQgetlength(result.get(), row, 0)));
  return answer;
}

}  // namespace tandem::test_support
