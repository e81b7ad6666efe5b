# The packages and nothing else: the clone itself, its code, data and DVC cache, is mounted at /workspace.
FROM python:3.11-slim-bookworm

# git: DVC asks it what is committed. libgomp1: the wheel of implicit brings none. The versions are Debian's of this release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git libgomp1 \
    && rm -rf /var/lib/apt/lists/*

# Whoever owns the clone on the host owns it in the container too.
ARG USER_ID=1000
ARG GROUP_ID=1000
RUN [ "$USER_ID" -ne 0 ] || { echo "USER_ID=0: give the clone to a user that is not root" >&2; exit 1; }
RUN groupadd --non-unique --gid "$GROUP_ID" earshot \
    && useradd --non-unique --uid "$USER_ID" --gid earshot --create-home earshot \
    && install --directory --owner=earshot --group=earshot /workspace /dagster \
    && git config --system --add safe.directory /workspace

WORKDIR /workspace
COPY pyproject.toml constraints.txt README.md LICENSE ./
# TORCH=cuda takes PyTorch from PyPI, with CUDA: some GB more.
ARG TORCH=cpu
RUN [ "$TORCH" = cuda ] \
    || pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt --no-deps \
        --index-url "https://download.pytorch.org/whl/$TORCH" torch
# EXTRAS=s3 for a remote in S3, postgres,s3 for deploy/kubernetes.
ARG EXTRAS=
RUN mkdir src \
    && pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt \
        --editable ".${EXTRAS:+[$EXTRAS]}"

ENV DAGSTER_HOME=/dagster PYTHONPATH=src PYTHONUNBUFFERED=1
USER $USER_ID:$GROUP_ID
CMD ["earshot", "--help"]
