use std::fs;
use std::path::Path;

use super::*;
use crate::dataset::Level;
use crate::energy::{EnergyOf, EnergyRow};
use crate::figure::FigureOptions;
use crate::results::{write_ceilings, write_comparisons, write_findings, write_scores};
use crate::score::Measure;
use crate::stage::Stage;

/// A name that would be a script if it were not escaped.
const HOSTILE: &str =
    "</script><script>alert('x')</script>\"><img src=http://e.vil/a.png onerror=x>";

fn row(model: &str, stage: Stage, value: f64) -> ScoreRow {
    ScoreRow {
        dataset: "nights".to_owned(),
        subset: "all".to_owned(),
        model: model.to_owned(),
        stage,
        depth_percent: stage.depth_percent(2),
        distance: match stage {
            Stage::Output => Distance::Own,
            Stage::Image => Distance::Euclidean,
            _ => Distance::NormalizedEuclidean,
        },
        measure: Measure::Accuracy,
        value,
        ci_low: Some(value - 0.01),
        ci_high: Some(value + 0.01),
        n: 20_019,
        n_clusters: 20_019,
        n_ties: 3,
        chance: Some(0.5),
        n_left_out: 7,
        zero_channels: 0,
        ties: crate::score::Ties::Miss,
        simulated: false,
        bca_low: None,
        bca_high: None,
        ceiling: Some(0.9),
        ci_note: None,
        level: Level::Middle,
        release: None,
        series: None,
        step: None,
    }
}

/// The folder of a run of a model on NIGHTS, whose names are as given.
fn run_folder(folder: &Path, model: &str, simulated: bool) -> Vec<NamedFigure> {
    let mut rows = vec![row("pixels", Stage::Image, 0.56)];
    rows.extend(
        Stage::of_encoder(2, Stage::Projection).into_iter().map(|stage| row(model, stage, 0.7)),
    );
    for row in &mut rows {
        row.simulated = simulated;
    }
    write_scores(&folder.join("scores.csv"), &rows).expect("written");
    write_ceilings(&folder.join("ceilings.csv"), &[]).expect("written");
    write_findings(&folder.join("findings.csv"), &[]).expect("written");
    write_comparisons(&folder.join("comparisons.csv"), &[]).expect("written");
    let model_of = |name: &str, seed: Option<u64>, defaults: &[&str]| {
        serde_json::json!({
            "name": name, "spec": name, "seed": seed, "of_user": false, "made_with": {}, "defaults_used": defaults,
        })
    };
    let manifest = serde_json::json!({
        "alignscope_version": "0", "simulated": simulated, "command": ["alignscope", model],
        "title": model, "colours": {}, "tokens": "all", "precision": "f32", "device": "cpu", "ties": "miss",
        "models": [model_of("pixels", None, &[]), model_of(model, Some(3), &[model])],
        "datasets": [{
            "name": "nights", "format": "nights", "data": model, "images_root": model, "images_sha256": "0", "trials": 20019, "pairs": 40038,
            "images": 60057, "clusters": 20019, "skipped_trials": 5, "missing_images": 2,
            "notes": [model],
        }],
        "times": {"wall_s": 1.5},
    });
    fs::write(folder.join("manifest.json"), manifest.to_string()).expect("written");
    let options = FigureOptions { title: Some(model.to_owned()), ..FigureOptions::default() };
    let figure = Figure::from_scores(&rows, &options).expect("drawn");
    vec![NamedFigure { name: "alignment".to_owned(), figure }]
}

fn page(folder: &Path, figures: &[NamedFigure]) -> String {
    write_report(folder, figures, &BTreeMap::new(), &crate::Silent).expect("written");
    fs::read_to_string(folder.join("report.html")).expect("read")
}

/// The words of a page, without tags.
fn words(page: &str) -> String {
    let body = page.split("<body>").nth(1).expect("a body");
    let body = body.split("<script").next().expect("what stands before the scripts");
    let mut text = String::new();
    let mut inside = false;
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text
}

