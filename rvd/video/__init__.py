"""Videos: the file format, clips, and pictures."""

from rvd.video.file import Split, VideoFile, VideoInfo
from rvd.video.writing import write_video_file

__all__ = ["Split", "VideoFile", "VideoInfo", "write_video_file"]
