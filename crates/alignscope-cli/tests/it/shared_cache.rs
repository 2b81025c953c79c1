//! One cache for many runs at once: in a folder that several processes write to and remove from, as
//! machines do over NFS, and in an object store, whose connections break and whose objects are
//! damaged. The results are always the bytes of a run alone.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use alignscope::demo::{self, DemoFolders};

use crate::place::{Place, golden};
use crate::program::{PROGRAM, has_parts};
use crate::servers::{BUCKET, CuttingProxy, KEY, S3Server, SECRET, answering};

/// A folder for a test, and the data sets of the demonstration, which all tests share.
struct Demo {
    place: Place,
    data: &'static DemoFolders,
}

/// Where the data sets are, which are drawn once.
fn data() -> &'static DemoFolders {
    static DATA: OnceLock<DemoFolders> = OnceLock::new();
    DATA.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("data of shared caches");
        // What an earlier run of the tests has left.
        let _ = fs::remove_dir_all(&folder);
        demo::draw(&folder, 3).expect("drawn")
    })
}

const TABLES: [&str; 8] = [
    "scores.csv",
    "findings.csv",
    "comparisons.csv",
    "ceilings.csv",
    "distances.parquet",
    "scale.parquet",
    "trials.parquet",
    "judgements.parquet",
];