#[test]
fn names_from_files_are_escaped_wherever_they_stand() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let figures = run_folder(folder.path(), HOSTILE, false);
    let comparisons = format!(
        "dataset,subset,measure,model_a,stage_a,distance_a,model_b,stage_b,distance_b,value_a,value_b,difference,ci_low,ci_high,p,p_holm,n,n_clusters,kappa,kappa_low,kappa_high,series_a,step_a,series_b,step_b\n\
         nights,all,accuracy,{0},projection,normalized-euclidean,pixels,image,euclidean,0.7,0.56,0.14,0.1,0.2,0.0005,0.001,20019,20019,,,,,,,\n",
        "\"</script><script>alert('x')</script><img src=http://e.vil>\""
    );
    fs::write(folder.path().join("comparisons.csv"), comparisons).expect("written");
    let page = page(folder.path(), &figures);
    assert!(!page.contains("<script>alert"), "a script of a file");
    assert!(!page.contains("<img src=http"), "an image of a file");
    assert!(page.contains("&lt;script&gt;alert"), "the name is shown as text");
    // The page's own data and script, and none else.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script>").count(), 2);
}

#[test]
fn the_page_fetches_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let figures = run_folder(folder.path(), "openai/clip-vit-base-patch32", false);
    let page = page(folder.path(), &figures);
    let values = |attribute: &str| {
        let marker = format!(" {attribute}=\"");
        page.split(&marker)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap_or("").to_owned())
            .collect::<Vec<_>>()
    };
    assert!(values("src").iter().all(|src| src.starts_with("data:")));
    assert!(!values("href").is_empty() && values("href").iter().all(|href| href.starts_with('#')));
    // Names, not addresses: that of SVG's elements, and a part of the figure itself.
    let page = page.replace("http://www.w3.org/2000/svg", "").replace("url(#", "");
    for word in ["http:", "https:", "url(", "@import", "<link", "fetch(", "XMLHttp", "//e"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
}

#[test]
fn the_summary_says_what_intervals_support_and_no_more() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let b32 = "openai/clip-vit-base-patch32";
    let figures = run_folder(folder.path(), b32, false);
    let without = page(folder.path(), &figures);
    assert!(without.contains("There are none."), "says that nothing is compared");
    assert!(!without.contains("is ahead of <") && !without.contains("is ahead of CLIP"));

    let header = "dataset,subset,measure,model_a,stage_a,distance_a,model_b,stage_b,distance_b,value_a,value_b,difference,ci_low,ci_high,p,p_holm,n,n_clusters,kappa,kappa_low,kappa_high,series_a,step_a,series_b,step_b\n";
    let line = |a: &str, b: &str, numbers: &str| {
        format!(
            "nights,all,accuracy,{a},projection,normalized-euclidean,{b},projection,normalized-euclidean,0.8,0.8,{numbers},20019,20019,,,,,,,\n"
        )
    };
    let (l14, b16) = ("openai/clip-vit-large-patch14-336", "openai/clip-vit-base-patch16");
    let siglip = "google/siglip-base-patch16-224";
    let control = "random:openai/clip-vit-base-patch32@seed=1";
    let pixels = |model: &str, numbers: &str| {
        format!(
            "nights,all,accuracy,{model},projection,normalized-euclidean,pixels,image,euclidean,0.8,0.5,{numbers},20019,20019,,,,,,,\n"
        )
    };
    let rows = [
        line(l14, b32, "-0.022,-0.029,-0.015,0.0005,0.003"),
        line(b32, b16, "0.004,-0.003,0.011,0.3,0.9"),
        line(b32, siglip, "0.01,0.001,0.019,0.03,0.09"),
        line(b32, control, "0.2,0.19,0.21,0.0005,0.003"),
        line(control, l14, "-0.001,-0.01,0.01,0.9,0.9"),
        pixels(b32, "0.3,0.29,0.31,0.0005,0.003"),
        pixels(l14, "-0.1,-0.12,-0.08,0.0005,0.003"),
        pixels(control, "0.1,0.09,0.11,0.0005,0.003"),
    ];
    fs::write(folder.path().join("comparisons.csv"), header.to_owned() + &rows.concat())
        .expect("written");
    let said = words(&page(folder.path(), &figures));
    let sentence =
        "CLIP B/32 is ahead of CLIP L/14-336 at the projection by 2.2 points [1.5, 2.9].";
    assert!(said.contains(sentence), "{said}");
    assert!(!said.contains("ahead of SigLIP") && !said.contains("ahead of CLIP B/16"), "{said}");
    assert!(said.contains("Of 3 comparisons of models, 1 leaves open which is ahead"), "{said}");
    assert!(
        said.contains("1 more has an interval without 0 but does not stand after Holm"),
        "{said}"
    );
    // Controls, then the pixels, then what is left, each in a sentence.
    let rest = "CLIP B/32 is ahead of untrained CLIP B/32, seed 1 by 20.0 points [19.0, 21.0]; CLIP L/14-336 is not clearly ahead of or behind it.\
        CLIP B/32 is ahead of the pixels by 30.0 points [29.0, 31.0]; CLIP L/14-336 is behind them by 10.0 points [8.0, 12.0].\
        Among controls, baselines and pixels 1 of 1 differences are clear; the table of comparisons has them.";
    assert!(said.contains(rest), "{said}");
}

