# The dashboard in a container. Two targets:
#   dashboard  (the default) over a stack on AWS, with CloudWatch; no models, nothing that parses documents
#   local      the embedded local backend with its corpus, and every command of `raglass`
# docs/image.md says how to build, run and update it. `make image` builds both and tries them out.

# The usual base, named by digest, so that the same commit builds on the same base. It has a line of its own, since dependabot, which proposes
# newer ones, reads no ARG. Any Debian-based image with Python 3.11 to 3.13 will do as well: docker build --build-arg BASE=… .
ARG BASE=usual
FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS usual

FROM ${BASE} AS build
# An index of packages other than the usual one: docker build --secret id=pip,src=pip.conf . The file stays out of the image.
ENV PIP_CONFIG_FILE=/run/secrets/pip \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN python3 -m venv /tools \
    && python3 -m venv --without-pip /opt/raglass \
    && mkdir -p /rootfs/data
WORKDIR /app
COPY requirements/image.lock requirements/build.lock /locks/
RUN --mount=type=secret,id=pip \
    /tools/bin/pip --python /opt/raglass/bin/python install --no-compile --no-deps --require-hashes \
    --requirement /locks/image.lock --requirement /locks/build.lock
COPY pyproject.toml README.md LICENSE ./
COPY .streamlit .streamlit
COPY pipeline pipeline
COPY backends backends
COPY metrics metrics
COPY corpus corpus
COPY explain explain
COPY evaluation evaluation
COPY app app
COPY pages pages
RUN /tools/bin/pip --python /opt/raglass/bin/python install --no-compile --no-deps --no-index --no-build-isolation --editable .

FROM build AS build-local
COPY requirements/run.lock /locks/
RUN --mount=type=secret,id=pip \
    /tools/bin/pip --python /opt/raglass/bin/python install --no-compile --no-deps --require-hashes --requirement /locks/run.lock
COPY ecs ecs
COPY serving serving
RUN /tools/bin/pip --python /opt/raglass/bin/python install --no-compile --no-deps --no-index --no-build-isolation --editable .

# What is compiled here need not be compiled at every start, which could not keep it: the root is read-only.
FROM build AS built
COPY serving/image/finish.py /
RUN /tools/bin/pip --python /opt/raglass/bin/python uninstall --yes --quiet setuptools \
    && /tools/bin/python /finish.py /opt/raglass /app

FROM build-local AS built-local
COPY serving/image/finish.py /
RUN /tools/bin/pip --python /opt/raglass/bin/python uninstall --yes --quiet setuptools \
    && /tools/bin/python /finish.py /opt/raglass /app

# From here on nothing is run, so a base without a shell would do as well.
FROM ${BASE} AS frame
ENV HOME=/data \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RAGLASS_DATA_DIR=/data \
    RAGLASS_HOST=0.0.0.0 \
    RAGLASS_PORT=8501 \
    TMPDIR=/data
WORKDIR /app
# Only /data can be written. A volume that is put there takes this owner over, on Fargate too.
COPY --from=build --chown=10001:10001 /rootfs/ /
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8501
ENTRYPOINT ["/opt/raglass/bin/raglass"]
CMD ["serve"]
# A look at the backend takes up to 12 s; the first start opens it, and the local one builds its index.
HEALTHCHECK --interval=30s --timeout=15s --start-period=90s --retries=3 CMD ["/opt/raglass/bin/python", "-m", "app.probe"]

FROM frame AS local
COPY --from=built-local /opt/raglass /opt/raglass
COPY --from=built-local /app /app

FROM frame AS dashboard
ENV RAGLASS_BACKEND=aws \
    RAGLASS_EMIT_METRICS=1 \
    RAGLASS_METRICS_SOURCE=cloudwatch
COPY --from=built /opt/raglass /opt/raglass
COPY --from=built /app /app
