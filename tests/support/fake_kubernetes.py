"""As much of a Kubernetes API server as the executor asks for: it keeps the Jobs it is given and runs them.

A pod is a shell in an empty folder on this machine, which shares the disk with whoever submitted it.
"""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import yaml


class Cluster:
    """What was posted (`jobs`, by name) and the process that stands for each job's pod."""

    def __init__(self, pods: Path):
        self.pods_folder = pods
        self.jobs: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        self.secrets: list[str] = []
        self._pods: dict[str, subprocess.Popen] = {}

    def create_job(self, job: dict[str, Any]) -> dict[str, Any]:
        name, container = job["metadata"]["name"], job["spec"]["template"]["spec"]["containers"][0]
        log = (self.pods_folder / f"{name}.log").open("wb")
        self.jobs[name] = job
        home = tempfile.mkdtemp(dir=self.pods_folder)
        self._pods[name] = subprocess.Popen(
            [*container["command"], *container["args"]],
            cwd=home,
            env=os.environ | {"HOME": home},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return job

    def job(self, name: str) -> dict[str, Any]:
        code = self._pods[name].poll()
        status = {} if code is None else {"succeeded": 1} if code == 0 else {"failed": 1}
        return self.jobs[name] | {"status": status}

    def pods(self, selector: str) -> dict[str, Any]:
        name = selector.removeprefix("job-name=")
        code = self._pods[name].poll()
        state = {"running": {}} if code is None else {"terminated": {"exitCode": code}}
        container = {"name": "snakemake", "image": "", "imageID": "", "ready": True, "restartCount": 0}
        pod = {"metadata": {"name": name}, "status": {"containerStatuses": [container | {"state": state}]}}
        return {"items": [pod]}

    def log(self, name: str) -> str:
        return (self.pods_folder / f"{name}.log").read_text()

    def delete_job(self, name: str) -> None:
        self.deleted.append(name)
        self._pods[name].kill()


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/jobs"):
            return self._answer(self.cluster.create_job(body), 201)
        self.cluster.secrets.append(body["metadata"]["name"])
        return self._answer(body, 201)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if found := re.search(r"/jobs/([^/]+)/status$", path):
            return self._answer(self.cluster.job(found[1]))
        if found := re.search(r"/pods/([^/]+)/log$", path):
            return self._answer(self.cluster.log(found[1]))
        return self._answer(self.cluster.pods(query.replace("labelSelector=", "").replace("%3D", "=")))

    def do_DELETE(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind, name = self.path.partition("?")[0].rsplit("/", 2)[1:]
        if kind == "jobs":
            self.cluster.delete_job(name)
        elif kind == "secrets":
            self.cluster.secrets.remove(name)
        return self._answer({"kind": "Status", "status": "Success"})

    def _answer(self, value: Any, code: int = 200) -> None:
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if isinstance(value, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[Cluster, Path]]:
    """A cluster that listens on the loopback interface, and the kubeconfig that leads to it."""
    pods = folder / "pods"
    pods.mkdir()
    handler = type("Handler", (_Handler,), {"cluster": Cluster(pods)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "fake", "users": [],
        "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": ""}}],
    }  # fmt: skip
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    try:
        yield handler.cluster, folder / "kubeconfig"
    finally:
        server.shutdown()
        server.server_close()
