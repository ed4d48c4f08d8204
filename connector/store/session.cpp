#include "store/session.hpp"

#include <chrono>

namespace tandem::store {

Result<postgres::Connection> open_session(const Settings& settings, const std::string& purpose) {
  postgres::Connection::Options options;
  options.application_name = "tandem " + settings.connector + " " + purpose;
  options.settings = {{"plan_cache_mode", "force_generic_plan"},
                      {"enable_seqscan", "off"},
                      {"jit", "off"},
                      // A sequential scan of a table of ten rows looks so dear then that two workers would share it.
                      {"max_parallel_workers_per_gather", "0"},
                      {"row_security", "off"},
                      {"work_mem", "16MB"},  // arrays of some thousand records, unnested
                      {"synchronous_commit", "on"},
                      {"default_transaction_isolation", "read committed"},  // what has just been committed must be seen
                      {"lock_timeout", "5s"},
                      {"search_path", "pg_catalog, pg_temp"}};
  return postgres::Connection::open(settings.database.url.reveal(), options);
}

Result<postgres::Connection> open_crm_session(const Settings& settings, const std::string& purpose) {
  postgres::Connection::Options options;
  options.application_name = "tandem " + settings.connector + " " + purpose;
  options.deadline = std::chrono::seconds(10);
  options.settings = {{"row_security", "off"},
                      {"jit", "off"},
                      {"lock_timeout", "2s"},
                      {"synchronous_commit", "on"},
                      {"default_transaction_isolation", "read committed"},
                      {"statement_timeout", "5s"}};
  return postgres::Connection::open(settings.database.url.reveal(), options);
}

}  // namespace tandem::store
