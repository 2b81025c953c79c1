//! Images and trials that are drawn rather than collected, so that the whole way can be tried
//! without data.
//!
//! The scenes are dead leaves (Lee, Mumford and Huang 2001): textured shapes whose sizes follow a
//! power law cover each other, which gives the spectrum and the edges of natural images. The
//! answers are a simulated observer's: they follow from how the images were made, with noise, and
//! say nothing about people.

mod distortion;
mod observer;
mod scene;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use distortion::Distortion;
use observer::Observer;
use scene::{Category, Picture, Scene, Variation};

use crate::image::RgbImage;

/// Undistorted images of the low level.
const REFERENCES: usize = 8;
/// Strengths of each distortion.
const LEVELS: usize = 4;
/// Trials of the middle level.
const VARIATIONS: usize = 70;
/// Images of each category of the high level.
const PER_CATEGORY: usize = 5;
/// Different triplets of the high level, and how many of them are asked a second time.
const TRIPLETS: usize = 220;
const ASKED_TWICE: usize = 110;
/// Simulated people who answer.
const SUBJECTS: usize = 12;

/// What the folder says of itself.
const README: &str = "\
The images in these folders were drawn by `alignscope demo`, and the answers in their tables come
from a SIMULATED observer: they follow from how the images were made, with noise added. No person
was asked. Scores on them show that the program works; they say nothing about human vision.
";

/// Where the three data sets are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoFolders {
    /// Rated pairs: `pairs.csv`.
    pub low: PathBuf,
    /// Two-alternative choices: `twoafc.csv`.
    pub middle: PathBuf,
    /// Odd-one-out triplets: `oddoneout.csv`.
    pub high: PathBuf,
}

/// The demo's data could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// There is something at that place.
    #[error("{path} exists already; name a new folder")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A file to be written: its path below the folder, and its content.
enum Content {
    Picture(Picture),
    Text(String),
}

/// Draws the three data sets into the new folder `dir`: about 350 images of 224 × 224 pixels.
///
/// The same seed gives the same bytes, whatever the number of threads. The folder gets its name
/// when everything is in it.
///
/// # Errors
/// `dir` exists, or cannot be written.
pub fn draw(dir: &Path, seed: u64) -> Result<DemoFolders, DemoError> {
    if dir.exists() {
        return Err(DemoError::Exists { path: dir.to_owned() });
    }
    let write_error = |path: &Path| {
        let path = path.to_owned();
        move |source| DemoError::Write { path, source }
    };
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unfinished = tempfile::Builder::new()
        .prefix(".alignscope-")
        .tempdir_in(parent)
        .map_err(write_error(dir))?;

    let mut files = vec![("README.txt".to_owned(), Content::Text(README.to_owned()))];
    files.extend(low(seed));
    files.extend(middle(seed));
    files.extend(high(seed));
    files.par_iter().try_for_each(|(name, content)| {
        let path = unfinished.path().join(name);
        write(&path, content).map_err(write_error(&path))
    })?;
    let unfinished = unfinished.keep();
    open_to_all(&unfinished)
        .and_then(|()| std::fs::rename(&unfinished, dir))
        .map_err(write_error(dir))?;
    Ok(DemoFolders { low: dir.join("low"), middle: dir.join("middle"), high: dir.join("high") })
}

/// A temporary folder is private; the demo's is as open as any new one.
#[cfg(unix)]
fn open_to_all(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
}

/// A temporary folder is as open as any new one.
#[cfg(not(unix))]
fn open_to_all(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn write(path: &Path, content: &Content) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match content {
        Content::Text(text) => std::fs::write(path, text),
        Content::Picture(picture) => {
            let image = RgbImage::new(scene::SIDE_PX, scene::SIDE_PX, picture.to_rgb8());
            std::fs::write(path, image.to_png())
        }
    }
}

/// A stream of random numbers for each thing that is drawn, so that none depends on another.
fn stream(seed: u64, level: &str, item: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let level: u64 = level.bytes().map(u64::from).sum();
    rng.set_stream((level << 32) | item as u64);
    rng
}

/// Any scene at all.
fn any_category(rng: &mut impl Rng) -> Category {
    let all = Category::all();
    all[rng.random_range(0..all.len())]
}

/// References × distortions × levels, with a simulated mean opinion score.
fn low(seed: u64) -> Vec<(String, Content)> {
    let each: Vec<Vec<(String, Content, String)>> = (0..REFERENCES)
        .into_par_iter()
        .map(|reference| {
            let mut rng = stream(seed, "low", reference);
            let category = any_category(&mut rng);
            let picture = Scene::new(category, &mut rng).render();
            let observer = Observer;
            let name = format!("ref_{reference:02}.png");
            let mut files = vec![];
            for distortion in Distortion::ALL {
                for level in 1..=LEVELS {
                    let distorted =
                        format!("{name}_{distortion}_{level}.png").replace(".png_", "_");
                    let (score, std) = observer.rate(distortion, level, &mut rng);
                    let row =
                        format!("{name},{distorted},{score:.4},{std:.4},simulated {distortion}\n");
                    let picture = distortion.apply(&picture, level, &mut rng);
                    files.push((format!("low/{distorted}"), Content::Picture(picture), row));
                }
            }
            files.push((format!("low/{name}"), Content::Picture(picture), String::new()));
            files
        })
        .collect();
    with_table("low/pairs.csv", "reference,distorted,score,std,group\n", each)
}

