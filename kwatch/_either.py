"""Methods that a class has as well as its instances."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Either(Generic[P, R]):
    """A method that is given the instance or, where it is called on the class, that."""

    def __init__(self, function: Callable[Concatenate[Any, P], R]) -> None:
        self._function = function
        update_wrapper(self, function)  # type: ignore[arg-type] # what help() looks at

    def __get__(self, instance: object | None, owner: type) -> Callable[P, R]:
        function = self._function

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return function(self._receiver(instance, owner), *args, **kwargs)

        return update_wrapper(call, function)

    def _receiver(self, instance: object | None, owner: type) -> object:
        return owner if instance is None else instance


class Method(Either[P, R]):
    """A method that may be called on the class: then on an instance that is made for it.

    So ``Handler.run(...)`` is ``Handler().run(...)``: a watcher whose constructor takes nothing
    needs no instance.
    """

    def _receiver(self, instance: object | None, owner: type) -> object:
        return owner() if instance is None else instance
