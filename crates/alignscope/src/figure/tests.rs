use std::collections::BTreeMap;

use super::*;
use crate::dataset::{DatasetFormat, Level};
use crate::distance::Distance;
use crate::energy::EnergyOf;
use crate::score::{Measure, OF_MEANS, Ties};
use crate::stage::Stage;

/// A score on the data set of one of the names that can be asked for.
pub(crate) fn row(dataset: &str, model: &str, stage: Stage, distance: Distance) -> ScoreRow {
    let asked: DatasetFormat = dataset.parse().expect("a format or a release");
    let level = asked.format().format().level();
    let measure = match level {
        Level::Low => Measure::Spearman,
        _ => Measure::Accuracy,
    };
    ScoreRow {
        dataset: dataset.to_owned(),
        subset: "all".to_owned(),
        model: model.to_owned(),
        stage,
        depth_percent: stage.depth_percent(2),
        distance,
        measure,
        value: 0.6,
        ci_low: None,
        ci_high: None,
        n: 1234,
        n_clusters: 10,
        n_ties: 0,
        chance: Some(0.5),
        n_left_out: 0,
        zero_channels: 0,
        ties: Ties::Miss,
        simulated: false,
        bca_low: None,
        bca_high: None,
        ceiling: None,
        ci_note: None,
        level,
        release: asked.release(),
        series: None,
        step: None,
    }
}

fn rows(model: &str) -> Vec<ScoreRow> {
    let mut rows = vec![];
    for dataset in ["things", "pairs", "nights"] {
        rows.push(row(dataset, "pixels", Stage::Image, Distance::Euclidean));
        for stage in Stage::of_encoder(2, Stage::Projection) {
            for distance in Distance::ALL {
                rows.push(row(dataset, model, stage, distance));
            }
        }
    }
    rows
}

/// Rows of energy of a model on some data sets: 30 images, 70 pairs.
fn energy_rows(model: &str, datasets: &[&str]) -> Vec<EnergyRow> {
    let mut rows = vec![];
    for dataset in datasets {
        for stage in Stage::of_encoder(2, Stage::Projection) {
            for (energy, n) in [(EnergyOf::Activations, 30), (EnergyOf::Differences, 70)] {
                rows.push(EnergyRow {
                    dataset: (*dataset).to_owned(),
                    model: model.to_owned(),
                    stage,
                    depth_percent: stage.depth_percent(2),
                    energy,
                    top_channel: 0,
                    top_channel_share: 0.75,
                    effective_channels: 12.34,
                    zero_channels: 0,
                    n,
                    level: match *dataset {
                        "pairs" => Level::Low,
                        "things" => Level::High,
                        _ => Level::Middle,
                    },
                    series: None,
                    step: None,
                });
            }
        }
    }
    rows
}

fn drawn(rows: &[ScoreRow]) -> Figure {
    Figure::from_scores(rows, &FigureOptions::default()).expect("drawn")
}

#[test]
fn a_model_named_like_a_formula_is_text_in_the_table() {
    let csv = drawn(&rows("=HYPERLINK(1)")).csv();
    assert!(csv.contains(",'=HYPERLINK(1),") && !csv.contains(",=HYPERLINK"), "{csv}");
}

#[test]
fn equal_rows_give_equal_bytes_and_names_are_escaped() {
    let rows = rows("a<b&\"c\"\u{1}");
    let figure = drawn(&rows);
    let again = drawn(&rows);
    assert_eq!(figure.svg(), again.svg());
    assert!(figure.svg().contains("a&lt;b&amp;&quot;"), "{}", figure.svg());
    assert!(!figure.svg().contains("a<b"));
    assert_eq!(figure.png().expect("pixels"), again.png().expect("pixels"));
    assert!(figure.inline_panels().iter().all(|p| !p.svg.contains("a<b")));
}

#[test]
fn a_simulated_figure_never_says_human() {
    let options = FigureOptions {
        title: Some("Alignment with a simulated observer".to_owned()),
        caption: Some("simulated answers".to_owned()),
        ..FigureOptions::default()
    };
    let svg = Figure::from_scores(&rows("m"), &options).expect("drawn").svg();
    assert!(!svg.contains("human"), "{svg}");
    assert_eq!(svg.matches("simulated").count(), 4, "title and caption, seen and described");
}

#[test]
fn panels_go_from_low_to_high_and_say_what_they_show() {
    let svg = drawn(&rows("m")).svg();
    let svg = svg.split("</desc>").nth(1).expect("a drawing");
    let place = |text: &str| svg.find(text).unwrap_or_else(|| panic!("{text} in {svg}"));
    assert!(place("low: distortions") < place("middle: within a class"));
    assert!(place("middle: within a class") < place("high: between classes"));
    for text in ["depth (%)", "Spearman correlation", "accuracy", "chance", "n = 1,234"] {
        place(text);
    }
}