impl Demo {
    fn new() -> Self {
        Self { place: Place::new(), data: data() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// A run of an encoder and a metric on two data sets, which goes through images in several
    /// sets.
    fn command(&self, out: &str, cache: &str) -> Command {
        let mut command = program();
        command.arg("run").arg("--model").arg(golden("clip/base")).arg("psnr");
        command.args(["--dataset", "pairs", "--data"]).arg(&self.data.low);
        command.args(["--dataset", "twoafc", "--data"]).arg(&self.data.middle);
        let distances = ["--distance", "normalized-euclidean", "--resamples", "100"];
        command.args(distances).args(["--threads", "1", "--cache", cache, "--out"]);
        command.arg(self.path(out)).current_dir(self.place.root());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// The tables of a run alone, with a cache of its own.
    fn expected(&self) -> Vec<Vec<u8>> {
        done(self.command("alone", "kept alone").output().expect("run"));
        self.tables("alone")
    }

    fn tables(&self, out: &str) -> Vec<Vec<u8>> {
        TABLES.map(|name| fs::read(self.path(out).join(name)).expect(name)).to_vec()
    }

    /// Images that were worked on.
    fn images(&self, out: &str) -> u64 {
        let text = fs::read(self.path(out).join("manifest.json")).expect("a manifest");
        let manifest: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let work = manifest["times"]["work"].as_array().expect("a list");
        work.iter().map(|record| record["images"].as_u64().expect("a number")).sum()
    }
}

/// The program, without what the environment of the tests says of stores and proxies.
fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os() {
        let upper = name.to_string_lossy().to_uppercase();
        if upper.starts_with("AWS_") || upper.ends_with("_PROXY") {
            command.env_remove(&name);
        }
    }
    command.env("HF_HUB_OFFLINE", "1");
    command
}

/// The same command, which knows an object store.
fn with_store(mut command: Command, server: SocketAddr) -> Command {
    command
        .env("AWS_ENDPOINT_URL", format!("http://{server}"))
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_REGION", "us-east-1");
    command
}

/// What a run that succeeded has said.
fn done(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// Standard output of `alignscope cache …`.
fn cache(server: SocketAddr, place: &str, arguments: &[&str]) -> String {
    let mut command = with_store(program(), server);
    let output = command.arg("cache").args(arguments).args(["--cache", place]).output();
    let output = output.expect("run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    done(output);
    said
}

fn s3(prefix: &str) -> String {
    format!("s3://{BUCKET}/{prefix}")
}

fn is_lease(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "use")
}

#[test]
fn processes_that_share_a_folder_which_somebody_empties_come_to_the_same_bytes() {
    let demo = Demo::new();
    let expected = demo.expected();
    let cache = demo.path("kept");
    let names: Vec<String> = (0..4).map(|i| format!("out {i}")).collect();
    let mut runs: Vec<_> =
        names.iter().map(|out| demo.command(out, "kept").spawn().expect("run")).collect();
    // Each entry is removed with all that is in it, also what is being written, a few times in all.
    let (clock, mut removed) = (Instant::now(), 0);
    while runs.iter_mut().any(|run| run.try_wait().expect("asked").is_none()) {
        assert!(clock.elapsed() < Duration::from_secs(300), "a run does not end");
        std::thread::sleep(Duration::from_millis(60));
        for entry in fs::read_dir(&cache).into_iter().flatten().flatten() {
            if removed < 4 && entry.path().join("entry.json").exists() {
                removed += usize::from(fs::remove_dir_all(entry.path()).is_ok());
            }
        }
    }
    for (run, out) in runs.into_iter().zip(&names) {
        done(run.wait_with_output().expect("ended"));
        assert!(demo.tables(out) == expected, "{out}: other results");
    }
    assert!(removed > 0, "nothing was removed while runs were at work");
    // What is kept in the end serves, and nothing is left of anybody.
    done(demo.command("last", "kept").output().expect("run"));
    assert!(demo.tables("last") == expected);
    let left: Vec<_> = fs::read_dir(&cache)
        .expect("listed")
        .flat_map(|entry| fs::read_dir(entry.expect("an entry").path()).expect("listed"))
        .map(|file| file.expect("a file").path())
        .filter(|path| is_lease(path) || path.to_string_lossy().contains(".alignscope-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn two_runs_at_once_share_a_bucket_and_come_to_the_bytes_of_a_local_cache() {
    let demo = Demo::new();
    let expected = demo.expected();
    let server = S3Server::start();
    let place = s3("team/cells");
    let runs = ["first", "second"].map(|out| {
        let command = &mut with_store(demo.command(out, &place), server.address());
        (out, command.spawn().expect("run"))
    });
    for (out, run) in runs {
        done(run.wait_with_output().expect("ended"));
        assert!(demo.tables(out) == expected, "{out}: other results");
    }
    assert!(server.objects(".set").len() >= 2 && server.objects(".values").len() >= 2);
    assert!(server.objects(".use").is_empty(), "no run is at work any more");

    // A third has nothing to encode.
    let mut third = with_store(demo.command("third", &place), server.address());
    done(third.output().expect("run"));
    assert!(demo.tables("third") == expected);
    assert_eq!(demo.images("third"), 0);

    let list = cache(server.address(), &place, &["list"]);
    has_parts(&list, &["on pairs (160 pairs)", "psnr on twoafc", "in s3://cache/team/cells"]);
    assert_eq!(list.lines().count(), 7, "{list}");
    let size = cache(server.address(), &place, &["size"]);
    assert!(size.starts_with("6 entries, "), "{size}");
    let one = cache(server.address(), &place, &["clean", "--model", "psnr"]);
    has_parts(&one, &["removed", "psnr on pairs", "2 of 6 entries removed"]);
    cache(server.address(), &place, &["clean"]);
    assert!(server.objects(".set").is_empty() && server.objects("entry.json").is_empty());
}

#[test]
fn connections_that_are_cut_in_their_middle_cost_time_and_nothing_else() {
    let demo = Demo::new();
    let expected = demo.expected();
    let server = S3Server::start();
    // First what is written, then what is read.
    for (out, bytes) in [("written", 20_000), ("read", 30_000)] {
        let proxy = CuttingProxy::start(server.address(), 5, bytes);
        let mut command = with_store(demo.command(out, &s3("")), proxy.address());
        let said = done(command.output().expect("run"));
        assert!(demo.tables(out) == expected, "{out}: other results");
        assert!(proxy.left() < 5, "{out}: nothing was cut");
        has_parts(&said, &["does not answer", "trying again"]);
    }
    assert_eq!(demo.images("read"), 0);
}

#[test]
fn objects_that_are_cut_short_or_damaged_are_told_and_computed_again() {
    let demo = Demo::new();
    let expected = demo.expected();
    let server = S3Server::start();
    let run = |out: &str| {
        let mut command = with_store(demo.command(out, &s3("x")), server.address());
        let said = done(command.output().expect("run"));
        assert!(demo.tables(out) == expected, "{out}: other results");
        said
    };
    run("first");
    let mut damaged = 0;
    for path in [server.objects(".set"), server.objects(".values")].concat() {
        let mut bytes = fs::read(&path).expect("read");
        let middle = bytes.len() / 2;
        match damaged % 3 {
            0 => bytes.truncate(middle),
            1 => bytes[middle] ^= 16,
            _ => bytes.clear(),
        }
        fs::write(&path, bytes).expect("written");
        damaged += 1;
    }
    assert!(damaged >= 4);
    let said = run("second");
    assert_eq!(said.matches("was damaged").count(), damaged, "{said}");
    assert!(!run("third").contains("damaged"));
    assert_eq!(demo.images("third"), 0);
}

#[test]
fn what_a_killed_run_left_in_a_bucket_is_left_for_a_while_and_then_nobodys() {
    let demo = Demo::new();
    let expected = demo.expected();
    let server = S3Server::start();
    let place = s3("x");
    let mut run = with_store(demo.command("killed", &place), server.address());
    let mut run = run.spawn().expect("run");
    let clock = Instant::now();
    while server.objects(".use").is_empty() || server.objects("entry.json").is_empty() {
        assert!(clock.elapsed() < Duration::from_secs(60), "it takes no lease");
        std::thread::sleep(Duration::from_millis(1));
    }
    run.kill().expect("killed");
    run.wait().expect("ended");
    let leases = server.objects(".use");
    assert_eq!(leases.len(), 1, "it was killed at work");

    let said = cache(server.address(), &place, &["clean"]);
    has_parts(&said, &["left, since a run is at work with it"]);
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    let file = fs::File::options().write(true).open(&leases[0]).expect("there");
    file.set_modified(long_ago).expect("aged");
    // It does not keep others from their work, and goes with the next of them.
    let mut again = with_store(demo.command("again", &place), server.address());
    done(again.output().expect("run"));
    assert!(demo.tables("again") == expected);
    assert!(server.objects(".use").is_empty());
    cache(server.address(), &place, &["clean"]);
    assert!(server.objects("entry.json").is_empty());
}

#[test]
fn what_keeps_a_store_from_being_used_is_said_in_words_that_help() {
    let store = S3Server::start();
    let server = store.address();
    let list = |server: SocketAddr, place: &str, variables: &[(&str, &str)]| {
        let mut command = with_store(program(), server);
        command.env("AWS_MAX_ATTEMPTS", "2").envs(variables.iter().copied());
        let output = command.args(["cache", "list", "--cache", place]).output().expect("run");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        said
    };
    let code = |status: &str, code: &str| {
        answering(status, &format!("<Error><Code>{code}</Code><Message>no</Message></Error>"))
    };
    let place = &*s3("x");
    let secret = ("AWS_SECRET_ACCESS_KEY", "another");
    has_parts(&list(server, place, &[secret]), &["SignatureDoesNotMatch", "the secret is wrong"]);
    let key = ("AWS_ACCESS_KEY_ID", "AKIASOMEBODY");
    has_parts(&list(server, place, &[key]), &["look at AWS_ACCESS_KEY_ID"]);
    has_parts(&list(server, "s3://elsewhere/x", &[]), &["has no bucket as in s3://elsewhere/x"]);
    // No program listens there, and none of other tests will.
    let closed = SocketAddr::from(([127, 0, 0, 1], 1));
    has_parts(&list(closed, place, &[]), &["cannot be reached", &closed.to_string(), "refused"]);
    let skewed = code("403 Forbidden", "RequestTimeTooSkewed");
    has_parts(&list(skewed, place, &[]), &["RequestTimeTooSkewed", "set the clock"]);
    let moved = code("301 Moved Permanently", "PermanentRedirect");
    has_parts(&list(moved, place, &[]), &["another region than us-east-1", "AWS_REGION"]);
    let denied = code("403 Forbidden", "AccessDenied");
    has_parts(&list(denied, place, &[]), &["AccessDenied", "list, get, put and delete"]);
    let web = answering("200 OK", "<html>Welcome</html>");
    has_parts(&list(web, place, &[]), &["did not answer", "as an object store does"]);
    let nowhere = answering("404 Not Found", "<html>not here</html>");
    has_parts(&list(nowhere, place, &[]), &["did not answer", "is AWS_ENDPOINT_URL right?"]);
    let busy = code("503 Service Unavailable", "SlowDown");
    has_parts(&list(busy, place, &[]), &["SlowDown", "503"]);
    let nobody = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_METADATA_ENDPOINT", &*format!("http://{closed}")),
    ];
    has_parts(
        &list(server, place, &nobody),
        &["no credentials for s3://cache/x", "AWS_ACCESS_KEY_ID"],
    );
    has_parts(&list(server, "gs://b/x", &[]), &["`gs://b/x`", "expected a folder or `s3://"]);
    has_parts(&list(server, place, &[("AWS_MAX_ATTEMPTS", "0")]), &["AWS_MAX_ATTEMPTS is `0`"]);
}

#[test]
fn a_store_is_named_by_the_environment_and_by_an_experiment_too() {
    let demo = Demo::new();
    let server = S3Server::start();
    let low = demo.data.low.display();
    let file = format!(
        "models = [\"psnr\"]\nresamples = 0\npixels = false\ncache = \"{}\"\n\
         [[datasets]]\nname = \"low\"\nformat = \"pairs\"\ndata = \"{low}\"\n",
        s3("of-the-file")
    );
    demo.place.write("experiment.toml", file);
    let run = |arguments: &[&str], variable: Option<&str>| {
        let mut command = with_store(program(), server.address());
        command.current_dir(demo.place.root()).args(["run"]).args(arguments).args(["--quiet"]);
        command.envs(variable.map(|place| ("ALIGNSCOPE_CACHE", place)));
        done(command.output().expect("run"));
    };
    let kept = |prefix: &str| {
        let of_prefix = |path: &PathBuf| path.to_string_lossy().contains(prefix);
        server.objects(".values").iter().filter(|path| of_prefix(path)).count()
    };
    run(&["experiment.toml", "--out", "a"], Some(&s3("of-the-environment")));
    assert_eq!((kept("of-the-file"), kept("of-the-environment")), (1, 0));
    let low = low.to_string();
    let typed = ["--model", "psnr", "--dataset", "pairs", "--data", &low, "--no-pixels"];
    run(&[&typed[..], &["--out", "b"]].concat(), Some(&s3("of-the-environment")));
    assert_eq!(kept("of-the-environment"), 1);
    let place = s3("typed");
    run(&["experiment.toml", "--out", "c", "--cache", &place], None);
    assert_eq!((kept("typed"), kept("of-the-file")), (1, 1));
}
