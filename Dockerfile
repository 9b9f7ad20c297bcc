# The service: runtime and [serve], no torch. Build: docker build -t firstsight .
FROM python:3.11-slim AS wheels
COPY . /src
RUN pip wheel --no-cache-dir --wheel-dir /wheels -c /src/constraints.txt '/src[serve]'

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --home-dir /data firstsight && install -d -o firstsight -m 0700 /data
COPY --from=wheels /wheels /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels 'firstsight[serve]' && rm -rf /wheels
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ORT_DISABLE_TELEMETRY=1
USER firstsight
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/v1/ready', timeout=2)"]
ENTRYPOINT ["firstsight"]
CMD ["serve", "/data/gallery.db", "--model", "glyphs", "--host", "0.0.0.0", "--drain", "5", \
     "--admin-secret", "/run/secrets/firstsight_admin"]
