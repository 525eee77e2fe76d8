# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Header field values (RFC 3261 sections 20 and 25.1), one class or function per shape.

Every parser takes the unfolded, stripped text of one value and raises FormatError alone.
`split_list` cuts the comma-separated fields into values first.
"""

from vox6.sip.grammar import TOKEN as _TOKEN
from vox6.sip.grammar import check_host, split_hostport
from vox6.sip.grammar import is_token as is_token
from vox6.sip.grammar import parse_number as parse_number
from vox6.sip.uri import URI
from vox6.wire.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    Params = list[tuple[str, "str | None"]]

MAX_LIST = 100  # values of one field, e.g. Via: 70 hops of Max-Forwards fit
MAX_PARAMS = 64  # of one value
_WORD = _TOKEN + '()<>:\\"/[]?{}'
_VALUE = _TOKEN + "[]:"  # token or host
_LWS = " \t\r\n"


def _quoted_end(text: str, start: int) -> int:
    """Return the index behind the quoted string that begins at start."""
    at = start + 1
    while True:
        quote = text.find('"', at)
        if quote < 0:
            raise FormatError("quoted string without end")
        slash = text.find("\\", at, quote)
        if slash < 0:
            return quote + 1
        at = slash + 2


def _find(text: str, wanted: str, start: int = 0) -> int:
    """Return where the character wanted stands outside quoted strings, or -1."""
    while True:
        at = text.find(wanted, start)
        if at < 0:
            return -1
        quote = text.find('"', start, at)
        if quote < 0:
            return at
        start = _quoted_end(text, quote)


def unquote(text: str) -> str:
    """Return the content of a quoted-string, quoted pairs replaced; other text as it is."""
    if text[:1] != '"':
        return text
    if len(text) < 2 or _quoted_end(text, 0) != len(text):
        raise FormatError("bad quoted string")
    text = text[1:-1]
    if "\\" not in text:
        return text
    out = []
    at = 0
    while True:
        slash = text.find("\\", at)
        if slash < 0:
            out.append(text[at:])
            return "".join(out)
        out.append(text[at:slash])
        out.append(text[slash + 1 : slash + 2])
        at = slash + 2


def quote(text: str) -> str:
    """Return text as a quoted-string; line ends and other controls become spaces."""
    out = ['"']
    for char in text:
        if char == '"' or char == "\\":
            out.append("\\")
        elif char < " " or char == "\x7f":
            char = " "
        out.append(char)
    out.append('"')
    return "".join(out)


def split_list(text: str) -> "list[str]":
    """Return the values of a comma-separated field; commas in quotes and <> do not count."""
    if "," not in text:
        out = [text]
    elif '"' not in text and "<" not in text:
        out = text.split(",")
    else:
        out = []
        start = at = 0
        while True:
            comma = text.find(",", at)
            if comma < 0:
                break
            quote_at = text.find('"', at, comma)
            angle = text.find("<", at, comma)
            if angle >= 0 and (quote_at < 0 or angle < quote_at):
                close = text.find(">", angle)
                if close < 0:
                    raise FormatError("< without >")
                at = close + 1
                continue
            if quote_at >= 0:
                at = _quoted_end(text, quote_at)
                continue
            out.append(text[start:comma])
            start = at = comma + 1
            if len(out) > MAX_LIST:
                raise FormatError("too many values")
        out.append(text[start:])
    if len(out) > MAX_LIST:
        raise FormatError("too many values")
    out = [value.strip(_LWS) for value in out]
    for value in out:
        if not value:
            raise FormatError("empty value in a list")
    return out


def parse_params(text: str) -> "Params":
    """Return the list of (name, value or None) of `*( SEMI generic-param )`; names lower case.

    text: from the first ";" on, or empty. Quoted values keep their quotes.
    """
    params: "Params" = []
    text = text.strip(_LWS)
    if not text:
        return params
    if text[0] != ";":
        raise FormatError("bad parameters")
    if '"' not in text:
        parts = text[1:].split(";")
    else:
        parts = []
        start = 1
        while True:
            at = _find(text, ";", start)
            if at < 0:
                break
            parts.append(text[start:at])
            start = at + 1
        parts.append(text[start:])
    if len(parts) > MAX_PARAMS:
        raise FormatError("too many parameters")
    for part in parts:
        at = part.find("=")
        if at < 0:
            name = part.strip(_LWS)
            value = None
        else:
            name = part[:at].strip(_LWS)
            value = part[at + 1 :].strip(_LWS)
            if value[:1] == '"':
                if _quoted_end(value, 0) != len(value):
                    raise FormatError("bad parameter value")
            elif not value or value.strip(_VALUE):
                raise FormatError("bad parameter value")
        if not name or name.strip(_TOKEN):
            raise FormatError("bad parameter name")
        params.append((name.lower(), value))
    return params


def format_params(params: "Params") -> str:
    """Return parameters as text, each with its semicolon."""
    out = []
    for name, value in params:
        out.append(";" + name if value is None else ";" + name + "=" + value)
    return "".join(out)


class _Parameters:
    """What all values with parameters share."""

    params: "Params"

    def get(self, name: str) -> "str | None":
        """Return a parameter's value ("" when it has none), None if it is absent."""
        for key, value in self.params:
            if key == name:
                return "" if value is None else value
        return None

    def set(self, name: str, value: "str | None") -> None:
        """Set or add one parameter."""
        for i in range(len(self.params)):
            if self.params[i][0] == name:
                self.params[i] = (name, value)
                return
        self.params.append((name, value))


