"""Where in a model a stage is taken."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .. import _arguments as check
from .._errors import InvalidValueError

#: `MODULE`, `MODULE#CALL`, `MODULE@input`, `MODULE:KEY`, and together.
_SPELLED = re.compile(r"(?P<module>[^#@:]*)(#(?P<call>\d+))?(?P<input>@input)?(:(?P<key>\w+))?")


@dataclass(frozen=True)
class Tap:
    """Where a stage is taken.

    Parameters
    ----------
    stage : str
        Its name in results.
    module : str
        The module's dotted name, as `named_modules` has it; empty for the model itself.
    side : {"output", "input", "result"}
        What the module gives, the first tensor that it gets, or what the whole pass returns.
    call : int, optional
        Which call in a pass, from 1, of a module that runs several times.
    key : str, optional
        Which tensor, where the module gives several: a key, a field, or a number.
    """

    stage: str
    module: str
    side: Literal["output", "input", "result"] = "output"
    call: int | None = None
    key: str | None = None

    @classmethod
    def spelled(cls, stage: str, text: str) -> Tap:
        """The tap that `MODULE[#CALL][@input][:KEY]` names."""
        found = _SPELLED.fullmatch(text)
        if found is None:
            raise InvalidValueError(
                f"the module of stage `{stage}` is {text!r}, expected a module's name, also with "
                "`#2` for its second call, `@input` for what it gets, `:key` for one of its tensors"
            )
        call = found["call"]
        if call is not None and int(call) < 1:
            raise InvalidValueError(
                f"the module of stage `{stage}` is {text!r}, expected a call from 1"
            )
        side: Literal["output", "input"] = "input" if found["input"] else "output"
        return cls(stage, found["module"], side, int(call) if call else None, found["key"])

    def __str__(self) -> str:
        if self.side == "result":
            return f"stage `{self.stage}`"
        call = "" if self.call is None else f"#{self.call}"
        side = "@input" if self.side == "input" else ""
        key = "" if self.key is None else f":{self.key}"
        return f"stage `{self.stage}` (module `{self.module}{call}{side}{key}`)"


def spelled(stages: Any) -> list[Tap]:
    """The taps of the argument `stages`: names of modules, or a mapping of stages to them."""
    expected = "the name of a module (str), a list of them, or a mapping of stages to modules"
    if isinstance(stages, Mapping):
        given = [
            (check.text("a stage", stage), check.text(f"stages[{stage!r}]", text))
            for stage, text in stages.items()
        ]
    elif stages is None:
        raise check.wrong_type("stages", stages, expected)
    else:
        given = [(text, text) for text in check.words("stages", stages, (), expected)]
    if not given:
        raise InvalidValueError(f"stages is empty, expected {expected}")
    for stage, _ in given:
        if not stage.strip():
            raise InvalidValueError(
                'a stage has no name; for the model\'s own output give a mapping: {"output": ""}'
            )
        if [name for name, _ in given].count(stage) > 1:
            raise InvalidValueError(f"stage `{stage}` is named twice, expected each once")
    return [Tap.spelled(stage, text) for stage, text in given]


def check_names(taps: Sequence[Tap], names: Iterable[str]) -> None:
    """That the model has the modules.

    Raises
    ------
    InvalidValueError
        It has no module of a name; the message gives the nearest names.
    """
    known = list(names)
    for tap in taps:
        if tap.side != "result" and tap.module not in known:
            raise InvalidValueError(
                f"stage `{tap.stage}`: the model has no module `{tap.module}`, expected "
                f"{_nearest(tap.module, [name for name in known if name])}"
            )


def _nearest(name: str, known: Sequence[str]) -> str:
    """The names most like one that is not there, for a message."""
    close = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
    if close:
        return f"one such as `{'`, `'.join(close)}`"
    some = "`, `".join(known[:6])
    more = f", … ({len(known)} in all)" if len(known) > 6 else ""
    return f"one of `{some}`{more}" if known else "the model itself, by an empty name"
