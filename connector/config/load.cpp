#include "config/load.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/sections.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;

void read_database(Reading& reading, const yaml::Value* value, Settings& settings) {
  Section section(reading, value, "database", 1);
  const bool given = section.secret("url", settings.database.url);
  section.secret("admin_url", settings.database.admin_url);
  if (!given)
    reading.problem(section.line(), "database.url", "is missing",
                    "write database: { url: \"postgresql://tandem_connector@HOST:5432/DATABASE\" } or url_file");
  const auto check = [&](std::string_view key, const Secret& url) {
    const std::string& text = url.reveal();
    const bool is_url = text.starts_with("postgresql://") || text.starts_with("postgres://");
    if (!text.empty() && !is_url && text.find('=') == std::string::npos)
      section.problem(key, "is not a PostgreSQL address",
                      "write postgresql://USER@HOST:5432/DATABASE or key=value pairs of libpq");
  };
  check("url", settings.database.url);
  check("admin_url", settings.database.admin_url);
}

void read_capture(Reading& reading, const yaml::Value* value, Settings& settings) {
  Section section(reading, value, "capture");
  auto& capture = settings.capture;
  section.flag("stream", capture.stream);
  const auto identifier = [&](std::string_view key, std::string& out, std::string_view allowed) {
    std::string read;
    if (!section.text(key, read)) return;
    if (read.size() > 63 || read.find_first_not_of(allowed) != std::string::npos)
      section.problem(key, "`" + read + "` is not a valid name", "use at most 63 of a-z, 0-9 and _");
    else
      out = read;
  };
  identifier("slot", capture.slot, "abcdefghijklmnopqrstuvwxyz0123456789_");
  identifier("publication", capture.publication, "abcdefghijklmnopqrstuvwxyz0123456789_");
  section.choice(
      "plugin", capture.plugin,
      {{"auto", PluginChoice::automatic}, {"pgoutput", PluginChoice::pgoutput}, {"tandem", PluginChoice::tandem}});
  section.size("wal_budget", capture.wal_budget_bytes, 16 << 20, std::uint64_t{1} << 50);
  section.duration("poll_interval", capture.poll_interval, 1ms, 60s);
}

void read_apply(Reading& reading, const yaml::Value* value, Settings& settings) {
  Section section(reading, value, "apply");
  section.integer("sessions", settings.applying.sessions, 1, 8);
}

void read_http(Reading& reading, const yaml::Value* value, Settings& settings) {
  Section section(reading, value, "http");
  auto& http = settings.http;
  section.text_or_empty("listen", http.listen);
  const yaml::Value* tokens_value = section.take("tokens");
  {
    Section tokens(reading, tokens_value, section.path_of("tokens"));
    for (const char* role : {"viewer", "operator", "admin"}) {
      Secret token;
      if (tokens.secret(role, token) && !token.empty()) {
        if (token.reveal().size() < 16)
          tokens.problem(role, "the token is shorter than 16 characters",
                         "generate one, e.g. with `openssl rand -hex 24`");
        else
          http.tokens.emplace_back(role, std::move(token));
      }
    }
  }
  if (http.listen.empty()) return;
  const auto colon = http.listen.rfind(':');
  const auto host = colon == std::string::npos ? std::string() : http.listen.substr(0, colon);
  const auto port = colon == std::string::npos ? std::string() : http.listen.substr(colon + 1);
  const bool digits = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos;
  if (host.empty() || !digits || std::stoi(port) > 65535) {
    section.problem("listen", "`" + http.listen + "` is not an address and port",
                    "write e.g. 127.0.0.1:7400, [::1]:7400 or \"\" for no HTTP");
    return;
  }
  const bool loopback = host.starts_with("127.") || host == "localhost" || host == "[::1]";
  if (!loopback && http.tokens.empty())
    section.problem("listen", "`" + host + "` can be reached from outside, and no token protects it",
                    "set http.tokens.viewer, operator or admin, or listen on 127.0.0.1");
}

void read_log(Reading& reading, const yaml::Value* value, Settings& settings) {
  Section section(reading, value, "log");
  section.choice("format", settings.log.format,
                 {{"auto", LogFormat::automatic}, {"text", LogFormat::text}, {"json", LogFormat::json}});
  const std::vector<std::string> levels{"debug", "info", "warn", "error"};
  section.chosen("level", settings.log.level, levels);
}

void read_retention(Reading& reading, const yaml::Value* value, Settings& settings) {
  Section section(reading, value, "retention");
  constexpr std::chrono::hours least{1}, most{24 * 3650};
  section.duration("done", settings.retention.done, least, most);
  section.duration("failed", settings.retention.failed, least, most);
  section.duration("attempts", settings.retention.attempts, least, most);
}

void read_root(Reading& reading, const yaml::Value& root, Settings& settings) {
  Section section(reading, &root, "", 1);
  if (section.text("connector", settings.connector))
    valid_name(connector_name, settings.connector, reading, section.line(), "connector");
  read_database(reading, section.take("database"), settings);
  read_capture(reading, section.take("capture"), settings);
  read_apply(reading, section.take("apply"), settings);
  read_http(reading, section.take("http"), settings);
  read_log(reading, section.take("log"), settings);
  read_retention(reading, section.take("retention"), settings);
  read_targets(reading, section.take("targets"), settings);
  read_proxy(reading, section.take("proxy"), settings);
  read_sources(reading, section.take("sources"), settings);
  read_watches(reading, section.take("watches"), settings);
  if (settings.capture.slot.empty()) settings.capture.slot = "tandem_" + settings.connector;
}

}  // namespace

int Loaded::line_of(std::string_view key_path) const {
  while (true) {
    if (const auto found = lines.find(key_path); found != lines.end()) return found->second;
    const auto cut = key_path.find_last_of(".[");
    if (cut == std::string_view::npos) return 0;
    key_path = key_path.substr(0, cut);
  }
}

Loaded parse_settings(std::string_view text, const std::string& file, const Environment& environment) {
  Loaded loaded;
  loaded.settings.file = file;
  Reading reading{file, environment, loaded};
  auto root = yaml::parse(text);
  if (!root) {
    reading.problem(root.error().line, "", root.error().message, root.error().remedy);
    return loaded;
  }
  if (root->kind == yaml::Kind::null) {
    reading.problem(0, "", "the file is empty", "start from the example in the README");
    return loaded;
  }
  read_root(reading, *root, loaded.settings);
  check_settings(reading, loaded.settings);
  for (auto& target : loaded.settings.targets) target.secrets = loaded.settings.secrets;
  for (auto& route : loaded.settings.routes) route.secrets = loaded.settings.secrets;
  sort_by_line(loaded.problems);
  return loaded;
}

Loaded load_settings(const std::string& path, const Environment& environment) {
  std::error_code error;
  const bool directory = std::filesystem::is_directory(path, error);
  std::ifstream in(path, std::ios::binary);
  if (!in || directory) {
    Loaded loaded;
    loaded.settings.file = path;
    loaded.problems.push_back({path, 0, "", directory ? "is a directory" : "the configuration file cannot be read",
                               "name it with --config FILE or TANDEM_CONFIG"});
    return loaded;
  }
  std::string text(yaml::size_cap + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_settings(text, path, environment);
}

}  // namespace tandem
