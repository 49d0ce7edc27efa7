"""HDF5 files that hold all of their data themselves.

HDF5 can take the values of a dataset from any file that the reader may read, and their decoding
from a plug-in: a foreign file could show the reader's own files as pictures, or run code. Files of
this project use neither, so a file that does is refused before a value is read.
"""

import h5py

# deflate, shuffle, fletcher32, szip, n-bit, scale-offset, and h5py's own LZF: none is a plug-in.
BUILT_IN_FILTERS = {1, 2, 3, 4, 5, 6, 32000}
# Deflate cannot shrink by more than about 1032. A dataset that claims more than that of its stored
# bytes (with some room for small ones that were never written) would only exhaust the memory.
LARGEST_RATIO = 1100
ROOM = 2**20


def why_not_self_contained(group: h5py.Group, name: str) -> str | None:
    """Return the reason why ``name`` of ``group`` must not be read, or None.

    Nothing outside the file is opened to find out.

    Args:
        group: group of an open file.
        name: name of a dataset or group in it, without ``/``.

    Raises:
        KeyError: there is no such name.
    """
    link = group.get(name, getlink=True)
    if link is None:
        raise KeyError(f"{name} is missing")
    if not isinstance(link, h5py.HardLink):
        return "is a link to another place"
    found = group[name]
    if not isinstance(found, h5py.Dataset):
        return None
    if found.is_virtual:
        return "is made from other datasets"
    layout = found.id.get_create_plist()
    if layout.get_external_count():
        return "keeps its values in another file"
    filters = {layout.get_filter(index)[0] for index in range(layout.get_nfilters())}
    if foreign := filters - BUILT_IN_FILTERS:
        return f"needs the filter plug-in {min(foreign)}"
    if found.nbytes > ROOM + LARGEST_RATIO * found.id.get_storage_size():
        return f"claims {found.nbytes:,} bytes, which the file does not hold"
    return None
