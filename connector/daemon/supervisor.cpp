#include "daemon/supervisor.hpp"

#include <exception>

#include "log/log.hpp"

namespace tandem {

void Supervisor::start(std::string name, std::function<void(const std::stop_token&)> body) {
  auto thread = std::make_unique<Thread>();
  thread->name = std::move(name);
  Thread* self = thread.get();
  self->thread = std::jthread([this, self, body = std::move(body)](const std::stop_token& stop) {
    log::name_thread(self->name);
    bool threw = false;
    try {
      body(stop);
    } catch (const std::exception& e) {
      threw = true;
      log::error("a thread has died of an exception", {{field::name, self->name}, {field::error, e.what()}});
    }
    self->finished = true;
    if (stop.stop_requested() && !threw) return;
    if (!threw) log::error("a thread has ended that nobody had stopped", {{field::name, self->name}});
    {
      const std::lock_guard lock(mutex_);
      if (died_.empty()) died_ = self->name;
    }
    ended_();
  });
  threads_.push_back(std::move(thread));
}

Supervisor::Thread* Supervisor::find(const std::string& name) const {
  for (const auto& thread : threads_)
    if (thread->name == name) return thread.get();
  return nullptr;
}

void Supervisor::request_stop(const std::string& name) {
  if (Thread* thread = find(name)) thread->thread.request_stop();
}

void Supervisor::stop(const std::string& name) {
  Thread* thread = find(name);
  if (thread == nullptr) return;
  thread->thread.request_stop();
  if (thread->thread.joinable()) thread->thread.join();
}

bool Supervisor::finished(const std::string& name) const {
  const Thread* thread = find(name);
  return thread == nullptr || thread->finished;
}

std::string Supervisor::died() const {
  const std::lock_guard lock(mutex_);
  return died_;
}

}  // namespace tandem
