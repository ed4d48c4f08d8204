#include "change_stream.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "support/sql.hpp"
#include "support/wait_for.hpp"

namespace tandem::bench {
namespace {

constexpr int object_id_column = 3;  // tandem.outbox: xid, counter, record_id, object_id

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};

std::uint32_t number(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// Insert: 'I', relation (4 bytes), 'N', columns (2 bytes), then for each column its kind and, for text, its length and
/// bytes.
std::string_view object_id(std::string_view insert) {
  std::size_t at = 8;
  for (int column = 0; at < insert.size(); ++column) {
    const char kind = insert[at++];
    if (kind != 't') continue;
    const auto size = number(insert, at);
    if (column == object_id_column) return insert.substr(at + 4, size);
    at += 4 + size;
  }
  return {};
}

}  // namespace

ChangeStream::ChangeStream(const std::string& database, Arrivals& arrivals) : database_(database), arrivals_(arrivals) {
  test_support::Sql(database).run(
      "drop publication if exists latency_probe; create publication latency_probe for table tandem.outbox");
  thread_ = std::thread([this] { follow(); });
  if (!test_support::wait_for([this] { return started_.load(); }))
    throw std::runtime_error("the stream does not start");
}

ChangeStream::~ChangeStream() {
  stop_ = true;
  thread_.join();
}

void ChangeStream::follow() {
  const std::unique_ptr<PGconn, Finish> connection(PQconnectdb((database_ + "?replication=database").c_str()));
  const std::unique_ptr<PGresult, Clear> slot(
      PQexec(connection.get(), "CREATE_REPLICATION_SLOT latency_probe TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT"));
  if (PQresultStatus(slot.get()) != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
  const std::unique_ptr<PGresult, Clear> start(PQexec(
      connection.get(),
      "START_REPLICATION SLOT latency_probe LOGICAL 0/0 (proto_version '1', publication_names 'latency_probe')"));
  if (PQresultStatus(start.get()) != PGRES_COPY_BOTH) throw std::runtime_error(PQerrorMessage(connection.get()));
  started_ = true;

  constexpr int longest_wait_ms = 100;
  constexpr std::size_t frame_header = 25;  // 'w', start, end, send time
  while (!stop_) {
    char* bytes = nullptr;
    const int size = PQgetCopyData(connection.get(), &bytes, 1);
    if (size == 0) {
      pollfd readable{PQsocket(connection.get()), POLLIN, 0};
      ::poll(&readable, 1, longest_wait_ms);
      PQconsumeInput(connection.get());
      continue;
    }
    if (size < 0) throw std::runtime_error(PQerrorMessage(connection.get()));
    const auto now = monotonic_ns();
    const std::unique_ptr<char, decltype(&PQfreemem)> owner(bytes, &PQfreemem);
    const std::string_view frame(bytes, static_cast<std::size_t>(size));
    if (frame[0] == 'w' && frame.size() > frame_header && frame[frame_header] == 'I')
      arrivals_.note(object_id(frame.substr(frame_header)), now);
  }
}

}  // namespace tandem::bench
