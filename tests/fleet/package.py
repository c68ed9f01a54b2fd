"""The Lambda as a zip: the binary, and a bootstrap that runs it as the image's function is run."""

import io
import pathlib
import shutil
import subprocess
import zipfile

_BOOTSTRAP = '#!/bin/sh\nexec "$LAMBDA_TASK_ROOT/landfall" lag-lambda\n'


def stripped(binary, folder):
    """A copy without symbols, which a debug build has plenty of; the binary itself where there is no strip."""
    copy = folder / "landfall"
    if shutil.which("strip") is None:
        return pathlib.Path(binary)
    subprocess.run(["strip", "-o", copy, binary], check=True)
    return copy


def zip_of(binary):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _add(archive, "bootstrap", _BOOTSTRAP.encode())
        _add(archive, "landfall", pathlib.Path(binary).read_bytes())
    return packed.getvalue()


def _add(archive, name, content):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o755 << 16
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
