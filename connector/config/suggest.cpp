#include "config/suggest.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace tandem {
namespace {

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view written, std::span<const std::string> known) {
  constexpr std::size_t longest = 64;  // nobody mistypes more
  std::string best;
  std::size_t least = std::max<std::size_t>(2, written.size() / 3) + 1;
  for (const std::string& word : known) {
    if (written.size() > longest || word.size() > longest) continue;
    if (const auto d = distance(written, word); d < least) {
      least = d;
      best = word;
    }
  }
  return best;
}

std::string suggest(std::string_view written, std::span<const std::string> known) {
  std::vector<std::string> words(known.begin(), known.end());
  std::ranges::sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());  // a key may have been asked for twice
  std::string text;
  if (const auto best = nearest(written, words); !best.empty()) text = "did you mean `" + best + "`? ";
  text += "known here: ";
  for (std::size_t i = 0; i < words.size(); ++i) text.append(i == 0 ? "" : ", ").append(words[i]);
  return text;
}

}  // namespace tandem
