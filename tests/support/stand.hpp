#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/private_postgres.hpp"
#include "support/second_crm/server.hpp"
#include "support/tandem_process.hpp"

namespace tandem::test_support {

/// The whole of it for one test: a private PostgreSQL as the CRM, a second CRM that takes any type, and the real binary
/// between them. The connector works as tandem_connector, with the rights that the installation gave it and no others.
class Stand {
 public:
  struct Options {
    PrivatePostgres::Options postgres = {};
    second_crm::Settings crm = open_crm();
    std::string top = {};  ///< more top-level keys of the configuration
  };
  Stand() : Stand(Options{}) {}
  explicit Stand(const Options& options);

  /// A second CRM that takes any type and field.
  [[nodiscard]] static second_crm::Settings open_crm();
  /// A target `second_crm` that upserts by our id and deletes by theirs, impatient enough for tests. `more`: further
  /// keys, each line indented by four blanks.
  [[nodiscard]] std::string target(const std::string& more = {}) const;
  [[nodiscard]] std::string target_named(const std::string& name, const std::string& url,
                                         const std::string& more = {}) const;

  /// The whole configuration of these `targets:` entries and `watches:` entries (each indented by two blanks).
  [[nodiscard]] std::string configuration(const std::string& targets, const std::string& watches) const;
  /// Writes the configuration, then `tandem migrate` and `tandem apply`.
  void install(const std::string& targets, const std::string& watches);
  void install(const std::string& watches) { install(target(), watches); }
  /// `install` and `tandem run`, ready.
  void begin(const std::string& targets, const std::string& watches);
  void begin(const std::string& watches) { begin(target(), watches); }

  PrivatePostgres& postgres() { return postgres_; }
  second_crm::Server& crm() { return crm_; }
  TandemProcess& tandem() { return tandem_; }
  Sql& sql() { return sql_; }
  /// A new session, e.g. after a restart of the server.
  void reconnect() { sql_ = postgres_.connect(); }

  /// Pending records of the outbox.
  long long pending();
  /// True once every record is in state 3 or 4.
  bool settles(std::chrono::milliseconds bound = std::chrono::seconds(20));
  /// `outcome` of the newest record of an object; "" while it is pending.
  std::string outcome_of(const std::string& object_id, const std::string& request_type);
  /// The living object at the second CRM as {"field": value, …} without nulls; "" where there is none.
  std::string object(const std::string& type, const std::string& external_id);
  /// The text of one field there (numbers as their digits); "" where it is absent.
  std::string field(const std::string& type, const std::string& external_id, const std::string& name);
  std::size_t living(const std::string& type);
  /// What was asked for one object and took effect or not, in order, reads left out.
  std::vector<second_crm::Entry> writes_of(const std::string& type, const std::string& external_id);
  /// A list as second_crm/faults.hpp describes it: [{"kind": "status", "status": 500, "times": 3}]. Throws where it is
  /// wrong.
  void set_faults(const std::string& faults);

 private:
  PrivatePostgres postgres_;
  second_crm::Server crm_;
  std::string top_;
  TandemProcess tandem_;
  Sql sql_;
};

}  // namespace tandem::test_support