class Via(_Parameters):
    """One Via value (RFC 3261 section 20.42).

    via-parm       =  sent-protocol LWS sent-by *( SEMI via-params )
    sent-protocol  =  "SIP" SLASH "2.0" SLASH transport
    sent-by        =  host [ COLON port ]
    """

    def __init__(
        self, transport: str, host: str, port: "int | None", params: "Params | None" = None
    ) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self.params = [] if params is None else params

    @staticmethod
    def parse(text: str) -> "Via":
        """Return the Via in text; FormatError if it is none."""
        semicolon = text.find(";")
        head = text if semicolon < 0 else text[:semicolon]
        params = parse_params("" if semicolon < 0 else text[semicolon:])
        first = head.find("/")
        second = head.find("/", first + 1)
        if first < 0 or second < 0:
            raise FormatError("bad Via")
        name = head[:first].strip(_LWS)
        version = head[first + 1 : second].strip(_LWS)
        rest = head[second + 1 :].strip(_LWS).replace("\t", " ")
        if name.upper() != "SIP" or version != "2.0":
            raise FormatError("bad protocol in Via")
        space = rest.find(" ")
        if space < 0:
            raise FormatError("no sent-by in Via")
        transport = rest[:space]
        if transport.strip(_TOKEN):
            raise FormatError("bad transport in Via")
        sent_by = rest[space:].strip(_LWS)
        if " " in sent_by:
            sent_by = ":".join([part.strip(_LWS) for part in sent_by.split(":")])
        host, port = split_hostport(sent_by)
        check_host(host)
        via = Via(transport.upper(), host, port, params)
        branch = via.get("branch")
        if branch is not None and not is_token(branch):
            raise FormatError("bad branch in Via")
        return via

    @property
    def branch(self) -> "str | None":
        """Return the branch parameter or None."""
        return self.get("branch")

    def sent_by(self) -> str:
        """Return host and port as they stand."""
        return self.host if self.port is None else "%s:%d" % (self.host, self.port)

    def __str__(self) -> str:
        return "SIP/2.0/%s %s%s" % (self.transport, self.sent_by(), format_params(self.params))


