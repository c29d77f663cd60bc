# docker build -t modlib .      then `mkdir -p out`, to which come
# docker run --rm -v "$PWD/out:/modlib/_build" modlib                              the book: out/html/index.html
# docker run --rm -v "$PWD/out:/modlib/build" modlib make reproduce PROFILE=smoke  tables: out/smoke/results
# docker run --rm -v "$PWD/out:/modlib/build" -v "$PWD/results:/modlib/results" modlib make reproduce
#                                                                                  the published ones: results

FROM debian:bookworm-slim

RUN apt-get update \
 && apt-get install --yes --no-install-recommends git make python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*

# whose files those in `out` are to be: docker build --build-arg UID="$(id -u)" -t modlib .
ARG UID=1000
RUN useradd --create-home --uid "$UID" reader && install --directory --owner reader /modlib /modlib/_build /modlib/build
USER reader
WORKDIR /modlib

# where pip looks instead of, and beside, its own index: the builds of torch for processors alone are far smaller
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# a change of a page installs none of these again
COPY --chown=reader requirements.txt ./
RUN python3 -m venv .venv && .venv/bin/python -m pip install --requirement requirements.txt

# with .git, where there is one: tables tell the commit that made them
COPY --chown=reader . .
RUN make .venv/installed

CMD ["make", "book"]
