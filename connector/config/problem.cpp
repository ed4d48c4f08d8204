#include "config/problem.hpp"

#include <algorithm>
#include <tuple>

namespace tandem {

std::string to_string(const Problem& problem) {
  std::string text = problem.file;
  if (problem.line > 0) text += ":" + std::to_string(problem.line);
  if (!text.empty()) text += ": ";
  if (!problem.key.empty()) text += problem.key + ": ";
  text += problem.message;
  if (!problem.remedy.empty()) text += "\n  " + problem.remedy;
  return text;
}

void sort_by_line(Problems& problems) {
  std::ranges::stable_sort(problems, {}, [](const Problem& p) { return std::tie(p.file, p.line); });
}

}  // namespace tandem
