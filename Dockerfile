# The program in a small image. The database is another container, so no Postgres is in here.
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    cargo build --locked --release --package server --features oidc && cp target/release/stopcode /stopcode

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/stopcode --create-home stopcode \
    && install -d -o stopcode -g stopcode /var/lib/stopcode/blobs
COPY --from=build /stopcode /usr/local/bin/stopcode
USER stopcode
WORKDIR /var/lib/stopcode
ENV STOPCODE_LISTEN=0.0.0.0:8080 STOPCODE_DATA_DIR=/var/lib/stopcode
EXPOSE 8080
ENTRYPOINT ["stopcode"]
CMD ["serve"]
