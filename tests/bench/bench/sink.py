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
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location = /requests {{ stub_status; }}
    location / {{ return 200 '{{"id":"r-1"}}'; }}
  }}
}}
"""


class Sink:
    def __init__(self, folder):
        self.folder = folder / "nginx"
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self.port = place.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (self.folder / "nginx.conf").write_text(CONFIGURATION.format(folder=self.folder, port=self.port))
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


@contextlib.contextmanager
def running(folder):
    sink = Sink(folder)
    try:
        yield sink
    finally:
        sink.process.terminate()
        sink.process.wait(10)
