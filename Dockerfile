# The image that profiles/kubernetes runs: the locked environment and the program, as user 1000.
#   docker build --tag qaloom:0.1.0 .
FROM python:3.11-slim-bookworm

# make is what a person types; gcc serves triton, which compiles its launcher when a GPU is used.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home qaloom \
    && install --directory --owner qaloom /opt/qaloom /qaloom

USER qaloom
WORKDIR /opt/qaloom

# The environment first: it is 7 GB and changes with the lock alone. Python writes nothing into it later, so that
# make setup compiles its files.
ENV PYTHONDONTWRITEBYTECODE=1
COPY --chown=qaloom requirements.lock requirements-converter.txt pyproject.toml README.md LICENSE Makefile ./
COPY --chown=qaloom install/progress.py install/wheel.py install/
COPY --chown=qaloom scripts/qaloom/__init__.py scripts/qaloom/
RUN make setup && .venv/bin/uv cache clean

COPY --chown=qaloom . .
ENV PATH=/opt/qaloom/.venv/bin:$PATH
CMD ["make", "help"]
