"""The division of the tests among processes."""

from pathlib import Path

from tests.parallel import LONGEST, PARTS, part_of, rank

REPOSITORY = Path(__file__).parents[1]


def test_the_parts_that_are_listed_exist():
    files = {str(path.relative_to(REPOSITORY)) for path in Path(__file__).parent.rglob("test_*.py")}
    assert all(any(file.startswith(start) for file in files) for start in PARTS)
    assert set(LONGEST) <= {part_of(file) for file in files}
    assert len(set(LONGEST)) == len(LONGEST)


def test_the_tests_of_a_part_stay_together_and_the_longest_come_first():
    first, second = (part for part in LONGEST if part.endswith(".py")), "tests/test_disk.py::test_a"
    names = [f"{next(first)}::test_a[x::y]", f"{next(first)}::TestA::test_b", second]
    assert [rank(name) for name in names] == sorted(rank(name) for name in names)
    assert rank(second) == len(LONGEST)
    assert part_of("tests/faults/test_kills.py::test_a") == part_of("tests/faults/test_names.py::b")
    assert part_of("tests/test_disk.py::test_a[::]") == "tests/test_disk.py"
