#include <CLI/CLI.hpp>
#include <csignal>
#include <fstream>
#include <iostream>

#include "support/second_crm/server.hpp"

/// The second CRM as a program, for the demo: runs until SIGTERM or SIGINT.
int main(int argc, char** argv) {
  CLI::App app{
      "A strict REST system to sync with: own data, own ids, faults on demand (support/second_crm/api.hpp tells its "
      "calls)."};
  second_crm::Settings settings;
  second_crm::Ports ports;
  second_crm::Subscription subscription;
  std::string ready_file;
  app.add_option("--port", ports.api, "of the API on 127.0.0.1; 0 = any");
  app.add_option("--admin-port", ports.admin, "of the administration; 0 = any");
  app.add_option("--token", settings.access.token, "bearer token that callers must show")->envname("SECOND_CRM_TOKEN");
  app.add_flag("--any-type", settings.schema.any_type, "take types and fields of any name");
  app.add_option("--webhook-port", subscription.port, "on 127.0.0.1: is told of every change");
  app.add_option("--webhook-path", subscription.path, "where notices are posted to");
  app.add_option("--webhook-secret", subscription.secret, "whsec_…, signs them")->envname("SECOND_CRM_WEBHOOK_SECRET");
  app.add_option("--webhook-types", subscription.types, "types that are told of; all without")->delimiter(',');
  app.add_option("--ready-file", ready_file, "written when it listens: API port and admin port");
  CLI11_PARSE(app, argc, argv);

  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);

  const second_crm::Server server(std::move(settings), ports, std::move(subscription));
  std::cout << "second_crm: " << server.url() << ", administration on port " << server.admin_port() << std::endl;
  if (!ready_file.empty()) {
    const auto fresh = ready_file + ".new";
    std::ofstream(fresh) << server.port() << ' ' << server.admin_port() << '\n';
    std::rename(fresh.c_str(), ready_file.c_str());
  }
  int signal = 0;
  sigwait(&ending, &signal);
  return 0;
}
