# The Python that the tests run on; its packages are those of the lock file, and nothing else is fetched.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY requirements/runtime.lock ./
RUN python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install \
      --no-cache-dir --disable-pip-version-check --require-hashes --only-binary=:all: --requirement runtime.lock
COPY operator/gallery_operator /opt/app/gallery_operator
# Compiled here: a read-only root leaves no place for it later.
RUN python -m compileall -q /opt/app

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gallery-operator" \
      org.opencontainers.image.description="A Kubernetes operator for Azure Compute Gallery" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/app /opt/app
COPY LICENSE /opt/app/LICENSE
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
WORKDIR /tmp
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["python", "-m", "gallery_operator"]
CMD ["run"]