#[test]
fn the_summary_says_where_a_curve_peaks_rises_and_drops_and_whether_it_falls_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let b32 = "openai/clip-vit-base-patch32";
    let figures = run_folder(folder.path(), b32, false);
    let line = |rest: &str| format!("nights,{b32},normalized-euclidean,accuracy,,{rest},,,,,\n");
    let rows = [
        "dataset,model,distance,measure,energy,finding,stage,depth_percent,value,ci_low,ci_high,note,series,step,step_low,step_high,chosen_on\n"
            .to_owned(),
        line("peak,block 1,2.52,0.7,0.69,0.71,in 95 % of resamples between block 1 and block 2"),
        line(
            "chosen-stage,block 1,2.52,0.68,0.67,0.69,\"best on 80.0 % of halves, block 2 on 20.0 %\"",
        ),
        line(
            "onset,block 1,2.52,0.1,0.05,0.15,\"above image by the value, later stages too, but not block 2\"",
        ),
        line(
            "mid-depth-drop,block 1,2.52,0.05,0.01,0.09,to block 2; it then rises clearly by 10.0 points to projection",
        ),
        line("projection,projection,100,0.66,0.65,0.67,"),
        line("fall-to-last,block 1,2.52,0.04,0.02,0.06,to projection"),
    ];
    fs::write(folder.path().join("findings.csv"), rows.concat()).expect("written");
    let said = words(&page(folder.path(), &figures));
    let sentences = "CLIP B/32 peaks at block 1 (0.700 [0.690, 0.710]) and falls by 4.0 points [2.0, 6.0] to the projection. \
        In 95 % of resamples the peak lies between block 1 and block 2. \
        Its best stage, chosen on half of the clusters, scores 0.680 [0.670, 0.690] on the other half. \
        It is first clearly above the pixels at block 1; later stages too, but not block 2. \
        From block 1 it falls by 5.0 points [1.0, 9.0] to block 2; it then rises clearly by 10.0 points to projection.";
    assert!(said.contains(sentences), "{said}");
    assert!(said.contains("nights: accuracy"), "{said}");
    assert!(said.contains("0.680 [0.670, 0.690]"), "the score of a chosen stage: {said}");
    assert!(said.contains("so a peak is a little too high"), "{said}");
}

#[test]
fn what_a_table_leaves_out_is_said_and_levels_that_were_not_run_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let b32 = "openai/clip-vit-base-patch32";
    let figures = run_folder(folder.path(), b32, false);
    let mut rows =
        "dataset,model,distance,measure,energy,finding,stage,depth_percent,value,ci_low,ci_high,note,series,step,step_low,step_high,chosen_on\n"
            .to_owned();
    rows += &format!(
        "nights,{b32},normalized-euclidean,accuracy,,normalized-projection,projection,100,0.75,0.7,0.8,,,,,,\n"
    );
    rows += "nights,ssim,own,accuracy,,normalized-projection,output,0,0.25,0.2,0.3,,,,,,\n";
    for _ in 0..1600 {
        rows += &format!("nights,{b32},cosine,accuracy,,peak,block 1,2.5,0.7,,,,,,,,\n");
    }
    fs::write(folder.path().join("findings.csv"), rows).expect("written");
    let said = words(&page(folder.path(), &figures));
    assert!(said.contains("102 more rows are left out here; they stand in findings.csv."), "cut");
    assert!(said.contains("CLIP B/320.750 [0.700, 0.800]ssim0.250 [0.200, 0.300]"), "the table");
    let missing = "Missing here: no data set of the low level was run; no data set of the high level was run.";
    assert!(said.contains(missing), "the levels");
}

#[test]
fn a_simulated_observer_is_said_and_people_are_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let figures = run_folder(folder.path(), "m", true);
    let said = words(&page(folder.path(), &figures));
    assert!(said.contains("A simulated observer answered these trials, no person did"));
    assert!(said.contains("Alignment with a simulated observer"));
    assert!(!said.contains("people agree") && !said.contains("human judgements"), "{said}");
}

