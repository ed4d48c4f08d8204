#include "postgres/replication_stream.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "postgres/server_error.hpp"

namespace tandem::postgres {
namespace {

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = (value << 8) | static_cast<std::uint8_t>(byte);
  return value;
}

void put_int64(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xff);
}

// Microseconds since 2000, as the protocol wants its clocks.
std::uint64_t now_for_the_server() {
  using namespace std::chrono;
  constexpr sys_days epoch{year{2000} / 1 / 1};
  return static_cast<std::uint64_t>(duration_cast<microseconds>(system_clock::now() - epoch).count());
}

constexpr std::size_t change_header = 1 + 8 + 8 + 8;   // 'w', start, end, time
constexpr std::size_t keepalive_size = 1 + 8 + 8 + 1;  // 'k', end, time, reply requested

}  // namespace

Result<SystemIdentity> identify_system(Connection& replication) {
  const auto rows = replication.script("IDENTIFY_SYSTEM");
  if (!rows) return tl::unexpected<Error>(rows.error());
  SystemIdentity identity;
  identity.system_id = rows->text(0, rows->column("systemid"));
  identity.timeline = static_cast<std::int32_t>(rows->number(0, rows->column("timeline")));
  identity.wal_end = parse_lsn(rows->text(0, rows->column("xlogpos"))).value_or(Lsn{});
  if (identity.system_id.empty())
    return fail(ErrorKind::protocol, "the server's answer to IDENTIFY_SYSTEM holds no systemid");
  return identity;
}

std::string create_slot_command(const Connection& replication, std::string_view slot, std::string_view plugin,
                                SlotKind kind) {
  return "CREATE_REPLICATION_SLOT " + replication.quoted_identifier(slot) +
         (kind == SlotKind::temporary ? " TEMPORARY" : "") + " LOGICAL " + replication.quoted_identifier(plugin) +
         " NOEXPORT_SNAPSHOT";
}

Result<ReplicationStream> ReplicationStream::start(Connection replication, std::string_view slot,
                                                   std::span<const PluginOption> options) {
  std::string command = "START_REPLICATION SLOT " + replication.quoted_identifier(slot) + " LOGICAL 0/0 (";
  for (const PluginOption& option : options)
    command += (&option == options.data() ? "" : ", ") + replication.quoted_identifier(option.name) + " " +
               replication.quoted_literal(option.value);
  command += ")";
  if (Status started = replication.start_copy_both(command); !started)
    return tl::unexpected<Error>(std::move(started.error()));
  return ReplicationStream(std::move(replication));
}

void ReplicationStream::FreeMemory::operator()(char* buffer) const {
  PQfreemem(buffer);
}

Result<std::optional<ReplicationStream::Message>> ReplicationStream::read(std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  if (!connection_.usable()) return tl::unexpected<Error>(ended());
  const auto until = Clock::now() + timeout;
  while (true) {
    char* taken = nullptr;
    const int size = PQgetCopyData(connection_.raw(), &taken, 1);
    buffer_.reset(taken);
    if (size < 0) return tl::unexpected<Error>(ended());
    if (size > 0) {
      auto message = parse(std::string_view(taken, static_cast<std::size_t>(size)));
      if (!message) return tl::unexpected<Error>(std::move(message.error()));
      return std::optional<Message>(*message);
    }
    const int flushed = PQflush(connection_.raw());
    if (flushed < 0) return tl::unexpected<Error>(ended());
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd waited{connection_.socket(), static_cast<short>(flushed == 0 ? POLLIN : POLLIN | POLLOUT), 0};
    const int count = ::poll(&waited, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000)));
    if (count == 0) return std::optional<Message>{};
    if (count < 0 && errno == EINTR) return std::optional<Message>{};
    if (count < 0 || PQconsumeInput(connection_.raw()) != 1) return tl::unexpected<Error>(ended());
  }
}

Result<ReplicationStream::Message> ReplicationStream::parse(std::string_view bytes) const {
  if (bytes.front() == 'w' && bytes.size() >= change_header) {
    const Lsn start{big_endian(bytes.substr(1, 8))}, end{big_endian(bytes.substr(9, 8))};
    return Message(Change{std::max(start, end), bytes.substr(change_header)});
  }
  if (bytes.front() == 'k' && bytes.size() == keepalive_size)
    return Message(Keepalive{Lsn{big_endian(bytes.substr(1, 8))}, bytes.back() != 0});
  return fail(ErrorKind::protocol, "the server sent a replication message of kind " +
                                       std::to_string(static_cast<unsigned char>(bytes.front())) + " with " +
                                       std::to_string(bytes.size()) +
                                       " bytes; this connector knows 'w' (119) with at least 25 and 'k' (107) with 18");
}

Status ReplicationStream::confirm(Lsn received, Reply reply) {
  if (!connection_.usable()) return tl::unexpected<Error>(ended());
  if (PQflush(connection_.raw()) != 0)
    return {};  // the last one has not left yet: one more would only queue up behind it
  std::string update = "r";
  for (int i = 0; i < 3; ++i) put_int64(update, received.value);  // written, flushed, applied
  put_int64(update, now_for_the_server());
  update += reply == Reply::wanted ? '\1' : '\0';
  const int put = PQputCopyData(connection_.raw(), update.data(), static_cast<int>(update.size()));
  if (put < 0 || PQflush(connection_.raw()) < 0) return tl::unexpected<Error>(ended());
  return {};
}

// The server's last words, which it sends before it closes.
Error ReplicationStream::ended() {
  Error error;
  error.kind = ErrorKind::unavailable;
  error.message = "the replication stream has ended";
  if (connection_.raw() == nullptr) return error;
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  if (PQisBusy(connection_.raw()) == 0) {
    const std::unique_ptr<PGresult, Clear> result(PQgetResult(connection_.raw()));
    if (result && PQresultStatus(result.get()) == PGRES_FATAL_ERROR) {
      return server_error(result.get(), error.message);
    }
  }
  const std::string words = one_line(PQerrorMessage(connection_.raw()));
  if (!words.empty()) error.message += ": " + words;
  return error;
}

}  // namespace tandem::postgres
