"""The whole life of a deployment, with the real commands on the stand-ins."""

from serving.rehearsal.deploying import live, remains
from serving.rehearsal.session import stand_ins


def test_deployment_is_made_changed_broken_brought_back_and_removed() -> None:
    said: list[str] = []
    with stand_ins(auth=False, tell=said.append) as there:
        live(there, said.append)
        assert not any(remains(there).values())
    text = "\n".join(said)
    for step in (
        "1. Create",
        "2. Nothing changed",
        "3. One Lambda",
        "4. An endpoint",
        "5. A release",
        "6. Roll",
        "7. Serverless",
        "8. The dashboard",
        "9. A second stack",
        "10. Remove",
    ):
        assert step in text
