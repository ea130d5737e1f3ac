# One image for every process; what a container does is its command (docker-compose.yml). The interpreter is the one the tests run on.
FROM python:3.11.15-slim-bookworm AS dependencies
COPY requirements.txt /tmp/requirements.txt
# Wheels only, each with its hash: nothing is compiled, so nothing that compiles is ever installed.
RUN python -m venv /app/.venv \
    && /app/.venv/bin/pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: -r /tmp/requirements.txt

FROM python:3.11.15-slim-bookworm
LABEL org.opencontainers.image.title="callmanager-licensing" \
      org.opencontainers.image.description="Licensing for IP-telephony clusters: units purchased, units in use, and the proof" \
      org.opencontainers.image.licenses="MIT"
# A new volume takes the owner and mode of the folder that it covers: the account can write there without ever being root.
RUN groupadd --gid 10001 licensing \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin licensing \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/licensing /var/lib/licensing/key \
    && install -d -o 10001 -g 10001 -m 0755 /var/lib/licensing/public
COPY --from=dependencies /app/.venv /app/.venv
COPY shared /app/shared
COPY services /app/services
COPY gateway /app/gateway
COPY licensing /app/licensing
WORKDIR /app
ENV PATH=/app/.venv/bin:/app:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Files come with the modes of the machine that builds, and its umask may be 077. The containers are read-only: bytecode is written now
# or never.
RUN chmod -R a+rX shared services gateway licensing && python -m compileall -q shared services gateway
USER 10001:10001
EXPOSE 8000 8080
CMD ["python", "-m", "gateway", "serve"]