class NameAddr(_Parameters):
    """A name-addr or addr-spec with parameters: From, To, Contact, Route, Reply-To (section 20).

    display_name: for people, quotes removed. uri_text: as written. tag: the tag parameter.
    """

    def __init__(
        self, uri: "URI | str", display_name: str = "", params: "Params | None" = None
    ) -> None:
        self._uri = None if isinstance(uri, str) else uri
        self.uri_text = uri if isinstance(uri, str) else str(uri)
        self.display_name = display_name
        self.params = [] if params is None else params

    @staticmethod
    def parse(text: str) -> "NameAddr":
        """Return the value in text; FormatError if it is none. The URI is parsed at first use."""
        display_name = ""
        if text[:1] == '"':
            end = _quoted_end(text, 0)
            display_name = unquote(text[:end])
            left = end
            while text[left : left + 1] in (" ", "\t", "\r", "\n"):
                left += 1
            if text[left : left + 1] != "<":
                raise FormatError("no URI behind a display name")
        else:
            left = text.find("<")
            if left > 0:
                display_name = text[:left].strip(_LWS)
                if display_name.strip(_TOKEN + _LWS):
                    raise FormatError("bad display name")
        if left >= 0:
            right = text.find(">", left)
            if right < 0:
                raise FormatError("< without >")
            uri_text = text[left + 1 : right].strip(_LWS)
            params = parse_params(text[right + 1 :])
        else:
            semicolon = text.find(";")
            uri_text = text if semicolon < 0 else text[:semicolon].strip(_LWS)
            if "," in uri_text or "?" in uri_text:
                raise FormatError("URI needs < and >")
            params = parse_params("" if semicolon < 0 else text[semicolon:])
        if uri_text.find(":") < 1 or len(uri_text.split(None, 1)) != 1:
            raise FormatError("no URI")
        if uri_text.strip(_LWS) != uri_text:
            raise FormatError("no URI")
        if "<" in uri_text or ">" in uri_text or '"' in uri_text:
            raise FormatError("no URI")
        value = NameAddr(uri_text, display_name, params)
        tag = value.get("tag")
        if tag is not None and not is_token(tag):
            raise FormatError("bad tag")
        return value

    @property
    def uri(self) -> "URI":
        """Return the URI; FormatError if its text is no URI."""
        uri = self._uri
        if uri is None:
            uri = self._uri = URI.parse(self.uri_text)
        return uri

    @property
    def tag(self) -> "str | None":
        """Return the tag or None."""
        return self.get("tag")

    def __str__(self) -> str:
        name = self.display_name
        if not name:
            start = ""
        elif not name.strip(_TOKEN):
            start = name + " "
        else:
            start = quote(name) + " "
        return start + "<" + self.uri_text + ">" + format_params(self.params)


class CSeq:
    """CSeq  =  1*DIGIT LWS Method, the number below 2^31 (sections 20.16 and 8.1.1.5)."""

    def __init__(self, number: int, method: str) -> None:
        self.number = number
        self.method = method

    @staticmethod
    def parse(text: str) -> "CSeq":
        """Return the value in text; FormatError if it is none."""
        parts = text.split()
        if len(parts) != 2 or not is_token(parts[1]):
            raise FormatError("bad CSeq")
        return CSeq(parse_number(parts[0], 0x7FFFFFFF), parts[1])

    def __str__(self) -> str:
        return "%d %s" % (self.number, self.method)


class Challenge(_Parameters):
    """WWW-Authenticate, Proxy-Authenticate, Authorization, Proxy-Authorization (section 20.44).

    challenge  =  ("Digest" LWS digest-cln *(COMMA digest-cln)) / other-challenge

    scheme: as written, params: names lower case, values as written (`text` unquotes).
    """

    def __init__(self, scheme: str, params: "Params") -> None:
        self.scheme = scheme
        self.params = params

    @staticmethod
    def parse(text: str) -> "Challenge":
        """Return the challenge or the credentials in text; FormatError if there are none."""
        text = text.strip(_LWS)
        space = text.find(" ")
        if space < 1 or not is_token(text[:space]):
            raise FormatError("bad challenge")
        params: "Params" = []
        start = space + 1
        while True:
            comma = _find(text, ",", start)
            part = text[start:] if comma < 0 else text[start:comma]
            equal = part.find("=")
            name = part[:equal].strip(_LWS) if equal > 0 else ""
            if not is_token(name):
                raise FormatError("bad challenge")
            value = part[equal + 1 :].strip(_LWS)
            if value[:1] == '"':
                if _quoted_end(value, 0) != len(value):
                    raise FormatError("bad challenge")
            elif not value or value.strip(_TOKEN + "/:=[]"):
                raise FormatError("bad challenge")
            params.append((name.lower(), value))
            if comma < 0:
                break
            start = comma + 1
            if len(params) > MAX_PARAMS:
                raise FormatError("too many parameters")
        return Challenge(text[:space], params)

    def text(self, name: str) -> str:
        """Return a parameter without quotes, "" if it is absent."""
        value = self.get(name)
        return "" if value is None else unquote(value)

    def __str__(self) -> str:
        out = []
        for name, value in self.params:
            out.append(name if value is None else name + "=" + value)
        return self.scheme + " " + ", ".join(out)


