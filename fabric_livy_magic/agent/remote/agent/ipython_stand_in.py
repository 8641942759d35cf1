"""What cells import of IPython, for a session whose Python has none: `IPython.display`, and `get_ipython`."""

from __future__ import annotations

import base64
import html
import importlib.abc
import json
import mimetypes
from typing import Any

from . import displays, magics

MODULES = ("IPython", "IPython.core", "IPython.core.display", "IPython.display")
MARK = "_fabric_livy_stand_in"


class DisplayObject:
    """`data` is the content, or with `filename` it is read from there. A URL is left for the browser to load."""

    mime = "text/plain"
    is_binary = False

    def __init__(self, data: Any = None, url: Any = None, filename: Any = None, metadata: Any = None, **options: Any):
        if isinstance(data, str) and self.is_binary and url is None and filename is None:
            url, filename, data = (data, None, None) if data.startswith(("http://", "https://")) else (None, data, None)
        self.url, self.metadata, self.options = url, metadata or {}, options
        if filename is not None:
            with open(filename, "rb") as file:  # noqa: PTH123
                data = file.read()
            if not self.is_binary:
                data = data.decode("utf-8")
        self.filename = filename
        self.data = data

    def __repr__(self) -> str:
        return f"<IPython.core.display.{type(self).__name__} object>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return {self.mime: self.content(), "text/plain": repr(self)}, self.metadata

    def content(self) -> Any:
        return self.data

    def address(self) -> str:
        """For the `src` of a tag."""
        if self.url is not None or self.data is None:
            return html.escape(str(self.url))
        kind = self.options.get("mimetype") or mimetypes.guess_type(str(self.filename))[0] or self.mime
        return f"data:{kind};base64,{base64.b64encode(self.data).decode('ascii')}"


class HTML(DisplayObject):
    mime = "text/html"


class Markdown(DisplayObject):
    mime = "text/markdown"


class Latex(DisplayObject):
    mime = "text/latex"


class Math(Latex):
    def content(self) -> Any:
        return f"$\\displaystyle {str(self.data).strip('$')}$"


class SVG(DisplayObject):
    mime = "image/svg+xml"


class Pretty(DisplayObject):
    pass


class JSON(DisplayObject):
    mime = "application/json"

    def content(self) -> Any:
        return json.loads(self.data) if isinstance(self.data, str) else self.data


class GeoJSON(JSON):
    mime = "application/geo+json"


class Javascript(DisplayObject):
    mime = "application/javascript"


class Image(DisplayObject):
    is_binary = True

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        size = {key: self.options[key] for key in ("width", "height") if self.options.get(key)}
        if self.data is None:
            sizes = "".join(f' {key}="{value}"' for key, value in size.items())
            return {"text/html": f'<img src="{self.address()}"{sizes}>', "text/plain": repr(self)}, {}
        kind = self.options.get("format") or ("jpeg" if self.data[:2] == b"\xff\xd8" else "png")
        mime = f"image/{'jpeg' if kind == 'jpg' else kind}"
        picture = base64.b64encode(self.data).decode("ascii")
        return {mime: picture, "text/plain": repr(self)}, {mime: size} if size else {}


class Video(DisplayObject):
    is_binary = True
    mime, tag = "video/mp4", "video"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return {"text/html": f'<{self.tag} controls src="{self.address()}"></{self.tag}>', "text/plain": repr(self)}


class Audio(Video):
    mime, tag = "audio/wav", "audio"


class IFrame:
    def __init__(self, src: str, width: Any, height: Any, **options: Any) -> None:
        self.src, self.width, self.height = src, width, height

    def _repr_html_(self) -> str:
        source = html.escape(str(self.src))
        return f'<iframe width="{self.width}" height="{self.height}" src="{source}" frameborder="0" allowfullscreen></iframe>'


class Loader(importlib.abc.Loader):
    def create_module(self, spec: Any) -> Any:
        return None

    def exec_module(self, module: Any) -> None:
        setattr(module, MARK, True)
        if module.__name__ == "IPython":
            module.get_ipython, module.version_info = magics.current_shell, (8, 24, 0, "")
            module.__version__ = "8.24.0"
        elif module.__name__.endswith(".display"):
            classes = {
                name: value for name, value in globals().items() if isinstance(value, type) and value is not Loader
            }
            vars(module).update(classes, **displays.OF_IPYTHON)
