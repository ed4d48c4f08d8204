#pragma once
#include <iosfwd>
#include <string>
#include <string_view>

#include "cli/exit_code.hpp"
#include "cli/table.hpp"
#include "config/problem.hpp"
#include "model/error.hpp"

namespace tandem::cli {

enum class Form { text, json };

/// Where a command speaks. With --json exactly one JSON document goes to `out`, errors included; without it what was
/// asked for goes to `out` and everything else (progress, errors, hints) to `err`.
class Output {
 public:
  Output(Form form, std::ostream& out, std::ostream& err) : form_(form), out_(out), err_(err) {}

  [[nodiscard]] bool json() const { return form_ == Form::json; }
  /// The command's answer, as text or as JSON.
  void answer(std::string_view text);
  void answer(json::Writer& writer);
  void answer(const Table& table, std::string_view if_empty);
  /// For people alone; nothing with --json.
  void progress(std::string_view sentence);

  /// These end a command; they return its exit code.
  ExitCode failed(const Error& error);
  ExitCode failed(const Problems& problems);

 private:
  Form form_;
  std::ostream& out_;
  std::ostream& err_;
};

}  // namespace tandem::cli
