# Sallyport as an image; how it is run stands in docs/containers.md.
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BASE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# No install script runs: nothing here needs one.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${BASE_IMAGE}
# glibc gives large bodies back at once, and its threads share what is free: a quarter less memory under a
# flood (docs/operations.md#sizing).
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    METRICS_HOST=0.0.0.0 \
    DATA_DIR=/data \
    DRAIN_DELAY_MS=5000 \
    NODE_COMPILE_CACHE=/var/cache/sallyport \
    npm_config_cache=/tmp/npm \
    npm_config_update_notifier=false
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY LICENSE package.json ./
COPY bin bin
COPY deploy/container deploy/container
COPY src src
# Compiled once here, as the user and with the flags that Node looks it up by: a container starts in
# half the time, on a file system that it cannot write to.
# What was cloned under a strict umask would else be root's alone.
RUN chmod -R a+rX LICENSE package.json bin deploy src \
 && ln -s /app/bin/sallyport.mjs /usr/local/bin/sallyport \
 && install -d -o 1000 -g 1000 /data "$NODE_COMPILE_CACHE" \
 && setpriv --reuid=1000 --regid=1000 --clear-groups \
      node --max-semi-space-size=8 --heap-growing-percent=20 deploy/container/warm-up.mjs \
 && chown -R root:root "$NODE_COMPILE_CACHE"

# By number, so that an orchestrator can see that it is not root.
USER 1000:1000
VOLUME /data
EXPOSE 8010 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "/app/deploy/container/healthy.mjs"]
# The flags of `npm start`.
CMD ["node", "--max-semi-space-size=8", "--heap-growing-percent=20", "src/main.ts"]

# Last, because a revision is another one for every commit.
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Sallyport" \
      org.opencontainers.image.description="A self-hosted gateway for Microsoft Graph change notifications" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
