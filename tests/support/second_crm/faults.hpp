#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/second_crm/json.hpp"

/// Misbehaviour on demand, the same in every run: which requests are hit follows from their number and the seed.
namespace second_crm {

enum class FaultKind : std::uint8_t {
  status,        ///< answers `status`, e.g. 500, 429, 400
  slow,          ///< answers rightly after `delay`
  late,          ///< lies there for `delay`, then takes effect and is answered, whether or not the caller still waits
  garbage,       ///< 200 and a body that is no JSON
  hidden_error,  ///< 200 with an error inside, nothing done
  cut,           ///< the answer ends after `bytes`
  hang,          ///< no answer
};

enum class Moment : std::uint8_t { before_effect, after_effect };

struct Fault {
  FaultKind kind = FaultKind::status;
  Moment moment = Moment::before_effect;  ///< slow is always after the effect, hidden_error always before
  int status = 500;
  std::chrono::milliseconds delay{0};  ///< of any kind, before the first byte
  std::optional<std::chrono::seconds> retry_after{};
  std::size_t bytes = 0;
  double share = 1.0;                           ///< of the requests it matches
  std::uint64_t times = 0;                      ///< hits, then it is spent; 0 = no end
  std::string method{}, type{}, external_id{};  ///< empty = any
};

struct FaultSubject {
  std::string_view method, type, external_id;
  bool in_batch = false;  ///< one record of a batch: only faults that name an external_id hit it
};

class Faults {
 public:
  void set(std::vector<Fault> faults, std::uint64_t seed = 1);
  /// The first fault, in the order given, that hits this request.
  [[nodiscard]] std::optional<Fault> pick(const FaultSubject& subject);
  [[nodiscard]] std::uint64_t hits() const { return hits_; }

 private:
  struct Armed {
    Fault fault;
    std::uint64_t hits = 0;
  };
  std::vector<Armed> armed_;
  std::uint64_t seed_ = 1, asked_ = 0, hits_ = 0;
};

/// {"seed": 1, "faults": [{"kind": "status", "status": 429, "retry_after": 2, "share": 0.2, "times": 5, "moment":
/// "after_effect", "delay_ms": 50, "bytes": 10, "method": "POST", "type": "account", "external_id": "7"}]}. Unknown
/// names are errors, in words.
struct FaultPlan {
  std::vector<Fault> faults;
  std::uint64_t seed = 1;
  std::string problem;  ///< empty = good
};
[[nodiscard]] FaultPlan read_fault_plan(const Json& document);

}  // namespace second_crm
