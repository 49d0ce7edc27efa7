"""HDF5 files without external data.

In HDF5, the values of a dataset may come from any other file that the reader can access, and may be
decoded by a plug-in. A malicious file could thus disclose the reader's own files as pictures, or
run code. Files of this project use neither, so a file that does is refused before values are read.
"""

import h5py

# deflate, shuffle, fletcher32, szip, n-bit, scale-offset, and LZF of h5py: none is a plug-in.
BUILT_IN_FILTERS = {1, 2, 3, 4, 5, 6, 32000}
# Deflate cannot compress by a factor above about 1032. A dataset that claims more (with a tolerance
# for small ones that were never written) would only exhaust the memory.
LARGEST_RATIO = 1100
TOLERANCE = 2**20


def why_not_self_contained(group: h5py.Group, name: str) -> str | None:
    """Return the reason why ``name`` of ``group`` must not be read, or None.

    Nothing outside the file is opened by this check.

    Args:
        group: Group of an open file.
        name: Name of a dataset or group in it, without ``/``.

    Raises:
        KeyError: There is no such name.
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
    if found.nbytes > TOLERANCE + LARGEST_RATIO * found.id.get_storage_size():
        return f"claims {found.nbytes:,} bytes, which the file does not hold"
    return None