#[test]
fn scores_that_are_not_defined_leave_a_gap_and_no_scores_are_an_error() {
    let mut rows = rows("m");
    rows.iter_mut().for_each(|row| row.value = f64::NAN);
    drawn(&rows).png().expect("an empty panel");
    let none = Figure::from_scores(&[], &FigureOptions::default());
    assert!(matches!(none, Err(FigureError::NoScores)));
}

#[test]
fn seeds_of_one_control_are_one_curve_with_a_band_and_one_entry() {
    let mut rows = vec![];
    for (seed, value) in [(0, 0.5), (1, 0.7), (2, 0.6)] {
        let model = format!("random:openai/clip-vit-base-patch32@seed={seed}");
        for stage in Stage::of_encoder(2, Stage::Projection) {
            let row = row("nights", &model, stage, Distance::Cosine);
            rows.push(ScoreRow { value, ci_low: Some(0.1), ci_high: Some(0.9), ..row });
        }
    }
    let figure = drawn(&rows);
    let entries = figure.inline_legend();
    let controls = entries.iter().filter(|e| e.text.contains("untrained")).collect::<Vec<_>>();
    assert_eq!(controls.len(), 1);
    assert!(controls[0].text.contains("3 seeds"), "{}", controls[0].text);
    let csv = figure.csv();
    assert_eq!(csv.lines().count(), 1 + 4, "{csv}");
    let embedding = csv.lines().nth(1).expect("a row");
    let value: f64 = embedding.split(',').nth(8).expect("a value").parse().expect("a number");
    assert!((value - 0.6).abs() < 1e-12);
    assert!(embedding.contains(",seeds,0.5,0.7,"), "{embedding}");
}

#[test]
fn under_a_control_alone_the_published_curve_is_said_to_be_of_the_trained_model() {
    let options = FigureOptions { published: true, ..FigureOptions::default() };
    let texts = |models: &[&str]| {
        let of_model = |model: &&str| {
            let of_stage = |stage| row("nights", model, stage, Distance::NormalizedEuclidean);
            Stage::of_encoder(12, Stage::Projection).into_iter().map(of_stage).collect::<Vec<_>>()
        };
        let mut rows: Vec<ScoreRow> = models.iter().flat_map(of_model).collect();
        rows.iter_mut().for_each(|row| row.n = 20_019);
        let figure = Figure::from_scores(&rows, &options).expect("drawn");
        figure.inline_legend().into_iter().map(|e| e.text).collect::<Vec<_>>().join("; ")
    };
    let b32 = "openai/clip-vit-base-patch32";
    let control = "random:openai/clip-vit-base-patch32@seed=1";
    assert!(texts(&[control]).contains("the trained model, as the study published it"));
    // A run's weights may be any that bear the name.
    assert!(texts(&[b32]).contains("the model of the same name, as the study published it"));
    // One curve for both, under the first.
    let one = texts(&[b32, control]);
    assert!(one.contains("the model of the same name, as the study published it"), "{one}");
    let both = texts(&["openai/clip-vit-base-patch16", control]);
    assert!(both.contains("the model of that name (trained), as the study"), "{both}");
}

#[test]
fn published_curves_lie_under_the_data_sets_that_the_study_scored_and_no_others() {
    let options = FigureOptions { published: true, ..FigureOptions::default() };
    let legend = |dataset: &str, n: usize| {
        let b32 = "openai/clip-vit-base-patch32";
        let of_stage =
            |stage| ScoreRow { n, ..row(dataset, b32, stage, Distance::NormalizedEuclidean) };
        let rows: Vec<ScoreRow> =
            Stage::of_encoder(12, Stage::Projection).into_iter().map(of_stage).collect();
        let figure = Figure::from_scores(&rows, &options).expect("drawn");
        figure.inline_legend().into_iter().map(|e| e.text).collect::<Vec<_>>().join("; ")
    };
    for (dataset, n) in [("tid2013", 3_000), ("nights", 20_019)] {
        let text = legend(dataset, n);
        assert!(text.contains("published it; ssim (published)"), "{text}");
        assert!(!legend(dataset, n - 1).contains("published"), "a part of {dataset}");
    }
    let things = legend("things", 20_000);
    assert!(things.contains("published it (on things with n = 15,640)"), "{things}");
    assert!(!legend("things", 15_640).contains("with n ="));
    for dataset in DatasetFormat::ALL {
        if !["tid2013", "nights", "things"].contains(&dataset.name()) {
            for n in [3_000, 20_019, 15_640, 20_000] {
                assert!(!legend(dataset.name(), n).contains("published"), "{dataset}");
            }
        }
    }
}

