#include "intake/census.hpp"

namespace tandem {

Census::Verdict Census::judge(const std::string& request_type, const std::vector<std::string>& missing,
                              std::size_t known) {
  Verdict verdict;
  std::set<std::string>& before = suspects_[request_type];
  constexpr std::size_t always_believed = 3;  // a share of few is no measure
  const auto share = static_cast<double>(missing.size()) / static_cast<double>(known == 0 ? 1 : known);
  if (missing.size() > always_believed && share > most_missing_) {
    before.clear();
    verdict.too_many = true;
    return verdict;
  }
  std::set<std::string> now;
  for (const std::string& id : missing) {
    if (before.contains(id)) {
      verdict.gone.push_back(id);
    } else {
      now.insert(id);
      verdict.look_again = true;
    }
  }
  before = std::move(now);
  return verdict;
}

}  // namespace tandem
