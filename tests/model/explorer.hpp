#pragma once
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace tandem::model {

/// Breadth-first search over the states of a model, so that the trace of a violation is a shortest one. `State` is
/// compared and hashed byte by byte: it holds nothing but bytes.
template <class State>
class Explorer {
 public:
  struct Finding {
    std::string violation;
    std::vector<std::string> trace;
  };
  struct Result {
    std::size_t states = 0;
    bool complete = true;  ///< false: the limit was reached first
    std::optional<Finding> finding;
  };
  /// A step to `next`, with the sentence that tells it, and what is wrong with it if anything is.
  using Emit = std::function<void(std::string sentence, const State& next, const char* violation)>;

  static Result search(const State& start, const std::function<void(const State&, const Emit&)>& steps,
                       const std::function<const char*(const State&)>& check, std::size_t limit) {
    static_assert(sizeof(State) % alignof(State) == 0 && std::is_trivially_copyable_v<State>);
    Explorer explorer;
    explorer.nodes_.push_back({start, 0, explorer.label("start")});
    explorer.seen_.insert(0);
    Result result;
    for (std::uint32_t at = 0; at < explorer.nodes_.size() && !result.finding; ++at) {
      const State current = explorer.nodes_[at].state;
      steps(current, [&](std::string sentence, const State& next, const char* violation) {
        if (result.finding) return;
        if (explorer.nodes_.size() >= limit) {
          result.complete = false;
          return;
        }
        explorer.nodes_.push_back({next, at, explorer.label(std::move(sentence))});
        const auto id = static_cast<std::uint32_t>(explorer.nodes_.size() - 1);
        if (violation == nullptr && !explorer.seen_.insert(id).second) {
          explorer.nodes_.pop_back();
          return;
        }
        if (violation == nullptr) violation = check(next);
        if (violation != nullptr) result.finding = Finding{violation, explorer.trace(id)};
      });
    }
    result.states = explorer.nodes_.size();
    return result;
  }

 private:
  struct Node {
    State state;
    std::uint32_t parent, label;
  };
  struct Hash {
    const std::vector<Node>* nodes;
    std::size_t operator()(std::uint32_t id) const {
      return std::hash<std::string_view>()({reinterpret_cast<const char*>(&(*nodes)[id].state), sizeof(State)});
    }
  };
  struct Equal {
    const std::vector<Node>* nodes;
    bool operator()(std::uint32_t a, std::uint32_t b) const {
      return std::memcmp(&(*nodes)[a].state, &(*nodes)[b].state, sizeof(State)) == 0;
    }
  };

  Explorer() : seen_(1 << 16, Hash{&nodes_}, Equal{&nodes_}) {}
  std::uint32_t label(std::string sentence) {
    const auto [at, fresh] = label_ids_.try_emplace(std::move(sentence), static_cast<std::uint32_t>(labels_.size()));
    if (fresh) labels_.push_back(at->first);
    return at->second;
  }
  std::vector<std::string> trace(std::uint32_t id) const {
    std::vector<std::string> lines;
    for (; id != 0; id = nodes_[id].parent) lines.insert(lines.begin(), labels_[nodes_[id].label]);
    return lines;
  }

  std::vector<Node> nodes_;
  std::vector<std::string> labels_;
  std::unordered_map<std::string, std::uint32_t> label_ids_;
  std::unordered_set<std::uint32_t, Hash, Equal> seen_;
};

}  // namespace tandem::model