#[test]
fn many_bands_are_outlines_and_few_are_filled() {
    let filled = |models: usize| {
        let mut rows = vec![];
        for model in 0..models {
            for stage in Stage::of_encoder(2, Stage::Projection) {
                let row = row("nights", &format!("m{model}"), stage, Distance::Cosine);
                rows.push(ScoreRow { ci_low: Some(0.5), ci_high: Some(0.7), ..row });
            }
        }
        drawn(&rows).inline_panels()[0].svg.matches("opacity=\"0.18\"").count()
    };
    assert_eq!([filled(1), filled(4), filled(5)], [1, 4, 0]);
}

#[test]
fn the_numbers_behind_a_figure_are_those_of_the_rows() {
    let mut rows = vec![
        row("things", "pixels", Stage::Image, Distance::Euclidean),
        row("things", "ssim", Stage::Output, Distance::Own),
        row("things", "a,b", Stage::Block(1), Distance::Cosine),
    ];
    rows[0].value = 1.0 / 3.0;
    rows[2].ci_low = Some(0.55);
    rows[2].ci_high = Some(0.65);
    rows[2].ceiling = Some(0.672);
    let mut part = rows[2].clone();
    part.subset = "agreement 0.5-1".to_owned();
    rows.push(part);
    assert_eq!(
        drawn(&rows).csv(),
        "dataset,measure,n,model,kind,distance,stage,depth_percent,value,band,low,high,chance,ceiling,step\n\
         things,accuracy,1234,pixels,pixels,euclidean,image,0,0.3333333333333333,,,,0.5,0.672,\n\
         things,accuracy,1234,\"a,b\",model,cosine,block 1,7.5,0.6,interval,0.55,0.65,0.5,0.672,\n\
         things,accuracy,1234,ssim,baseline,own,output,100,0.6,,,,0.5,0.672,\n"
    );
}

#[test]
fn the_ceiling_is_a_line_that_is_named_and_the_legend_stands_below_the_panels() {
    let mut rows = rows("m");
    rows.iter_mut().for_each(|row| row.ceiling = Some(0.9));
    let svg = drawn(&rows).svg();
    assert_eq!(svg.matches(">people agree</text>").count(), 3 + 1, "each panel, and the legend");
    let heights = svg.match_indices(">people agree</text>").map(|(i, _)| {
        let tag = &svg[svg[..i].rfind("<text").expect("a tag")..i];
        let y = tag.split("y=\"").nth(1).and_then(|t| t.split('"').next()).expect("a place");
        y.parse::<f64>().expect("a number")
    });
    assert!(heights.last().expect("one") > 500.0, "below the panels");
}

#[test]
fn published_curves_lie_under_their_model_alone_and_are_no_models_of_the_run() {
    let b32 = "openai/clip-vit-base-patch32";
    let rows: Vec<ScoreRow> = Stage::of_encoder(12, Stage::Projection)
        .into_iter()
        .map(|s| row("nights", b32, s, Distance::NormalizedEuclidean))
        // As many trials as the study scored.
        .map(|row| ScoreRow { n: 20_019, ..row })
        .collect();
    let options = FigureOptions { published: true, ..FigureOptions::default() };
    let csv = Figure::from_scores(&rows, &options).expect("drawn").csv();
    let published = csv.lines().filter(|l| l.contains(",published,")).collect::<Vec<_>>();
    // 15 points of the curve, from the image on, and three baselines.
    assert_eq!(published.len(), 15 + 3, "{csv}");
    assert!(published.iter().take(15).all(|line| line.contains(b32)));
    let plain = drawn(&rows).csv();
    assert!(!plain.contains("published"));
}

#[test]
fn a_model_has_its_colour_in_every_figure() {
    let chosen = BTreeMap::from([("x/y".to_owned(), Color([1, 2, 3]))]);
    let palette = Palette::new(["x/y"], &chosen);
    let options = FigureOptions { palette, ..FigureOptions::default() };
    let figure = Figure::from_scores(&rows("x/y"), &options).expect("drawn");
    assert!(figure.svg().contains("#010203"));
    assert!(figure.inline_panels().iter().all(|panel| panel.svg.contains("#010203")));
}

#[test]
fn energy_has_two_panels_a_data_set_and_says_its_values() {
    let all = ["things", "pairs", "nights"];
    for (datasets, titles) in [
        (&all[..1], vec!["largest channel, things", "effective channels, things"]),
        (
            &all[..],
            vec![
                "largest channel, pairs",
                "largest channel, nights",
                "largest channel, things",
                "effective channels, pairs",
                "effective channels, nights",
                "effective channels, things",
            ],
        ),
    ] {
        let rows = energy_rows("m", datasets);
        let figure = Figure::from_energy(&rows, &FigureOptions::default()).expect("drawn");
        let found: Vec<String> = figure.inline_panels().into_iter().map(|p| p.title).collect();
        let expected: Vec<String> = titles.iter().map(|t| format!("{t}, 30 images")).collect();
        assert_eq!(found, expected);
        let svg = figure.svg();
        for text in ["one half", "share of the energy", "number of channels", "12.3 at block 1"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("human") && !svg.contains("chance"), "{svg}");
        let legend: Vec<String> = figure.inline_legend().into_iter().map(|e| e.text).collect();
        assert_eq!(legend, ["m", "activations", "differences", "one half"]);
        figure.png().expect("pixels");
    }
}

