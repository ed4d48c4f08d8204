#include "support/second_crm/faults.hpp"

#include <charconv>

namespace second_crm {
namespace {

/// splitmix64: evenly spread over [0, 1) for consecutive numbers.
double chance(std::uint64_t seed, std::uint64_t number) {
  std::uint64_t z = seed + number * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) / static_cast<double>(std::uint64_t{1} << 53);
}

bool any_or(std::string_view wanted, std::string_view value) {
  return wanted.empty() || wanted == value;
}

std::optional<FaultKind> kind_of(std::string_view word) {
  if (word == "status") return FaultKind::status;
  if (word == "slow") return FaultKind::slow;
  if (word == "late") return FaultKind::late;
  if (word == "garbage") return FaultKind::garbage;
  if (word == "hidden_error") return FaultKind::hidden_error;
  if (word == "cut") return FaultKind::cut;
  if (word == "hang") return FaultKind::hang;
  return std::nullopt;
}

template <class T>
bool number(const Json& value, T& out) {
  if (value.kind != Json::Kind::number) return false;
  const auto* end = value.text.data() + value.text.size();
  const auto [at, error] = std::from_chars(value.text.data(), end, out);
  return error == std::errc{} && at == end;
}

bool string(const Json& value, std::string& out) {
  out = value.text;
  return value.kind == Json::Kind::string;
}

std::string read_fault(const Json& document, Fault& fault) {
  if (document.kind != Json::Kind::object) return "a fault is an object";
  for (const auto& [name, value] : document.members) {
    bool good = true;
    std::int64_t whole = 0;
    if (name == "kind") {
      const auto kind = kind_of(value.text);
      good = kind.has_value();
      fault.kind = kind.value_or(FaultKind::status);
    } else if (name == "moment") {
      good = value.text == "before_effect" || value.text == "after_effect";
      fault.moment = value.text == "after_effect" ? Moment::after_effect : Moment::before_effect;
    } else if (name == "status") {
      good = number(value, fault.status);
    } else if (name == "delay_ms") {
      good = number(value, whole);
      fault.delay = std::chrono::milliseconds(whole);
    } else if (name == "retry_after") {
      good = number(value, whole);
      fault.retry_after = std::chrono::seconds(whole);
    } else if (name == "bytes") {
      good = number(value, fault.bytes);
    } else if (name == "share") {
      good = number(value, fault.share);
    } else if (name == "times") {
      good = number(value, fault.times);
    } else if (name == "method") {
      good = string(value, fault.method);
    } else if (name == "type") {
      good = string(value, fault.type);
    } else if (name == "external_id") {
      good = string(value, fault.external_id);
    } else {
      return "unknown name '" + name + "' in a fault";
    }
    if (!good) return "'" + name + "' of a fault has a wrong value";
  }
  return "";
}

}  // namespace

void Faults::set(std::vector<Fault> faults, std::uint64_t seed) {
  armed_.clear();
  for (auto& fault : faults) armed_.push_back({.fault = std::move(fault)});
  seed_ = seed;
  asked_ = 0;
}

std::optional<Fault> Faults::pick(const FaultSubject& subject) {
  if (armed_.empty()) return std::nullopt;
  const auto number = ++asked_;
  for (std::size_t i = 0; i < armed_.size(); ++i) {
    auto& [fault, hits] = armed_[i];
    if (fault.times != 0 && hits >= fault.times) continue;
    const bool matches = any_or(fault.method, subject.method) && any_or(fault.type, subject.type) &&
                         any_or(fault.external_id, subject.external_id);
    if (subject.in_batch && fault.external_id.empty()) continue;
    if (!matches || chance(seed_ + i, number) >= fault.share) continue;
    ++hits;
    ++hits_;
    return fault;
  }
  return std::nullopt;
}

FaultPlan read_fault_plan(const Json& document) {
  FaultPlan plan;
  for (const auto& [name, value] : document.members) {
    if (name == "seed") {
      if (!number(value, plan.seed)) plan.problem = "'seed' must be a whole number";
    } else if (name == "faults") {
      for (const auto& item : value.items) {
        if (auto problem = read_fault(item, plan.faults.emplace_back()); !problem.empty())
          plan.problem = std::move(problem);
      }
    } else {
      plan.problem = "unknown name '" + name + "'";
    }
  }
  return plan;
}

}  // namespace second_crm
