"""Whether a subject is a person, by what is said of it."""

import re

_PERSON_NOUNS = """
figure member investor commander chieftain nobleman activist thinker abbot actor actress admiral ambassador anatomist anthropologist
archaeologist archbishop architect aristocrat artist astronaut astronomer author aviator banker baron baroness barrister biochemist
biographer biologist bishop blacksmith botanist boy brewer brother builder businessman cabinetmaker campaigner captain cardinal
carpenter cartographer cellist chancellor chemist clergyman clerk cleric clockmaker collector colonel composer conductor cook count
countess craftsman critic czar dancer daughter dentist designer dictator diplomat director doctor duchess duke economist editor emperor
empress engineer engraver entrepreneur essayist explorer farmer father filmmaker founder general geneticist geographer geologist girl
glassmaker goldsmith governor grandson guard guitarist historian husband immigrant inspector instrument-maker inventor ironmonger
journalist judge king knight lawyer leader librarian linguist logician lord maid maker man manufacturer mathematician mayor mechanic
merchant meteorologist midwife minister missionary monk mother mountaineer musician naturalist navigator neurologist neuroscientist
novelist nun nurse officer official optician painter palaeontologist pastor patriot patron pharmacist philosopher photographer physician
physicist physiologist pianist pilot pioneer playwright poet politician pope preacher president priest prince princess printer producer
professor programmer prophet psychologist psychiatrist publisher queen reformer researcher ruler sailor saint salesman scholar
schoolteacher scientist sculptor secretary seismologist sergeant shepherd singer sister soldier son spokesman statesman student sultan
surgeon surveyor teacher technician textile theologian tinkerer trader traveller trumpeter tsar undertaker vet violinist viscount
volcanologist watchmaker widow wife woman writer zoologist lieutenant shah sheikh pharaoh marquis earl senator congressman millionaire
clarinettist candidate driver player
"""

PERSON_NOUNS = frozenset(_PERSON_NOUNS.split())
"""What people are."""

_PEOPLE_DO = """
argued invented wrote patented composed painted married proposed suggested announced discovered believed claimed devised coined noticed
observed calculated described thought designed founded predicted imagined sailed explored taught studied published persuaded realised
reported introduced died refused maintained demonstrated identified published flew climbed directed sang ruled conquered
"""

PEOPLE_DO = frozenset(_PEOPLE_DO.split())
"""Verbs that people are the subject of."""

_NO_PEOPLE = re.compile(
    r"\b(?:"
    r"University|Nations|Holland|England|France|Germany|Spain|Italy|Ocean|River|Sea|Lake|Mount|Mountains?|"
    r"Museum|Institute|Institution|Company|Treaty|Protocol|War|Probe|Society|Academy|College|Church|Bank|Act|"
    r"Empire|Kingdom|Republic|Union|States|City|Island|Islands|Bridge|Tower|Wall|Street|Council|Committee|"
    r"Agency|Observatory|Telescope|Station|Party|Army|Navy|Prize|Event|Line|Corporation|Electric|Motors|"
    r"Laboratory|Laboratories|Press|Parliament|Congress|Office|Court|House|Palace|Cathedral|Abbey|Team|Project|"
    r"Mission|Comet|Nebula|Galaxy|Theory|Age|Revolution|Order|Club|Orchestra|Band|Theatre|Studios?|Brothers|"
    r"Royal|National|International|North|South|East|West|New|Great|Greek|Roman|English|French|German|American|"
    r"British|Chinese|Japanese|Italian|Spanish|European|Soviet|Russian|Egyptian|Indian"
    r")\b"
)

_NAME = r"(?:[A-ZÀ-ÖØ-Þ][\w.'’-]*)"
_FULL = re.compile(rf"{_NAME}(?: (?:{_NAME}|von|van|de|da|del|di|der|la|le|al|ibn|bin|of))* {_NAME}|{_NAME}")


def person_name(subject: str, apposition: str, verb: str, context: str) -> str:
    """The name of the person that a clause's subject is; empty where that is not sure. context: the chunk around it."""
    words = subject.split()
    for place, word in enumerate(words[:-1]):
        if word.strip(",") in PERSON_NOUNS and word.islower():
            name = " ".join(words[place + 1 :])
            return name if _FULL.fullmatch(name) else ""
    if not _FULL.fullmatch(subject) or words[0] in ("The", "A", "An") or any(letter.isdigit() for letter in subject):
        return ""
    if _NO_PEOPLE.search(subject):
        return ""
    if _says_person(apposition):
        return subject
    if len(words) == 1:
        return subject if _full_name_before(subject, context) else ""
    return subject if verb in PEOPLE_DO or _is_called_person(subject, context) else ""


def _says_person(apposition: str) -> bool:
    """Whether an apposition says what a person is: `a Swiss naturalist`."""
    said = re.match(r"(?:a|an|the|then an?|another|son|daughter|widow|wife|husband|brother|sister)\b.*", apposition)
    return said is not None and any(word.strip(",").lower() in PERSON_NOUNS for word in apposition.split()[:9])


def _is_called_person(name: str, context: str) -> bool:
    """Whether the text says elsewhere what this person is: `the physicist John Wheeler`, `Watt, a …`."""
    before = re.search(rf"\b([\w-]+) {re.escape(name)}\b", context)
    after = re.search(rf"{re.escape(name)}, ([^,.]*)", context)
    return (before is not None and before[1] in PERSON_NOUNS) or (after is not None and _says_person(after[1]))


def _full_name_before(surname: str, context: str) -> bool:
    """Whether a person's full name ends in this surname earlier in the text."""
    for found in re.finditer(rf"\b((?:{_NAME} )+){re.escape(surname)}\b", context):
        full = f"{found[1]}{surname}"
        if not _NO_PEOPLE.search(full) and (_is_called_person(full, context) or _acts(full, context)):
            return True
    return False


def _acts(full: str, context: str) -> bool:
    after = re.search(rf"{re.escape(full)} (?:first |also )?([a-z]+)\b", context)
    return after is not None and after[1] in PEOPLE_DO


def is_person_noun(text: str) -> bool:
    """Whether a description names what a person is: `an English mathematician who …`, `a Norman who …`."""
    head, *_ = re.split(r"\b(?:that|which|of|in|from|at|and|with|whose)\b|,", text)
    if " who " in head:
        return True
    words = head.split()
    return bool(words) and words[-1].lower() in PERSON_NOUNS
