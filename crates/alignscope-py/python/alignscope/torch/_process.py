"""Processes that answer calls: started by spawn, each with a pipe, ended with who started them."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from .._errors import ModelError

#: Makes in a process what answers its calls.
Make = Callable[..., Callable[[Any], Any]]

#: How long a process may take to end, in seconds, before it is killed.
_PATIENCE_S = 5.0


class TracebackThereError(Exception):
    """Where in a process an error was raised, as the cause of the error."""


class Worker:
    """A process that answers calls, one after the other.

    Parameters
    ----------
    name : str
        What messages call it, such as `the process of cuda:1`.
    make : callable
        A function of a module, which is called in the process with `given` and returns what answers
        its calls.
    given : tuple
        What pickle takes.
    """

    def __init__(self, name: str, make: Make, given: tuple[Any, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        self._name = name
        self._pipe = here
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        # Else the pipe would never end.
        there.close()
        self._first: Any = (make, given)

    def ask(self, request: Any) -> Any:
        """What the process answers.

        Raises
        ------
        ModelError
            The process has ended.
        Exception
            What was raised in the process; its traceback is the cause.
        """
        if self._first is not None:
            # Not before: the process takes a while to begin, and others begin meanwhile.
            first, self._first = self._first, None
            self._told(_send, self._pipe, first)
        self._told(_send, self._pipe, request)
        is_good, answer = self._told(_receive, self._pipe)
        if is_good:
            return answer
        error, told = answer
        if error is None:
            raise ModelError(f"{self._name} failed: {told}")
        raise error from TracebackThereError(f"in {self._name}:\n{told}")

    def _told(self, do: Callable[..., Any], *given: Any) -> Any:
        try:
            return do(*given)
        except (EOFError, ConnectionError) as error:
            raise ModelError(self._ended()) from error

    def _ended(self) -> str:
        self._process.join(_PATIENCE_S)
        code = self._process.exitcode
        how = f"was killed by signal {-code}" if code and code < 0 else f"ended with code {code}"
        return (
            f"{self._name} {how} before it answered, expected an answer; it may have had too "
            "little memory, or the script that makes the run does not do so below "
            '`if __name__ == "__main__":`, which processes need'
        )

    def end(self) -> None:
        """Ends the process, whatever it does."""
        self._process.terminate()
        self._process.join(_PATIENCE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


class Crew:
    """Several processes, which start with the first call and end by `end`, with an error, or with
    the interpreter.

    Parameters
    ----------
    names : sequence of str
        What messages call each.
    make : callable
        As for `Worker`.
    given : callable
        Gives what `make` is given in each process, when they start.
    """

    def __init__(
        self, names: Sequence[str], make: Make, given: Callable[[], Sequence[tuple[Any, ...]]]
    ) -> None:
        self._names = names
        self._make = make
        self._given = given
        self._workers: list[Worker] = []
        weakref.finalize(self, _end, self._workers)

    def __len__(self) -> int:
        return len(self._names)

    def each(self, requests: Sequence[Any]) -> list[Any]:
        """Asks each process at the same time: the first request goes to the first, and so on; there
        may be fewer requests than processes. The answers are in that order."""
        self._start()
        with ThreadPoolExecutor(len(self)) as pool:
            answers: list[Any] = self._or_end(
                lambda: list(pool.map(Worker.ask, self._workers, requests))
            )
        return answers

    def stream(self, requests: Iterable[Any], ahead: int) -> Iterator[Any]:
        """Asks whichever process is free, and gives the answers in the order of the requests.

        Parameters
        ----------
        requests : iterable
            What is asked.
        ahead : int
            How many requests may be in work or answered before their answer is taken; ≥ 1.
        """
        self._start()
        free: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._workers:
            free.put(worker)

        def ask(request: Any) -> Any:
            worker = free.get()
            try:
                return worker.ask(request)
            finally:
                free.put(worker)

        asked: deque[Future[Any]] = deque()
        is_done = False
        with ThreadPoolExecutor(len(self)) as pool:
            try:
                for request in requests:
                    asked.append(pool.submit(ask, request))
                    if len(asked) >= ahead:
                        yield asked.popleft().result()
                while asked:
                    yield asked.popleft().result()
                is_done = True
            finally:
                # Of what is left nobody takes the answers: pipes would hold them.
                if not is_done:
                    pool.shutdown(wait=False, cancel_futures=True)
                    self.end()

    def _start(self) -> None:
        if not self._workers:
            self._or_end(self._start_all)

    def _start_all(self) -> None:
        for name, given in zip(self._names, self._given()):
            self._workers.append(Worker(name, self._make, given))

    def _or_end(self, do: Callable[[], Any]) -> Any:
        """Ends all processes where something fails, Ctrl-C among it: later answers would be those
        of earlier requests."""
        try:
            return do()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Ends the processes; a later call starts them anew."""
        _end(self._workers)


def _end(workers: list[Worker]) -> None:
    while workers:
        workers.pop().end()


def _serve(pipe: Connection) -> None:
    """Answers calls in a process until the other side is gone."""
    # Ctrl-C is for the process that started this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        answer = _made(pipe)
        while True:
            _send(pipe, answer(pipe))
    except (EOFError, ConnectionError):
        return


def _made(pipe: Connection) -> Callable[[Connection], Any]:
    """What answers a call: whether it went well, and the answer or the error."""
    try:
        make, given = _receive(pipe)
        do = make(*given)
    except (EOFError, ConnectionError):
        raise
    except Exception as error:
        return partial(_refused, _failure(error))

    def answer(pipe: Connection) -> Any:
        asked = _receive(pipe)
        try:
            return True, do(asked)
        except Exception as error:
            return _failure(error)

    return answer


def _refused(failure: Any, pipe: Connection) -> Any:
    """The answer of a process in which nothing could be made that answers."""
    _receive(pipe)
    return failure


def _failure(error: Exception) -> tuple[bool, tuple[Exception | None, str]]:
    """An error with its traceback as text; the text alone where pickle does not take the error."""
    told = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return False, (None, told)
    return False, (error, told)


def _send(pipe: Connection, value: Any) -> None:
    """Sends a value; the numbers of arrays go as they are, without a copy."""
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    raws = [buffer.raw() for buffer in buffers]
    pipe.send((data, [raw.nbytes for raw in raws]))
    for raw in raws:
        pipe.send_bytes(raw)


def _receive(pipe: Connection) -> Any:
    data, sizes = pipe.recv()
    buffers = [bytearray(size) for size in sizes]
    for buffer in buffers:
        pipe.recv_bytes_into(buffer)
    return pickle.loads(data, buffers=buffers)
