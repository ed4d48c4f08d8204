#pragma once
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace tandem::wire::golden {

/// A message as a real server sent it, and what it says: in the file, a line of hexadecimal and a line of text.
struct Message {
  std::string bytes, text;
};

inline std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

inline std::vector<Message> read(const std::string& name) {
  std::ifstream file(std::filesystem::path(TANDEM_GOLDEN) / name);
  if (!file) throw std::runtime_error("no golden file " + name);
  std::vector<Message> messages;
  std::string hex, text;
  while (std::getline(file, hex)) {
    if (hex.empty() || hex.starts_with('#')) continue;
    std::getline(file, text);
    messages.push_back({from_hex(hex), text});
  }
  return messages;
}

}  // namespace tandem::wire::golden
