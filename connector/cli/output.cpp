#include "cli/output.hpp"

#include <ostream>

namespace tandem::cli {

void Output::answer(std::string_view text) {
  out_ << text;
  if (!text.ends_with('\n')) out_ << '\n';
  out_.flush();
}

void Output::answer(json::Writer& writer) {
  answer(writer.take());
}

void Output::answer(const Table& table, std::string_view if_empty) {
  if (json()) {
    json::Writer writer;
    table.write(writer);
    answer(writer);
  } else if (table.size() == 0) {
    answer(if_empty);
  } else {
    answer(table.text());
  }
}

void Output::progress(std::string_view sentence) {
  if (json()) return;
  err_ << sentence << '\n';
  err_.flush();
}

ExitCode Output::failed(const Error& error) {
  const ExitCode code = error.kind == ErrorKind::usage ? ExitCode::usage : ExitCode::failed;
  if (json()) {
    json::Writer w;
    w.open_object().key("error").string(error.message);
    if (!error.hint.empty()) w.key("hint").string(error.hint);
    if (!error.sqlstate.empty()) w.key("sqlstate").string(error.sqlstate);
    w.close_object();
    answer(w);
    return code;
  }
  err_ << "tandem: " << printable(error.message) << '\n';
  if (!error.hint.empty()) err_ << "  " << printable(error.hint) << '\n';
  err_.flush();
  return code;
}

ExitCode Output::failed(const Problems& problems) {
  if (json()) {
    json::Writer w;
    w.open_object().key("problems").open_array();
    for (const Problem& problem : problems)
      w.open_object()
          .key("file")
          .string(problem.file)
          .key("line")
          .number(problem.line)
          .key("key")
          .string(problem.key)
          .key("message")
          .string(problem.message)
          .key("remedy")
          .string(problem.remedy)
          .close_object();
    w.close_array().close_object();
    answer(w);
    return ExitCode::failed;
  }
  for (const Problem& problem : problems) err_ << to_string(problem) << '\n';
  err_ << (problems.size() == 1 ? "one problem" : std::to_string(problems.size()) + " problems")
       << "; nothing was changed\n";
  err_.flush();
  return ExitCode::failed;
}

}  // namespace tandem::cli
