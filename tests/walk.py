"""Every constraint of an operation, tried just inside and just outside, whatever protocol the service speaks."""

from model import ABSENT, clauses, declared, limits, places


class Walker:
    """Sends what the model makes of an operation, and finds what is not as the model says."""

    # What makes values of shapes; what a legal value may be refused with beyond the model: (status, message).
    values, beyond, too_long = None, frozenset(), None
    # The codes of what the model refuses, and of what cannot be read at all.
    refused, malformed = "ValidationError", "MalformedInput"

    def __init__(self, send, operation):
        self.send, self.operation = send, operation
        self.shape = operation.input_shape
        self.found = []
        self.sent = 0

    def ask(self, parameters, replaced=None):
        """The answer to a request with these parameters; `replaced`: by their names on the wire."""
        raise NotImplementedError

    def can_be_sent(self, place, value):
        """Whether a request can have that value there at all."""
        return True

    def refused_with(self, place, limit):
        """The code and the words for what does not keep a constraint."""
        return self.refused, limit.tail

    def asked(self, parameters, replaced=None):
        self.sent += 1
        return self.ask(parameters, replaced)

    def accepts(self, what, parameters):
        """A success, or an error of the operation's own."""
        answer = self.asked(parameters)
        if answer.status < 300:
            return
        status, code, message = answer.error()
        own = code in declared(self.operation) | {"AccessDenied"} and status < 500
        # A code that is the operation's own may tell of constraints all the same.
        if (not own or clauses(message)) and (status, message) not in self.beyond:
            self.found.append(f"{what} is refused: {status} {code}: {message[:300]}")

    def refuses(self, what, place, tail, parameters, code, replaced=None):
        """The one constraint is told, of the member, with nothing of other members."""
        answer = self.asked(parameters, replaced)
        if answer.status < 300:
            self.found.append(f"{what} is accepted")
            return
        status, seen, message = answer.error()
        if (status, message) == self.too_long:
            return
        if (status, seen) != (400, code):
            self.found.append(f"{what} gets {status} {seen}: {message[:300]}")
            return
        if code != self.refused:
            return
        told = clauses(message)
        elsewhere = [where for where, _ in told if not is_at(where, place)]
        if elsewhere or tail not in [tail for _, tail in told]:
            self.found.append(f"{what} gets {message[:300]!r} in place of {place.printed!r} must {tail!r}")

    def walk(self):
        if self.shape is None:
            return self
        for size in ("least", "most"):
            self.accepts(f"all at {size}", self.values.of(self.shape, size))
        least = self.values.of(self.shape)
        for place, shape, required, member in places(self.shape):
            for limit in limits(self.values, shape, required, member):
                self.probe(least, place, limit)
            if shape.type_name in ("boolean", "integer", "long"):
                asked = self.values.put(self.shape, least, place.steps, 1)
                for text in ("maybe", "", "1.5", "é", "99999999999999999999"):
                    what = f"{place.path} {text!r}"
                    self.refuses(what, place, None, asked, self.malformed, {place.wire: text})
        return self

    def probe(self, least, place, limit):
        code, tail = self.refused_with(place, limit)
        for value in limit.inside:
            self.accepts(f"{place.path} {limit.kind}", self.values.put(self.shape, least, place.steps, value))
        for value in limit.outside:
            if not self.can_be_sent(place, value):
                continue
            shown = "" if value is ABSENT else f" {str(value)[:40]!r}"
            asked = self.values.put(self.shape, least, place.steps, value)
            self.refuses(f"{place.path} beyond {limit.kind}{shown}", place, tail, asked, code)


def is_at(where, place):
    """Whether the message's place is this one; how AWS counts entries of maps is written nowhere."""
    return where.startswith(place.printed) if place.in_map else where == place.printed
