#include "cli/confirm.hpp"

#include <unistd.h>

#include <iostream>

namespace tandem::cli {

bool confirm(const std::string& question) {
  if (::isatty(STDIN_FILENO) == 0) return false;
  std::cerr << question << " Type yes to go on: " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "yes";
}

}  // namespace tandem::cli
