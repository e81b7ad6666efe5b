#!/usr/bin/env bash
# `make test` as a user who is not root, in a checkout whose path has a blank and an umlaut, with LC_ALL=C and
# umask 077; with arguments, pytest on these. Root makes that user (earshot-tester), anybody else is it.
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
checkout="$place/ear shöt"
mkdir "$checkout"
(cd "$project" && git ls-files -z -co --exclude-standard | xargs -0 ls -d 2> /dev/null | tar c -T - | tar x -C "$checkout")
[ ! -d "$project/../shared" ] || ln -s "$(realpath "$project/../shared")" "$place/shared"

packages=$("$project/.venv/bin/python" -c 'import numpy, pathlib; print(pathlib.Path(numpy.__file__).parents[1])')
prefix=$("$project/.venv/bin/python" -c 'import sys; print(sys.base_prefix)')
as_user=()
if [ "$(id -u)" = 0 ]; then
  id earshot-tester > /dev/null 2>&1 || useradd --create-home earshot-tester
  as_user=(runuser --user earshot-tester --)
  if ! "${as_user[@]}" test -x "$prefix/bin/python3"; then # as in root's home
    mkdir "$place/python"
    tar c -C "$prefix" --exclude site-packages --exclude test bin lib | tar x -C "$place/python"
    prefix="$place/python"
    export LD_LIBRARY_PATH="$prefix/lib"
  fi
  chown -R earshot-tester "$place"
fi

# The packages are the project's; their scripts are written anew, as pip does for such a path.
cat > "$place/scripts.py" << 'END'
import sys
from importlib.metadata import distributions
from pathlib import Path
from pip._vendor.distlib.scripts import ScriptMaker

packages, target = sys.argv[1], Path(sys.prefix, "bin")
maker = ScriptMaker(None, str(target))
for found in distributions(path=[packages]):
    maker.make_multiple(f"{e.name} = {e.value}" for e in found.entry_points if e.group == "console_scripts")
for program in Path(packages).parents[2].joinpath("bin").iterdir():
    if not (target / program.name).exists() and program.read_bytes()[:4] == b"\x7fELF":
        (target / program.name).symlink_to(program)
END
unset OMP_NUM_THREADS PYTHONPATH
export HOME="$place" TMPDIR="$place" LC_ALL=C
"${as_user[@]}" bash -euc '
  umask 077
  prefix=$1 packages=$2 scripts=$3
  cd "$4"
  shift 4
  git init --quiet .
  "$prefix/bin/python3" -m venv .venv
  echo "import sys; sys.path.insert(0, '\''$packages'\'')" > "$(echo .venv/lib/python3*/site-packages)/packages.pth"
  PIP_NO_INDEX=1 PIP_NO_DEPS=1 PIP_NO_BUILD_ISOLATION=0 make PYTHON="$prefix/bin/python3" .venv/installed
  .venv/bin/python "$scripts" "$packages"
  export PATH="$PWD/.venv/bin:$PATH"
  if [ $# = 0 ]; then exec make test; fi
  export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
  exec python -m pytest -n 2 -m "not soak" "$@"
' bash "$prefix" "$packages" "$place/scripts.py" "$checkout" "$@"
