//! Finished runs of which scores follow again from their tables.

use crate::place::{Place, stepped_png};

const IMAGES: usize = 9;

/// What the program prints, and how it ends.
fn ends(place: &Place, words: &str) -> (i32, String) {
    let output = place.command().args(words.split(' ')).output().expect("it starts");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
    (output.status.code().expect("a code"), said)
}

fn does(place: &Place, words: &str) -> String {
    let (code, said) = ends(place, words);
    assert_eq!(code, 0, "{words}: {said}");
    said
}

/// Images, whose order is not that in which trials use them, and a table.
fn place(table: &str, header: &str, row: impl Fn(usize) -> String) -> Place {
    let place = Place::new();
    for i in 0..IMAGES {
        place.write(&format!("data/{i}.png"), stepped_png(20, 17, i + 2));
    }
    let order: Vec<String> = (0..IMAGES).rev().map(|i| format!("{i}.png")).collect();
    place.write("data/image_order.txt", order.join("\n"));
    let rows: Vec<String> = (0..90).map(row).collect();
    place.write(&format!("data/{table}.csv"), format!("{header}\n{}\n", rows.join("\n")));
    place
}

/// Distinct images of a trial, of which there are many orders.
fn images<const N: usize>(trial: usize) -> [usize; N] {
    std::array::from_fn(|i| (trial * 5 + i * (1 + trial % 2)) % IMAGES)
}

fn triplets() -> Place {
    place("oddoneout", "image_1,image_2,image_3,odd,response_time", |trial| {
        let [a, b, c] = images(trial);
        format!("{a}.png,{b}.png,{c}.png,{},{}", 1 + trial * 7 % 3, 1 + trial * 11 % 17)
    })
}

/// The value of the first row of `scores.csv` of a measure.
fn value(place: &Place, run: &str, measure: &str) -> String {
    let scores = place.read(&format!("{run}/scores.csv"));
    let row = scores.lines().find(|row| row.contains(&format!(",{measure},")));
    row.unwrap_or_else(|| panic!("{measure} in {scores}"))
        .split(',')
        .nth(7)
        .expect("a value")
        .into()
}

#[test]
fn a_run_verifies_whatever_numbers_its_images_have() {
    let place = triplets();
    let run = "run --model psnr --model ssim-rgb --dataset oddoneout --data data --quiet";
    does(&place, &format!("{run} --resamples 100 --out run"));
    assert!(place.read("run/scores.csv").contains(",bits,"));
    let said = does(&place, "verify run --all");
    assert!(!said.contains("DIFFERENT"), "{said}");
}

#[test]
fn response_times_are_verified_and_so_is_that_every_score_follows() {
    let place = triplets();
    let run = "run --model psnr --dataset oddoneout --data data --quiet";
    does(&place, &format!("{run} --resamples 0 --out run"));
    let [speed, agreement] = ["response-time-correlation", "bits"].map(|m| value(&place, "run", m));
    place.edit(
        "run/scores.csv",
        &format!(",response-time-correlation,{speed}"),
        &format!(",response-time-correlation,{agreement}"),
    );
    let (code, said) = ends(&place, "verify run --all");
    assert!(code == 1 && said.contains("response-time-correlation is "), "{said}");
    place.edit("run/scores.csv", ",response-time-correlation,", ",kendall,");
    let (code, said) = ends(&place, "verify run --all");
    assert!(code == 1 && said.contains("kendall does not follow from trials"), "{said}");
}

#[test]
fn temperatures_leave_out_the_default_clusters_whatever_is_resampled() {
    let place = place("quadruplets", "a_1,a_2,b_1,b_2,a_votes,b_votes,group", |trial| {
        let [a, b, c, d] = images(trial);
        let votes = trial * 7 % 6;
        format!("{a}.png,{b}.png,{c}.png,{d}.png,{votes},{},scene {}", 5 - votes, trial / 9)
    });
    let run = "run --model psnr --dataset quadruplets --data data --resamples 100 --quiet";
    does(&place, &format!("{run} --out scenes"));
    does(&place, &format!("{run} --cluster none --out none"));
    assert_eq!(value(&place, "none", "bits"), value(&place, "scenes", "bits"));
    for out in ["scenes", "none"] {
        let said = does(&place, &format!("verify {out} --all"));
        assert!(!said.contains("DIFFERENT"), "{said}");
    }
}