#[test]
fn headings_tables_and_figures_can_be_told_without_seeing_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let figures = run_folder(folder.path(), "m", false);
    let page = page(folder.path(), &figures);
    assert_eq!(page.matches("<h1").count(), 1);
    assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
    assert!(
        page.matches("aria-sort=\"none\"><button").count()
            + page.matches("aria-sort=\"none\" class=\"n\"><button").count()
            > 10
    );
    assert!(page.contains("role=\"img\" aria-label=\"middle: within a class, nights, n = 20,019."));
    assert!(page.contains("<html lang=\"en\">"));
    for id in
        ["figure", "summary", "disagreements", "figures", "scores", "trials", "data", "manifest"]
    {
        assert!(page.contains(&format!("<section id=\"{id}\"")), "{id}");
        assert!(page.contains(&format!("href=\"#{id}\"")), "{id}");
    }
}

#[test]
fn energy_is_told_in_words_beside_its_figure_and_is_no_score() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let b32 = "openai/clip-vit-base-patch32";
    let mut figures = run_folder(folder.path(), b32, true);
    let mut rows = crate::results::read_scores(&folder.path().join("scores.csv")).expect("read");
    // The normalized distance was not run.
    let of_stages = |row: &&mut ScoreRow| row.stage != Stage::Image;
    rows.iter_mut().filter(of_stages).for_each(|row| row.distance = Distance::Cosine);
    write_scores(&folder.path().join("scores.csv"), &rows).expect("written");
    let energy = |stage: Stage| EnergyRow {
        dataset: "nights".to_owned(),
        model: b32.to_owned(),
        stage,
        depth_percent: stage.depth_percent(2),
        energy: EnergyOf::Activations,
        top_channel: 7,
        top_channel_share: 0.875,
        effective_channels: 2.0,
        zero_channels: 0,
        n: 30,
        level: Level::Middle,
        series: None,
        step: None,
    };
    let energy: Vec<EnergyRow> =
        Stage::of_encoder(2, Stage::Projection).into_iter().map(energy).collect();
    let energy = Figure::from_energy(&energy, &FigureOptions::default()).expect("drawn");
    figures.push(NamedFigure { name: "channel-energy".to_owned(), figure: energy });
    let findings = format!(
        "dataset,model,distance,measure,energy,finding,stage,depth_percent,value,ci_low,ci_high,note,series,step,step_low,step_high,chosen_on\n\
         nights,{b32},,,activations,half-in-one-channel,block 1,7.5,0.875,,,\"channel 7, and at every later stage\",,,,,\n\
         nights,{b32},,,differences,half-in-one-channel,,,,,,no channel holds half at any stage,,,,,\n"
    );
    fs::write(folder.path().join("findings.csv"), findings).expect("written");
    let page = page(folder.path(), &figures);
    let said = words(&page);
    let sentence = "CLIP B/32 on nights: half of the energy of activations lies in one channel first at block 1 (channel 7, and at every later stage); of the energy of differences no channel holds half at any stage.";
    assert!(said.contains(sentence), "{said}");
    assert_eq!(said.matches("Simulated answers, not human data").count(), 1, "the other figure's");
    assert!(said.contains("By the distance cosine, baselines and pixels."), "{said}");
    let scores = page.split("<section id=\"scores\"").nth(1).expect("a section");
    let scores = scores.split("</section>").next().expect("its end");
    assert!(!scores.contains("activations") && !scores.contains("0.875"), "{scores}");
}

#[test]
fn a_name_that_looks_like_a_formula_is_shown_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let figures = run_folder(folder.path(), "=SUM(A1)", false);
    let differences = "dataset,model,distance,stage,published,found,difference,n,published_n\n\
                       nights,'=MAX(A1),cosine,block 1,0.5,0.6,0.1,20019,20019\n";
    fs::write(folder.path().join("published-differences.csv"), differences).expect("written");
    let said = words(&page(folder.path(), &figures)).replace("&#39;", "'");
    assert!(said.contains("The numbers behind"), "{said}");
    assert!(said.contains("=SUM(A1)") && !said.contains("'=SUM(A1)"), "{said}");
    assert!(said.contains("=MAX(A1)") && !said.contains("'=MAX(A1)"), "{said}");
}
