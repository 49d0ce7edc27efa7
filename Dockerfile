# An image in which the workflow and each command run (docs/workflow.md):
#
#   docker build --tag rvd .                         torch with CUDA
#   docker build --tag rvd --build-arg TORCH=cpu .   torch without CUDA, where the package index offers it
#
# Apart from the base image, everything comes from the registries of Debian and Python packages.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim

ARG TORCH=default
# Settings of pip, for instance an index with builds of torch without CUDA.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL

# A compiler for Triton, pylbm and the packages without wheels; git for the commit in each result.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends g++ git make \
  && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/rvd
COPY . .
RUN PIP_NO_CACHE_DIR=1 make install TORCH=${TORCH} VENV=/opt/venv
ENV PATH=/opt/venv/bin:$PATH

WORKDIR /work
CMD ["rvd", "--help"]
