"""Videos: the one file format, clips cut from it, and pictures made of it."""

from rvd.video.file import Split, VideoFile, VideoInfo, write_video_file

__all__ = ["Split", "VideoFile", "VideoInfo", "write_video_file"]
