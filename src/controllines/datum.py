"""Old datums (西安80, 北京54) to CGCS2000 with seven parameters that the office declares (布尔莎七参数).

The parameters are secret: they are used and said to be declared and used, and stand in no output, log, error or repr.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyproj
import shapely
from pydantic import ConfigDict, FiniteFloat, model_serializer

from controllines.crs import LONLAT, RF, A, SourceCRS, from_lonlat, recognise, to_lonlat
from controllines.errors import CRSError
from controllines.strict import Strict

Array = np.ndarray
#: Xi'an 80 and Beijing 54 lie less than 200 m from CGCS2000; a greater move means wrong units, signs or convention.
MOST_M = 500.0
_SALT = b"controllines: seven parameters"


class SevenParameters(Strict):
    """Seven parameters of a datum (plan.toml ``[layers.*.to_cgcs2000]``); no repr and no dump shows a value.

    Attributes
    ----------
    dx, dy, dz : metres
    rx, ry, rz : arc-seconds
    scale_ppm : parts per million
    convention : the sign of the rotations. ``coordinate_frame`` (EPSG 9607, the axes turn): that of the 布尔莎 model in
        Chinese sheets, X' = X·(1+m) + rz·Y − ry·Z + dx, and of most offices' software. ``position_vector`` (EPSG 9606,
        the point turns) has the opposite signs.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    dx: FiniteFloat
    dy: FiniteFloat
    dz: FiniteFloat
    rx: FiniteFloat
    ry: FiniteFloat
    rz: FiniteFloat
    scale_ppm: FiniteFloat
    convention: Literal["coordinate_frame", "position_vector"]

    def __repr_args__(self) -> Sequence[tuple[str | None, Any]]:
        """Show nothing: a repr ends up in logs and notebooks."""
        return [(None, "已声明")]

    @model_serializer
    def _hidden(self) -> dict[str, str]:
        """Dump a salted, slow hash, so that a run id changes with the parameters and tells nothing of them."""
        text = f"{self.values()!r}{self.convention}".encode()
        return {"declared": hashlib.pbkdf2_hmac("sha256", text, _SALT, 100_000).hex()}

    def values(self) -> tuple[float, ...]:
        """Return the seven numbers in the order of a survey file's 转换参数."""
        return self.dx, self.dy, self.dz, self.rx, self.ry, self.rz, self.scale_ppm


def of_survey_file(values: Sequence[float]) -> SevenParameters:
    """Return the parameters of a survey file (转换参数): metres, arc-seconds, ppm, in the sense of the 布尔莎 model.

    The format names neither units nor sense; whoever uses this says so in a finding.
    """
    dx, dy, dz, rx, ry, rz, scale = values
    return SevenParameters(dx=dx, dy=dy, dz=dz, rx=rx, ry=ry, rz=rz, scale_ppm=scale, convention="coordinate_frame")


def to_cgcs2000(
    geoms: Array, source: SourceCRS, parameters: SevenParameters, *, file: object = None, layer: str | None = None
) -> tuple[Array, SourceCRS]:
    """Convert geometries of an old datum, vertex by vertex, to the same projection on CGCS2000.

    Parameters
    ----------
    geoms : in source coordinates; missing ones stay missing
    source : CRS on the old datum
    parameters : from that datum to CGCS2000; heights are taken as 0 (2 cm at 1 000 m)
    file, layer : what is converted, for the error

    Returns
    -------
    geometries, and the CRS they are in now: straight edges of the old projection are straight in it to 0.01 mm per km

    Raises
    ------
    CRSError
        ``PARAMETERS_IMPLAUSIBLE``: land would move by more than 500 m.
    """
    target = on_cgcs2000(source)
    shift = _shift(source, parameters)

    def move(xy: Array) -> Array:
        old = to_lonlat(source, xy)
        new = np.column_stack(shift.transform(old[:, 0], old[:, 1]))
        metres = np.radians(new - old) * A * np.column_stack([np.cos(np.radians(old[:, 1])), np.ones(len(old))])
        if not (np.hypot(*metres.T) <= MOST_M).all():  # not-a-number is no small move either
            raise CRSError.of("PARAMETERS_IMPLAUSIBLE", source=file, layer=layer, expected=f"{MOST_M:.0f}")
        return from_lonlat(target, new)

    out = np.array(geoms, dtype=object)
    given = ~shapely.is_missing(out)
    if given.any():
        out[given] = shapely.transform(out[given], move)
    return out, target


def _shift(source: SourceCRS, parameters: SevenParameters) -> pyproj.Transformer:
    """Return the pipeline from longitude and latitude (degrees) on the old ellipsoid to those on CGCS2000."""
    ellipsoid = source.crs.ellipsoid
    if ellipsoid is None:  # pragma: no cover - a geodetic CRS has one
        raise ValueError("a CRS without ellipsoid")
    dx, dy, dz, rx, ry, rz, scale = (repr(float(value)) for value in parameters.values())
    return pyproj.Transformer.from_pipeline(
        "proj=pipeline step proj=unitconvert xy_in=deg xy_out=rad "
        f"step proj=cart a={ellipsoid.semi_major_metre!r} rf={ellipsoid.inverse_flattening!r} "
        f"step proj=helmert x={dx} y={dy} z={dz} rx={rx} ry={ry} rz={rz} s={scale} convention={parameters.convention} "
        f"step inv proj=cart a={A} rf={RF} step proj=unitconvert xy_in=rad xy_out=deg"
    )


def on_cgcs2000(source: SourceCRS) -> SourceCRS:
    """Return the same projection (central meridian, false easting) on CGCS2000; EPSG:4490 for degrees."""
    if not source.projected:
        return recognise(LONLAT)
    definition = source.crs.to_json_dict()
    for key in ("id", "area", "bbox", "scope", "usages", "remarks"):
        definition.pop(key, None)
    definition["base_crs"] = pyproj.CRS.from_user_input(LONLAT).to_json_dict()
    for key in ("$schema", "scope", "area", "bbox", "usages"):
        definition["base_crs"].pop(key, None)
    definition["name"] = f"CGCS2000 / {definition['conversion']['name']}"
    return recognise(pyproj.CRS.from_json_dict(definition))