class Warning:
    """warning-value  =  warn-code SP warn-agent SP warn-text (section 20.43)."""

    def __init__(self, code: int, agent: str, text: str) -> None:
        self.code = code
        self.agent = agent
        self.text = text

    @staticmethod
    def parse(text: str) -> "Warning":
        """Return the value in text; FormatError if it is none."""
        first = text.find(" ")
        second = text.find(" ", first + 1)
        if first != 3 or second < 0:
            raise FormatError("bad Warning")
        code = parse_number(text[:3], 999)
        agent = text[first + 1 : second]
        rest = text[second + 1 :].strip(_LWS)
        if not agent or agent.strip(_VALUE) or rest[:1] != '"':
            raise FormatError("bad Warning")
        return Warning(code, agent, unquote(rest))

    def __str__(self) -> str:
        return "%03d %s %s" % (self.code, self.agent, quote(self.text))


class Reason(_Parameters):
    """reason-value  =  protocol *(SEMI reason-params) (RFC 3326 section 2)."""

    def __init__(self, protocol: str, params: "Params") -> None:
        self.protocol = protocol
        self.params = params

    @staticmethod
    def make(cause: int, text: str, protocol: str = "SIP") -> "Reason":
        """Return a reason with cause and text."""
        return Reason(protocol, [("cause", "%d" % cause), ("text", quote(text))])

    @staticmethod
    def parse(text: str) -> "Reason":
        """Return the value in text; FormatError if it is none."""
        at = text.find(";")
        protocol = text if at < 0 else text[:at].strip(_LWS)
        if not is_token(protocol):
            raise FormatError("bad Reason")
        reason = Reason(protocol, parse_params("" if at < 0 else text[at:]))
        cause = reason.get("cause")
        if cause is not None:
            parse_number(cause, 9999)
        return reason

    @property
    def cause(self) -> "int | None":
        """Return the cause parameter or None."""
        value = self.get("cause")
        return None if value is None else parse_number(value, 9999)

    @property
    def text(self) -> str:
        """Return the text parameter without quotes, "" if it is absent."""
        value = self.get("text")
        return "" if value is None else unquote(value)

    def __str__(self) -> str:
        return self.protocol + format_params(self.params)


class MediaType(_Parameters):
    """media-type  =  m-type SLASH m-subtype *(SEMI m-parameter) (section 20.15), lower case."""

    def __init__(self, name: str, params: "Params") -> None:
        self.name = name
        self.params = params

    @staticmethod
    def parse(text: str) -> "MediaType":
        """Return the value in text; FormatError if it is none."""
        at = text.find(";")
        head = text if at < 0 else text[:at]
        parts = [part.strip(_LWS) for part in head.split("/")]
        if len(parts) != 2 or not is_token(parts[0]) or not is_token(parts[1]):
            raise FormatError("bad media type")
        name = parts[0].lower() + "/" + parts[1].lower()
        return MediaType(name, parse_params("" if at < 0 else text[at:]))

    def __str__(self) -> str:
        return self.name + format_params(self.params)


def parse_token_params(text: str) -> "tuple[str, Params]":
    """Return (token lower case, params): Content-Disposition, Event, Subscription-State ..."""
    at = text.find(";")
    token = text if at < 0 else text[:at].strip(_LWS)
    if not is_token(token):
        raise FormatError("bad token")
    return token.lower(), parse_params("" if at < 0 else text[at:])


def parse_call_id(text: str) -> str:
    """Return a Call-ID, word [ "@" word ]; FormatError if it is none."""
    at = text.find("@")
    if at < 0:
        good = bool(text) and not text.strip(_WORD)
    else:
        tail = text[at + 1 :]
        good = at > 0 and bool(tail) and not text[:at].strip(_WORD) and not tail.strip(_WORD)
    if not good:
        raise FormatError("bad Call-ID")
    return text


def parse_retry_after(text: str) -> int:
    """Return the seconds of Retry-After  =  delta-seconds [ comment ] *( SEMI retry-param )."""
    for stop in (";", "("):
        at = text.find(stop)
        if at >= 0:
            text = text[:at]
    return parse_number(text)
