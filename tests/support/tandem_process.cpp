#include "support/tandem_process.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <iostream>
#include <stdexcept>
#include <utility>

#include "support/http_call.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

std::string last_lines(const std::string& text, std::size_t bytes) {
  return text.size() <= bytes ? text : "…" + text.substr(text.size() - bytes);
}

std::string with_port(std::string text, std::uint16_t port) {
  constexpr std::string_view place = "{http_port}";
  for (std::size_t at = 0; (at = text.find(place, at)) != std::string::npos;)
    text.replace(at, place.size(), std::to_string(port));
  return text;
}

}  // namespace

TandemProcess::TandemProcess(const std::string& configuration, Environment environment)
    : file_(folder_.path() / "tandem.yaml"), log_(folder_.path() / "tandem.log"), environment_(std::move(environment)) {
  write_configuration(configuration);
}

TandemProcess::~TandemProcess() {
  if (::testing::Test::HasFailure() && std::filesystem::exists(log_)) {
    std::cerr << "tandem's log (kept: " << log_ << "):\n" << last_lines(log(), 6'000) << '\n';
    folder_.keep();
  }
}

void TandemProcess::write_configuration(const std::string& configuration) {
  write_file(file_, with_port(configuration, http_port()));
}

Finished TandemProcess::command(const std::vector<std::string>& arguments) const {
  ChildProcess::Options options{.arguments = {TANDEM_BINARY}, .environment = environment_};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  options.arguments.insert(options.arguments.end(), {"--config", file_.string()});
  return run_program(std::move(options));
}

std::string TandemProcess::must(const std::vector<std::string>& arguments) const {
  auto finished = command(arguments);
  if (finished.status != 0) throw std::runtime_error("tandem " + arguments.front() + " failed: " + finished.output);
  return std::move(finished.output);
}

void TandemProcess::start(const Environment& environment) {
  auto all = environment_;
  all.insert(all.end(), environment.begin(), environment.end());
  process_.emplace(ChildProcess::Options{
      .arguments = {TANDEM_BINARY, "run", "--config", file_.string()}, .environment = std::move(all), .output = log_});
}

void TandemProcess::start_ready(std::chrono::milliseconds bound) {
  start();
  const bool came = wait_for([this] { return ready() || !running(); }, bound);
  if (!came || !running()) throw std::runtime_error("tandem run is not ready: " + last_lines(log(), 3'000));
}

bool TandemProcess::ready() const {
  return http_call(http_port(), "GET", "/readyz").status == 200;
}

bool TandemProcess::running() {
  return process_ && process_->running();
}

int TandemProcess::stop(std::chrono::milliseconds bound) {
  signal(SIGTERM);
  const auto status = wait(bound);
  if (!status) throw std::runtime_error("tandem run does not stop: " + last_lines(log(), 3'000));
  return *status;
}

void TandemProcess::kill() {
  if (process_) process_->kill();
}

void TandemProcess::signal(int number) const {
  if (process_) process_->signal(number);
}

std::optional<int> TandemProcess::wait(std::chrono::milliseconds bound) {
  return process_ ? process_->wait(bound) : std::optional(0);
}

std::string TandemProcess::log() const {
  return read_file(log_);
}

}  // namespace tandem::test_support
