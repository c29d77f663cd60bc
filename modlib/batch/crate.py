"""The published tables as an RO-Crate: a zip file to deposit, in which each says how it was made.

    python -m modlib.batch.crate build/crate.zip

It holds the tables with their networks and checksums, the package, the notebooks and the workflow
that make them, and `ro-crate-metadata.json`, in which a `CreateAction` for each table names its
notebook, the profile, and the commits and versions of its rows.

Source: Soiland-Reyes et al. (2022), doi 10.3233/DS-210053.
"""

import sys
from itertools import chain
from pathlib import Path

import yaml
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from modlib.batch import files, profiles, tables
from modlib.batch.checkout import NOTEBOOKS, ROOT, WORKFLOW

BESIDE = [
    "CITATION.cff", "LICENSE", "Makefile", "README.md", "pyproject.toml", "requirements.txt",
    "workflow/*.py", "workflow/*.yaml", "modlib/**/*.py", "modlib/py.typed", "modlib/tasks/mnist.*",
]  # fmt: skip
"""What else the tables are made with, as patterns from the root of the checkout."""

MADE_BY = {"networks": "sweep"}
"""The notebooks of tables that are not called as these are."""


def crate(folder: Path = tables.FOLDER) -> ROCrate:
    """Return the crate of a folder of results that `paper`, or another profile, has made.

    Raises:
        ValueError: for a table that `tables.published_table` refuses, or another file that is
            not what its checksum says.
    """
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    made = ROCrate()
    made.name, made.description = cited["title"], " ".join(cited["abstract"].split())
    made.license, made.keywords = cited["license"], cited["keywords"]
    made.datePublished = str(cited["date-released"])
    made.creator = [
        made.add_jsonld({"@id": f"#{author['name']}", "@type": "Organization", **author})
        for author in cited["authors"]
    ]
    for path in chain.from_iterable(sorted(ROOT.glob(pattern)) for pattern in BESIDE):
        _added(made, path, path.relative_to(ROOT).as_posix())
    profile = _added(made, profiles.CONFIG, f"workflow/{profiles.CONFIG.name}")
    made.add_workflow(
        WORKFLOW / "Snakefile", "workflow/Snakefile", main=True, lang="snakemake", record_size=True
    )
    for name, digest in files.checksums(folder).items():
        file = _added(made, tables.checked(folder, name), f"results/{name}", sha256=digest)
        if name.endswith(".csv"):
            _tell_how_it_was_made(made, file, name.removesuffix(".csv"), folder, profile)
    _added(made, folder / files.CHECKSUMS, f"results/{files.CHECKSUMS}")
    return made


def _added(made: ROCrate, path: Path, place: str, **told: str) -> Entity:
    """Return a file, once added to a crate under a path of its own there."""
    return made.dereference(place) or made.add_file(path, place, properties=told, record_size=True)


def _tell_how_it_was_made(
    made: ROCrate, file: Entity, table: str, folder: Path, profile: Entity
) -> None:
    rows = tables.published_table(table, folder)
    notebook = MADE_BY.get(table, table)
    instrument = _added(made, NOTEBOOKS / f"{notebook}.ipynb", f"notebooks/{notebook}.ipynb")
    told = {
        "name": f"{table}: {len(rows):,} rows",
        "description": "; ".join(sorted(set(rows.versions))),
        "identifier": sorted(set(rows.commit)),
    }
    made.add_action(instrument, f"#{table}", object=[profile], result=[file], properties=told)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    crate().write_zip(path)
