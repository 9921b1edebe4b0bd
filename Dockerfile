# docdetect as a service, for inference on CPUs: `docker build -t docdetect .`, or `docker compose up --build`.
# docs/service.md describes the service.
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml requirements.lock requirements.override README.md LICENSE ./
COPY src src
COPY configs configs
# The versions of the lock, with the headless OpenCV, which needs no libraries of the system.
RUN pip install --no-cache-dir "$(grep '^uv==' requirements.lock)" \
    && uv venv /opt/docdetect \
    && uv pip install --no-cache --compile-bytecode --python /opt/docdetect/bin/python \
        --constraint requirements.lock --override requirements.override ".[serve]" opencv-python-headless

FROM python:3.12-slim
COPY --from=build /opt/docdetect /opt/docdetect
RUN useradd --system --uid 10001 --home-dir /data docdetect && install -d -o docdetect -g docdetect /data
ENV PATH=/opt/docdetect/bin:$PATH PYTHONUNBUFFERED=1 XDG_CACHE_HOME=/data/cache
USER docdetect
VOLUME /data
EXPOSE 8000
# Without the proxy of the environment, which engines pass on into containers, and which cannot reach this container.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8000/readyz', timeout=4)"]
# Ends within the grace time of the service; jobs go on at the next start.
STOPSIGNAL SIGTERM
ENTRYPOINT ["docdetect"]
CMD ["serve", "--host", "0.0.0.0", "--token-file", "/run/secrets/docdetect_token", "--folder", "/data/serve"]
