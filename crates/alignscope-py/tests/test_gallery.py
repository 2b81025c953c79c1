"""Several runs on one board, and what to cite of them."""

import pytest

import alignscope


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("boards")
    dataset = alignscope.demo(folder / "demo")["twoafc"]

    def run(model, name):
        return alignscope.run(model, dataset, folder / name, resamples=200, progress=False)

    return run("ssim", "first"), run("psnr", "second")


def test_a_board_has_all_models_once_with_ranks(runs, tmp_path):
    board = alignscope.gallery(
        {"a": runs[0], "b": runs[1]}, tmp_path / "board", progress=False
    )
    assert sorted(board["model"]) == ["pixels", "psnr", "ssim"]
    assert dict(zip(board["model"], board["run"])) == {"pixels": "a", "ssim": "a", "psnr": "b"}
    assert all(1 <= low <= high <= 3 for low, high in zip(board["rank_low"], board["rank_high"]))
    for file in ["gallery.html", "gallery.csv", "gallery-figure.svg"]:
        assert (tmp_path / "board" / file).is_file()


def test_an_altered_run_is_refused_or_marked(runs, tmp_path):
    scores = runs[1].path / "scores.csv"
    whole = scores.read_text()
    scores.write_text(whole.replace("0.7", "0.8", 1))
    try:
        with pytest.raises(alignscope.ResultsError, match="altered=True"):
            alignscope.gallery(runs, tmp_path / "board", progress=False)
        assert not (tmp_path / "board").exists()
        alignscope.gallery(runs, tmp_path / "board", altered=True, progress=False)
        assert "ALTERED" in (tmp_path / "board/gallery.html").read_text()
    finally:
        scores.write_text(whole)


def test_wrong_requests_are_refused_and_leave_nothing(runs, tmp_path):
    for given, message in [
        ([runs[0], runs[0]], "two runs would be called `first`"),
        ([], "runs is empty"),
        (5, "runs"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            alignscope.gallery(given, tmp_path / "board", progress=False)
        assert not (tmp_path / "board").exists()
    with pytest.raises(ValueError, match="is one of the runs that are read"):
        alignscope.gallery(runs, runs[0].path, progress=False)
    with pytest.raises(alignscope.ResultsError, match="holds no finished run"):
        alignscope.gallery(tmp_path / "nothing", tmp_path / "board", progress=False)


def test_what_to_cite_has_each_paper_once(runs):
    said = alignscope.cite(runs)
    assert said.count("@software{alignscope,") == 1
    assert "% ssim\n@article{wang2004ssim," in said
    assert alignscope.cite(runs[0].path).startswith("% the program\n@software{alignscope,")
