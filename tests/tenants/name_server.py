"""A name server of the tests' own: text records over UDP, said as told, or nothing at all."""

import socket
import threading
from typing import Self

from dns import flags, message, rcode, rdatatype, rrset
from dns.resolver import Resolver

LOOPBACK = "127.0.0.1"


class NameServer:
    """Context manager; ``texts`` holds what is said of each name, and a silent one answers nothing."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.is_silent = False
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._socket.bind((LOOPBACK, 0))
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def resolver(self) -> Resolver:
        """One that asks this server alone."""
        found = Resolver(configure=False)
        found.nameservers, found.port = [LOOPBACK], self._socket.getsockname()[1]
        return found

    def _serve(self) -> None:
        while True:
            wire, asker = self._socket.recvfrom(4096)
            if not wire:
                return
            question = message.from_wire(wire)
            name = question.question[0].name.to_text(omit_final_dot=True)
            self.asked.append(name)
            if not self.is_silent:
                self._socket.sendto(self._answer(question, name).to_wire(), asker)

    def _answer(self, question: message.Message, name: str) -> message.Message:
        answer = message.make_response(question)
        answer.flags |= flags.RA
        texts = self.texts.get(name)
        if texts is None:
            answer.set_rcode(rcode.NXDOMAIN)
        else:
            quoted = [f'"{text}"' for text in texts]
            answer.answer.append(rrset.from_text_list(question.question[0].name, 1, "IN", rdatatype.TXT, quoted))
        return answer
