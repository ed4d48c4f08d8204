#pragma once
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <type_traits>

#include "support/second_crm/api.hpp"
#include "support/second_crm/notice.hpp"

namespace second_crm {

/// 0 = any free port of the loopback interface.
struct Ports {
  std::uint16_t api = 0, admin = 0;
};

/// The second CRM on the loopback interface, in a thread of its own: everything it has lives there, and `ask` is the
/// way to it. The admin port stays open while the CRM is down:
///
///   GET /admin/counts                      {"objects": {TYPE: n}, "requests": n, "faults": n, "waiting_notices": n}
///   GET /admin/objects/TYPE                one object per line, tombstones left out
///   GET /admin/journal?after=N&limit=M     one entry per line
///   PUT /admin/faults                      faults.hpp says what; DELETE ends them
///   POST /admin/down, /admin/up            refuse connections and close the open ones; listen again on the same port
///   POST /admin/revoke                     every OAuth token ends
class Server {
 public:
  explicit Server(Settings settings = {}, Ports ports = {}, Subscription subscription = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::uint16_t admin_port() const;
  [[nodiscard]] std::string url() const;  ///< http://127.0.0.1:PORT/api

  void go_down();
  void come_up();

  /// Runs `question` in the server's thread and gives back what it returns. Return values, not references.
  template <class Question>
  auto ask(Question question) {
    using Result = std::invoke_result_t<Question, Api&>;
    static_assert(!std::is_reference_v<Result>);
    std::packaged_task<Result(Api&)> task(std::move(question));
    auto result = task.get_future();
    in_its_thread([&task](Api& api) { task(api); });
    return result.get();
  }

 private:
  void in_its_thread(std::function<void(Api&)> task);
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace second_crm
