# The static program alone: no shell, no C library, no other file but licences. packaging/README.md says what differs in a container.
#   docker build --tag nwcheck .
#   docker run --rm nwcheck tcp db.corp.example:5432

FROM rust:1.95-slim-trixie AS build
WORKDIR /source
# What lists the licences.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends jq \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN mkdir --parents /root-of-image/licences \
    && install --mode 755 "$(packaging/build --program)" /root-of-image/nwcheck \
    && packaging/licences "$(rustc -vV | sed -n 's/^host: //p')" > /root-of-image/licences/third-party-licences \
    && cp LICENSE-MIT LICENSE-APACHE packaging/copyright /root-of-image/licences/ \
    && /root-of-image/nwcheck demo

FROM scratch
COPY --from=build /root-of-image/ /
# nobody: no name is needed for a number.
USER 65534:65534
ENTRYPOINT ["/nwcheck"]
CMD ["--help"]
LABEL org.opencontainers.image.title="nwcheck" \
      org.opencontainers.image.description="Does this connection work, and if not, where does it break and whose is it?" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