#[test]
fn the_numbers_behind_energy_have_no_chance_and_their_own_n() {
    let rows = energy_rows("m", &["nights"]);
    let figure = Figure::from_energy(&rows, &FigureOptions::default()).expect("drawn");
    let csv = figure.csv();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * rows.len());
    assert_eq!(
        lines[1],
        "nights,top-channel-share,30,m,model,activations,embedding,2.5,0.75,,,,,,"
    );
    let differences = "nights,effective-channels,70,m,model,differences,projection,100,12.34,,,,,,";
    assert_eq!(lines[lines.len() - 1], differences);
}

#[test]
fn no_energy_is_no_figure() {
    assert_eq!(Figure::from_energy(&[], &FigureOptions::default()), None);
}

#[test]
fn energy_that_is_not_defined_leaves_a_gap() {
    let mut rows = energy_rows("m", &["nights"]);
    for row in &mut rows {
        (row.top_channel_share, row.effective_channels) = (f64::NAN, f64::NAN);
    }
    let figure = Figure::from_energy(&rows, &FigureOptions::default()).expect("drawn");
    assert!(!figure.svg().contains("NaN") && !figure.svg().contains("inf"), "{}", figure.svg());
    figure.png().expect("empty panels");
}

#[test]
fn data_sets_of_a_model_share_a_panel_and_models_an_axis() {
    let bits = |model: &str, by: f64| {
        rows(model).into_iter().map(move |row| {
            let place = ["pairs", "nights", "things"].iter().position(|name| *name == row.dataset);
            let value = by * (1.0 + place.unwrap_or(9) as f64);
            let (measure, chance) = (Measure::Bits, Some(0.0));
            let (ci_low, ci_high) = (Some(value - 0.01), Some(value + 0.01));
            ScoreRow { measure, value, chance, ci_low, ci_high, ..row }
        })
    };
    let other = bits("x/y", 0.02).filter(|row| row.stage != Stage::Image);
    let both = bits("openai/clip-vit-base-patch32", 0.1).chain(other);
    let main =
        |row: &ScoreRow| row.stage == Stage::Image || row.distance == Distance::NormalizedEuclidean;
    let shown: Vec<ScoreRow> = both.filter(main).collect();
    let options = FigureOptions::default();
    let figure = Figure::from_likelihood(&shown, Measure::Bits, &options).expect("two models");
    let panels = figure.curves();
    assert_eq!(panels.len(), 2);
    assert_eq!(panels[0].datasets, ["pairs", "nights", "things"], "from the low to the high level");
    let (low, high) = panels[0].extent();
    assert_eq!(panels[1].extent(), (low, high));
    assert!(low == 0.0 && (high - 0.31).abs() < 1e-12, "{low} to {high}");
    assert_eq!(panels[0].titles()[0], "CLIP B/32");
    let table = figure.rows();
    let of = |dataset: &str| table.iter().filter(|row| row.dataset == dataset).count();
    assert_eq!(["pairs", "nights", "things"].map(of), [table.len() / 3; 3]);
    assert!(table.iter().all(|row| row.measure == "bits" && row.model != "pairs"));
    let svg = figure.svg();
    assert!(["pairs", "nights", "things", "chance"].iter().all(|name| svg.contains(name)));
    assert!(!svg.contains("mean scores"));
    let note = |row: &ScoreRow| (row.dataset == "pairs").then(|| format!("narrow; {OF_MEANS}"));
    let noted: Vec<ScoreRow> =
        shown.iter().map(|row| ScoreRow { ci_note: note(row), ..row.clone() }).collect();
    let simulated = FigureOptions { caption: Some("simulated".to_owned()), ..options.clone() };
    let figure = Figure::from_likelihood(&noted, Measure::Bits, &simulated).expect("two models");
    let caption = format!("simulated; pairs: {OF_MEANS}");
    assert_eq!(
        figure.svg().replace("&#39;", "'").matches(&caption).count(),
        2,
        "seen and described"
    );
    assert_eq!(Figure::from_likelihood(&shown, Measure::Explained, &options), None);
    assert_eq!(Figure::from_likelihood(&rows("x/y"), Measure::Bits, &options), None);
}
