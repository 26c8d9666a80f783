"""What was typed and ticked in forms."""

from tests.documents.pdf.drawing import Pen, drawn, texts


def test_the_values_of_a_form_stand_behind_their_labels() -> None:
    def draw(pen: Pen) -> None:
        form = pen.canvas.acroForm
        pen.text(60, 80, "Permit application")
        pen.text(60, 120, "Applicant name:")
        form.textfield(name="f1", value="Ingrid Solberg", x=200, y=pen.height - 124, width=200, height=18)
        pen.text(60, 150, "Country")
        form.choice(
            name="f2", value="Norway", options=["Norway", "Sweden"], x=200, y=pen.height - 154, width=200, height=18
        )
        pen.text(60, 180, "Night work allowed:")
        form.checkbox(name="f3", checked=True, x=200, y=pen.height - 184, size=14)
        form.checkbox(name="f4", checked=False, x=60, y=pen.height - 214, size=14)
        pen.text(80, 210, "Explosives are used")
        pen.text(60, 240, "Nickname:")
        form.textfield(name="f5", value="", x=200, y=pen.height - 244, width=200, height=18)

    assert texts(drawn(draw)) == [
        "Permit application",
        "Applicant name: Ingrid Solberg",
        "Country: Norway",
        "Night work allowed: yes",
        "Explosives are used: no",
        "Nickname:",
    ]


def test_every_button_of_a_choice_says_whether_it_is_chosen() -> None:
    def draw(pen: Pen) -> None:
        pen.text(60, 80, "Berth:")
        for x, size in ((200, "small"), (300, "large")):
            pen.canvas.acroForm.radio(name="f", value=size, selected=size == "large", x=x, y=pen.height - 84, size=14)
            pen.text(x + 18, 80, size)

    assert texts(drawn(draw)) == ["Berth: small: no large: yes"]


def test_two_fields_on_a_line_have_a_label_each() -> None:
    def draw(pen: Pen) -> None:
        for x, label, value in ((60, "From:", "Bergen"), (300, "To:", "Oslo")):
            pen.text(x, 80, label)
            pen.canvas.acroForm.textfield(name=label, value=value, x=x + 50, y=pen.height - 84, width=120, height=18)

    assert " ".join(texts(drawn(draw))).replace(";", "") == "From: Bergen To: Oslo"


def test_a_label_above_its_field_is_found() -> None:
    def draw(pen: Pen) -> None:
        pen.text(60, 80, "Reason for the journey")
        pen.canvas.acroForm.textfield(name="f", value="A wedding", x=60, y=pen.height - 110, width=300, height=24)

    assert texts(drawn(draw)) == ["Reason for the journey: A wedding"]


def test_a_field_without_a_label_goes_by_its_own_name() -> None:
    def draw(pen: Pen) -> None:
        pen.canvas.acroForm.textfield(
            name="f", tooltip="Serial number", value="HX-20417", x=60, y=400, width=300, height=24
        )

    assert texts(drawn(draw)) == ["Serial number: HX-20417"]
