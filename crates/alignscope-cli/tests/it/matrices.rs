//! Runs on people's matrices.

use crate::place::{Place, stepped_png};

const IMAGES: usize = 6;
const PEOPLE: usize = 9;

/// What the program prints, which has to end well.
fn does(place: &Place, words: &str) -> String {
    let output = place.command().args(words.split(' ')).output().expect("it starts");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{words}: {said}");
    said
}

/// Six images, and the matrices of nine people.
fn place() -> Place {
    place_of(IMAGES, &[])
}

/// Images, and matrices of nine people who did not judge some pairs.
fn place_of(images: usize, unjudged: &[[usize; 2]]) -> Place {
    let place = Place::new();
    let names: Vec<String> = (0..images).map(|i| format!("{i}.png")).collect();
    for (i, name) in names.iter().enumerate() {
        place.write(&format!("data/{name}"), stepped_png(20, 17, i + 2));
    }
    place.write("data/images.txt", names.join("\n"));
    for person in 0..PEOPLE {
        let value = |a: usize, b: usize| match a.abs_diff(b) {
            _ if unjudged.contains(&[a.min(b), a.max(b)]) => String::new(),
            0 => "0".to_owned(),
            apart => (10 * apart + (a.min(b) * 7 + apart * 3 + person * 5) % 11).to_string(),
        };
        let row = |a| (0..images).map(|b| value(a, b)).collect::<Vec<_>>().join(",");
        let rows: Vec<String> = (0..images).map(row).collect();
        place.write(&format!("data/rdm_p{person}.csv"), rows.join("\n"));
    }
    place.write("data/rdm.toml", "similarity = false\n");
    place
}

#[test]
fn a_run_on_matrices_is_compared_combined_and_verified_from_its_folder_alone() {
    let place = place();
    let run = "--dataset rdm --data data --resamples 200 --quiet";
    for (out, models) in [("one", "--model psnr"), ("two", "--model ssim-rgb")] {
        does(&place, &format!("run {models} {run} --out {out}"));
    }
    let scores = place.read("one/scores.csv");
    for measure in ["spearman", "pearson", "kendall-tau-a", "matrix-cosine", "whitened-cosine"] {
        assert!(scores.contains(&format!(",{measure},")), "{measure}: {scores}");
    }
    assert!(!scores.contains("not resampled"), "{scores}");
    let ceilings = place.read("one/ceilings.csv");
    assert_eq!(ceilings.matches("noise-ceiling-lower").count(), 5, "{ceilings}");
    assert_eq!(ceilings.matches("noise-ceiling-upper").count(), 5, "{ceilings}");

    does(&place, "verify one --all");
    // People's own matrices are in the folder: the data is needed no more.
    std::fs::remove_dir_all(place.path("data")).expect("removed");
    let of_one = place.read("one/comparisons.csv");
    does(&place, "combine one two --out both");
    let of_both = place.read("both/comparisons.csv");
    assert!(of_both.contains("ssim-rgb") && of_both.contains("psnr"), "{of_both}");
    assert!(of_both.len() > of_one.len());
    let said = does(&place, "compare both");
    assert!(said.contains("psnr"), "{said}");
    does(&place, "report one");
    assert!(place.read("one/report.html").contains("mean of 9 people"));
}

#[test]
fn people_or_images_alone_are_resampled_where_that_is_asked_for() {
    let place = place();
    let run = "run --model psnr --dataset rdm --data data --resamples 200 --quiet";
    does(&place, &format!("{run} --cluster observer --out people"));
    does(&place, &format!("{run} --cluster image --out images"));
    let [people, images] = ["people", "images"].map(|out| place.read(&format!("{out}/scores.csv")));
    assert!(!people.contains("fewer than 8 clusters"), "{people}");
    // Six images are too few.
    assert!(images.contains("fewer than 8 clusters"), "{images}");
    let words = format!("{run} --cluster none --out none");
    let output = place.command().args(words.split(' ')).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("share images") && said.contains("--cluster default"), "{said}");
}

#[test]
fn a_run_whose_pairs_use_images_in_another_order_than_listed_is_compared_and_verified_as_it_ran() {
    // Image 1 is used after image 2, and image 0 after both.
    let place = place_of(9, &[[0, 1], [0, 2], [0, 3], [1, 2]]);
    place.write("data/images.txt", "8.png\n3.png\n0.png\n5.png\n1.png\n7.png\n2.png\n6.png\n4.png");
    let run = "run --model psnr --model ssim-rgb --dataset rdm --data data --resamples 200 --quiet";
    does(&place, &format!("{run} --out run"));
    does(&place, "verify run --all");
    does(&place, "compare run --csv again.csv");
    let [ran, again] = ["run/comparisons.csv", "again.csv"].map(|path| place.read(path));
    assert!(ran.contains("psnr"), "{ran}");
    assert_eq!(ran, again);
}