/// A scene and two variations of it, changed by different amounts, with simulated votes.
fn middle(seed: u64) -> Vec<(String, Content)> {
    let each: Vec<Vec<(String, Content, String)>> = (0..VARIATIONS)
        .into_par_iter()
        .map(|trial| {
            let mut rng = stream(seed, "middle", trial);
            let category = any_category(&mut rng);
            let scene = Scene::new(category, &mut rng);
            let variations: [Variation; 2] = [(); 2].map(|()| Variation {
                layout: rng.random_range(0.05..1.0),
                color: rng.random_range(0.05..1.0),
            });
            let (left_votes, right_votes) = Observer.choose(variations, &mut rng);
            let [left, right] = variations.map(|v| scene.varied(v, &mut rng).render());
            let name = |part: &str| format!("{part}/{trial:03}.png");
            let row = format!(
                "{},{},{},{left_votes},{right_votes},simulated\n",
                name("ref"),
                name("left"),
                name("right")
            );
            let file = |part: &str, picture, row| {
                (format!("middle/{}", name(part)), Content::Picture(picture), row)
            };
            vec![
                file("ref", scene.render(), row),
                file("left", left, String::new()),
                file("right", right, String::new()),
            ]
        })
        .collect();
    with_table("middle/twoafc.csv", "reference,left,right,left_votes,right_votes,group\n", each)
}

/// Images of several categories, and triplets whose odd one a simulated subject chose.
fn high(seed: u64) -> Vec<(String, Content)> {
    let categories = Category::all();
    let name = |category: usize, image: usize| format!("{}/{image}.png", categories[category]);
    let mut files: Vec<Vec<(String, Content, String)>> = (0..categories.len() * PER_CATEGORY)
        .into_par_iter()
        .map(|item| {
            let (category, image) = (item / PER_CATEGORY, item % PER_CATEGORY);
            let mut rng = stream(seed, "high", item);
            let picture = Scene::new(categories[category], &mut rng).render();
            let path = format!("high/{}", name(category, image));
            vec![(path, Content::Picture(picture), String::new())]
        })
        .collect();

    let mut rng = stream(seed, "answers", 0);
    let triplets: Vec<[(usize, usize); 3]> = (0..TRIPLETS)
        .map(|_| {
            loop {
                // Two of one category and one of another, or three as they come.
                let mut pick =
                    || (rng.random_range(0..categories.len()), rng.random_range(0..PER_CATEGORY));
                let (a, mut b, c) = (pick(), pick(), pick());
                if rng.random_bool(0.6) {
                    b.0 = a.0;
                }
                if a != b && a != c && b != c {
                    break [a, b, c];
                }
            }
        })
        .collect();
    let mut rows = String::new();
    for triplet in triplets.iter().chain(&triplets[..ASKED_TWICE]) {
        let odd = Observer.odd_one(triplet.map(|(category, _)| categories[category]), &mut rng);
        let subject = rng.random_range(0..SUBJECTS);
        let [a, b, c] = triplet.map(|(category, image)| name(category, image));
        writeln!(rows, "{a},{b},{c},{},simulated {subject}", odd + 1).expect("a string takes all");
    }
    files[0][0].2 = rows;
    with_table("high/oddoneout.csv", "image_1,image_2,image_3,odd,subject\n", files)
}

/// The files, and a table of the rows that came with them.
fn with_table(
    name: &str,
    header: &str,
    each: Vec<Vec<(String, Content, String)>>,
) -> Vec<(String, Content)> {
    let mut table = header.to_owned();
    let mut files = Vec::new();
    for (path, content, row) in each.into_iter().flatten() {
        table.push_str(&row);
        files.push((path, content));
    }
    files.push((name.to_owned(), Content::Text(table)));
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, DatasetFormat, DatasetOptions, Trials};

    #[test]
    fn the_same_seed_draws_the_same_bytes_and_the_data_sets_can_be_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = draw(&folder.path().join("a"), 3).expect("drawn");
        let second = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .expect("a pool")
            .install(|| draw(&folder.path().join("b"), 3))
            .expect("drawn");
        for (kind, a, b) in [
            (DatasetFormat::PAIRS, &first.low, &second.low),
            (DatasetFormat::TWO_AFC, &first.middle, &second.middle),
            (DatasetFormat::ODD_ONE_OUT, &first.high, &second.high),
        ] {
            let a = Dataset::open(kind, a, &DatasetOptions::default()).expect("read");
            let b = Dataset::open(kind, b, &DatasetOptions::default()).expect("read");
            assert_eq!(a.trials, b.trials);
            for (a, b) in a.images.iter().zip(&b.images) {
                let read = |path| std::fs::read(path).expect("an image");
                assert!(read(&a.path) == read(&b.path), "{} differs", a.id);
            }
        }
        assert!(matches!(draw(&folder.path().join("a"), 3), Err(DemoError::Exists { .. })));
    }

    #[test]
    fn the_simulated_answers_follow_from_how_the_images_were_made() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folders = draw(&folder.path().join("demo"), 0).expect("drawn");
        let low = Dataset::open(DatasetFormat::PAIRS, &folders.low, &DatasetOptions::default());
        let low = low.expect("read");
        let Trials::RatedPairs(trials) = &low.trials else { panic!("rated pairs") };
        let mean_of = |level: &str| {
            let scores: Vec<f64> = trials
                .iter()
                .filter(|t| low.images[t.distorted as usize].id.contains(&format!("_{level}.")))
                .map(|t| t.score)
                .collect();
            scores.iter().sum::<f64>() / scores.len() as f64
        };
        assert!(mean_of("1") > mean_of("2") && mean_of("2") > mean_of("3"));
        assert!(mean_of("3") > mean_of("4"));
    }
}
