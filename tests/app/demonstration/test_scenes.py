"""The script of a demonstration."""

import pytest

from app.demonstration.scenes import SCENES, find_cue, make_script


def test_the_scenes_fill_the_time_without_a_gap():
    script = make_script(15, stack=True)
    assert script[0].start_s == 0
    assert [cue.end_s for cue in script[:-1]] == [cue.start_s for cue in script[1:]]
    assert script[-1].end_s == pytest.approx(900)
    assert sum(scene.share for scene in SCENES) == pytest.approx(1)


def test_whatever_goes_wrong_is_healed_in_the_next_scene():
    script = make_script(15, stack=True)
    faulty = [place for place, cue in enumerate(script) if cue.scene.fault]
    assert len(faulty) == 2
    assert all(script[place + 1].scene.fault is None for place in faulty)


def test_without_a_stack_only_what_a_laptop_can_show_is_on_the_script():
    script = make_script(15, stack=False)
    assert [cue.scene.name for cue in script] == ["calm", "drifting questions", "calm again"]
    assert script[-1].end_s == pytest.approx(900)


def test_a_time_belongs_to_the_scene_that_is_on_and_none_after_the_end():
    script = make_script(10, stack=True)
    assert find_cue(script, 0) == 0
    assert find_cue(script, script[1].start_s) == 1
    assert find_cue(script, 600.1) is None
