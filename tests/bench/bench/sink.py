"""The other system of a drain: nginx with one worker, which answers every request with a small JSON body."""
import contextlib
import re
import signal
import urllib.request

from bench import place

CONFIGURATION = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  default_type application/json;
  log_format calls "$http_idempotency_key $uri";
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location = /requests {{ stub_status; }}
{more}    location / {{ return 200 '{{"id":"r-1"}}'; }}
  }}
}}
"""


class Sink:
    def __init__(self, folder, log_calls):
        self.folder = folder / "nginx"
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self.port = place.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        more = f"    access_log {self.folder}/calls calls buffer=64k flush=1s;\n" if log_calls else ""
        (self.folder / "nginx.conf").write_text(CONFIGURATION.format(folder=self.folder, port=self.port, more=more))
        self.start()

    def start(self):
        self.process = place.start(["nginx", "-p", self.folder, "-e", self.folder / "error.log", "-c", self.folder / "nginx.conf"], death_signal=signal.SIGTERM)
        place.wait_for(self._answers, "nginx answers", seconds=10)

    def _answers(self):
        with contextlib.suppress(OSError):
            return self.requests() >= 0
        return False

    def requests(self):
        """Requests answered so far, ours to this page included."""
        with urllib.request.urlopen(f"{self.url}/requests", timeout=5) as page:
            return int(re.search(r"\n *\d+ +\d+ +(\d+)", page.read().decode()).group(1))

    def calls(self):
        """Idempotency keys in the order of their requests. After `stop`, which writes out what is buffered."""
        return [line.split(" ", 1)[0] for line in (self.folder / "calls").read_text().splitlines()]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def most_requests(self, body, seconds, connections=64):
        """What wrk posts to it at most: requests per second."""
        script = self.folder / "post.lua"
        quoted = body.replace("\\", "\\\\").replace("'", "\\'")
        script.write_text(f"wrk.method = 'POST'\nwrk.body = '{quoted}'\nwrk.headers['Content-Type'] = 'application/json'\n")
        output = place.must(["wrk", "-t", 1, "-c", connections, "-d", f"{seconds}s", "-s", script, f"{self.url}/opportunity/1"])
        return float(re.search(r"Requests/sec: +([\d.]+)", output).group(1))


@contextlib.contextmanager
def running(folder, log_calls=False):
    sink = Sink(folder, log_calls)
    try:
        yield sink
    finally:
        sink.stop()
