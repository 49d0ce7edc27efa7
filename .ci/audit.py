"""Report the known vulnerabilities of the versions in a lock file, by pip-audit.

pip-audit succeeds when its database has none of the packages, as behind a mirror of packages alone.
Here that is a failure: exit code 1 means vulnerabilities, 2 that packages were not audited.

    python .ci/audit.py constraints.txt
"""

import json
import subprocess
import sys


def pip_audit(path: str) -> subprocess.CompletedProcess[str]:
    """Run pip-audit on a lock file with hashes, without downloading any package."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", path, "--require-hashes"]
    command += ["--disable-pip", "--format", "json", "--progress-spinner", "off"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def report(output: str, errors: str) -> tuple[str, int]:
    """Return the text and the exit code for the output of pip-audit.

    Args:
        output: Standard output, JSON.
        errors: Standard error, whose last line gives the reason where there is no JSON.
    """
    try:
        packages = json.loads(output)["dependencies"]
    except (json.JSONDecodeError, KeyError, TypeError):
        reason = (errors.strip().splitlines() or ["it printed nothing"])[-1]
        return f"audit: pip-audit failed, nothing was audited: {reason}", 2
    found = [(package, fault) for package in packages for fault in package.get("vulns", [])]
    lines = [
        f"{package['name']} {package['version']}: {fault['id']}, fixed in "
        f"{', '.join(fault['fix_versions']) or 'no version'}"
        for package, fault in found
    ]
    skipped = [package for package in packages if "skip_reason" in package]
    audited = len(packages) - len(skipped)
    if not audited:
        return "audit: the vulnerability database cannot be reached; nothing was audited", 2
    if skipped:
        names = ", ".join(package["name"] for package in skipped)
        lines.append(f"audit: {len(skipped)} of {len(packages)} are not in the database: {names}")
    lines.append(f"audit: {audited} packages audited, {len(found)} known vulnerabilities")
    return "\n".join(lines), 1 if found else 2 if skipped else 0


if __name__ == "__main__":
    ran = pip_audit(sys.argv[1])
    text, code = report(ran.stdout, ran.stderr)
    print(text)
    sys.exit(code)
