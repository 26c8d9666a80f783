"""English verbs that templates can turn into questions, by their forms. A verb that is not here is no verb to them: what is left unasked
costs nothing, a wrong form a bad question."""

from functools import cache

_IRREGULAR = """
become became become|begin began begun|bend bent bent|bind bound bound|bite bit bitten|bleed bled bled|blow blew blown
break broke broken|breed bred bred|bring brought brought|build built built|burn burned burned|buy bought bought|catch caught caught
choose chose chosen|come came come|dig dug dug|draw drew drawn|drink drank drunk|drive drove driven|eat ate eaten|fall fell fallen
feed fed fed|feel felt felt|fight fought fought|find found found|fly flew flown|freeze froze frozen|get got got|give gave given
go went gone|grow grew grown|hang hung hung|hide hid hidden|hold held held|keep kept kept|lay laid laid|lead led led|leap leapt leapt
leave left left|lend lent lent|light lit lit|lose lost lost|make made made|meet met met|pay paid paid|ride rode ridden|ring rang rung
rise rose risen|run ran run|say said said|see saw seen|sell sold sold|send sent sent|shake shook shaken|shine shone shone
shoot shot shot|show showed shown|sing sang sung|sink sank sunk|sleep slept slept|speak spoke spoken|spend spent spent|spin spun spun
stand stood stood|steal stole stolen|strike struck struck|sweep swept swept|sit sat sat|swim swam swum|swell swelled swollen
take took taken|teach taught taught|tear tore torn|tell told told|think thought thought|throw threw thrown
understand understood understood|wear wore worn|win won won|write wrote written
"""
"""Base, past and participle; those whose past is their base (cut, put, set) are left out, as nothing tells the two apart."""

_REGULAR = """
abandon abolish absorb accept achieve acquire adapt add admit adopt advise allow analyse analyze announce answer appear apply appoint
approve argue arrange arrest arrive ask assemble assert assume attach attack attract bake ban banish bathe beg belong block boil bombard
borrow build bury calculate call capture carry carve cause celebrate chair change charge claim classify clean clear climb close coin
collapse collect combine commission compare compile complete compose conclude condemn confirm connect conquer consist construct contain
continue contribute control convert convince cook cool copy correct cost count cover crash create cross crown cultivate cure damage
dance date decide declare decline decrease dedicate defeat defend defy deliver demand demonstrate depend derive describe design destroy
detect determine develop devise die discover display dissolve distribute divide donate double drop earn edit elect emerge employ enable
encourage end enforce enter establish estimate evolve examine exceed exchange exhibit exist expand expel experience explain explode
exploit explore export express extend fail file finance finish fire float flood flow follow force forbid form formulate found fuse
gather govern grant graze guide handle happen harvest hatch heat help host hunt identify illustrate imagine impose improve include
increase influence inhabit inherit inspire install introduce invade invent investigate invite isolate issue join jump kill land last
launch learn let license lie limit link list live locate look love maintain manufacture mark marry mature mean measure melt mention
migrate mine mix move murder name need note notice nominate observe obtain occupy occur open operate oppose orbit order organise
organize originate own pack paint pass patent perform persuade photograph pioneer plan plant play point pollinate popularise popularize
possess praise preach predict prefer prepare present preserve press prevent print process produce prohibit promise promote propose
protect protest prove provide publish pull pump punish purchase push question raise rank reach react rebuild receive recognise recognize
recommend record recover reduce refine reflect refuse regard reject release rely remain remember remove repair replace report represent
require rescue resemble resign restore result retain retire return reveal rotate rule sail save score search seize separate serve settle
shape share shelter ship shrink sign solve sponsor spot spread squeeze stabilise start stay store stretch study succeed suffer suggest
summarise supply support suppose surprise surrender surround survive suspect swallow taste test thank thrive topple touch tour trade
train transfer transform translate transmit transport travel treat turn unify unite unveil urge use value vanish visit vote walk want
warm warn wash waste watch weigh welcome whip wipe witness work worry worship wrap yield put set cut hit shut cast rain race rest fold
trap tug amount aim
"""

_DOUBLED = frozenset(
    {
        "ban",
        "chop",
        "clap",
        "drag",
        "drop",
        "grab",
        "nod",
        "pat",
        "plan",
        "plot",
        "rob",
        "rub",
        "ship",
        "stop",
        "strap",
        "whip",
        "wrap",
        "beg",
    }
)
"""Verbs whose last letter is doubled before -ed."""

_NO_PAST = frozenset(
    {
        "cost",
        "spread",
        "rebuild",
        "forbid",
        "build",
        "shrink",
        "lie",
        "let",
        "mean",
        "put",
        "set",
        "cut",
        "hit",
        "shut",
        "cast",
        "trap",
        "tug",
    }
)
"""Among the regular ones for their present alone, as their past is not made by -ed."""

SAME = frozenset({"put", "set", "cut", "hit", "shut", "cast", "let", "spread", "cost"})
"""Verbs whose past is as their base: with a single subject it is the past."""

AUXILIARIES = (
    "is",
    "are",
    "was",
    "were",
    "can",
    "could",
    "will",
    "would",
    "has",
    "have",
    "had",
    "may",
    "might",
    "must",
    "should",
)
"""Verbs that come before the subject in a question."""


@cache
def past_forms() -> dict[str, str]:
    """The base by the past: `wrote` → `write`."""
    found = {past: base for base, past, _ in _irregular()}
    return {_past(base): base for base in _REGULAR.split() if base not in _NO_PAST} | found


@cache
def participles() -> frozenset[str]:
    """What stands after `was`: `written`, `built`; and `born`."""
    regular = {_past(base) for base in _REGULAR.split() if base not in _NO_PAST}
    return frozenset(
        regular | {participle for _, _, participle in _irregular()} | {"born", "cut", "put", "set", "beaten"}
    )


@cache
def present_forms() -> dict[str, str]:
    """The base by the third person: `writes` → `write`."""
    return {_third(base): base for base in bases()}


@cache
def bases() -> frozenset[str]:
    """Every verb."""
    return frozenset((*_REGULAR.split(), *(base for base, _, _ in _irregular())))


def is_finite(word: str) -> bool:
    """Whether a word can be a clause's verb."""
    low = word.lower()
    return low in AUXILIARIES or low in SAME or low in past_forms() or low in present_forms()


def _irregular() -> list[tuple[str, str, str]]:
    rows = (row for line in _IRREGULAR.strip().splitlines() for row in line.split("|"))
    return [(parts[0], parts[1], parts[2]) for parts in (row.split() for row in rows)]


def _past(base: str) -> str:
    if base.endswith("e"):
        return f"{base}d"
    if base.endswith("y") and base[-2] not in "aeiou":
        return f"{base[:-1]}ied"
    return f"{base}{base[-1]}ed" if base in _DOUBLED else f"{base}ed"


def _third(base: str) -> str:
    if base.endswith("y") and base[-2] not in "aeiou":
        return f"{base[:-1]}ies"
    return f"{base}es" if base.endswith(("s", "sh", "ch", "x", "z", "o")) else f"{base}s"
